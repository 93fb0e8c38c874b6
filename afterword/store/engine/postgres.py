"""PostgreSQL: any number of processes on one server's rows."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from afterword.base.metrics import Metrics
from afterword.store.engine.database import JournalSource, Transaction
from afterword.store.engine.engine_database import EngineDatabase, ask
from afterword.store.engine.postgres_connection import PostgresConnection

T = TypeVar("T")

LANES = 2
"""Processes that write orders, where a server has them write apart: while one waits for COMMIT another goes on."""

READERS = 4
"""Questions that a process asks at a time. Each has a connection of its own, opened when it is first needed."""


class PostgresDatabase(EngineDatabase):
    """Every process that sends must have the same journal: a file on their one host, or rows (guarantee 9)."""

    def __init__(
        self, url: str, journal: JournalSource, *, apart: bool = False, metrics: Metrics | None = None
    ) -> None:
        connect = partial(PostgresConnection, url)
        name = "The PostgreSQL database"
        super().__init__(connect, name, journal, apart=apart, lanes=LANES, metrics=metrics)
        self.url = url
        self._connect = connect
        self._idle: deque[PostgresConnection] = deque()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="postgres")

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """In a thread: a question to a server takes its time, in which the event loop goes on."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read_aside, work)

    def _read_aside(self, work: Callable[[Transaction], T]) -> T:
        connection = self._idle.pop() if self._idle else self._connect()
        try:
            return ask(connection, work)
        finally:
            self._idle.append(connection)

    def close_now(self) -> None:
        super().close_now()
        self._readers.shutdown()
        while self._idle:
            self._idle.pop().close()
