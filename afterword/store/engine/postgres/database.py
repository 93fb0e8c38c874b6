"""PostgreSQL, which any number of processes can share."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from afterword.base.errors import NodeAway
from afterword.base.metrics import Metrics
from afterword.store.engine.committer import Call
from afterword.store.engine.database import Database, ask
from afterword.store.engine.postgres.address import read_address
from afterword.store.engine.postgres.connection import PostgresConnection
from afterword.store.engine.postgres.nodes import nodes_of
from afterword.store.engine.transaction import SendJournal, Transaction
from afterword.store.engine.writer import WriterThread
from afterword.store.engine.writer_process import WriterProcess

T = TypeVar("T")

LANES = 2
"""Processes that write orders when writes are committed apart: one works while the other waits for COMMIT."""

READERS = 4
"""Concurrent reads per process. Each uses its own connection, opened on first use."""


class PostgresDatabase(Database):
    """All processes that send must share one journal: a file if they run on one host, otherwise rows
    (guarantee 9)."""

    def __init__(
        self, url: str, journal: SendJournal, *, apart: bool = False, metrics: Metrics | None = None
    ) -> None:
        connect = partial(PostgresConnection, url)
        name = "The PostgreSQL database"
        super().__init__(connect, name, journal, apart=apart, lanes=LANES, metrics=metrics)
        self.url = url
        self._nodes = nodes_of(url, read_address(url))
        self._idle: deque[PostgresConnection] = deque()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="postgres")

    def _put(self, writer: WriterThread | WriterProcess, call: Call) -> asyncio.Future[Any]:
        writing = super()._put(writer, call)
        writing.add_done_callback(self._hear)
        return writing

    def _hear(self, writing: asyncio.Future[Any]) -> None:
        """This process learns that a node does not answer from those that write for it."""
        if not writing.cancelled() and isinstance(writing.exception(), NodeAway):
            self._nodes.suspect()

    @property
    def nodes_away(self) -> Sequence[int]:
        return sorted(self._nodes.away)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Runs `work` in a thread, so that the event loop does not wait for the server."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read_aside, work)

    def _read_aside(self, work: Callable[[Transaction], T]) -> T:
        connection = self._idle.pop() if self._idle else PostgresConnection(self.url, gives_up=True)
        try:
            ask(connection, lambda _: connection.is_on_cluster())
            return ask(connection, work)
        finally:
            self._idle.append(connection)

    def scrub(self) -> str | None:
        return (
            "PostgreSQL keeps erased rows in its files until it has vacuumed their tables, and in its WAL until that "
            "is removed."
        )

    def close_now(self) -> None:
        super().close_now()
        self._readers.shutdown()
        while self._idle:
            self._idle.pop().close()
