"""The implementation that all engines share: writers with group commit, and readers."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar, cast

from afterword.base.metrics import Metrics
from afterword.store.engine.committer import Committer, NoJournal, each
from afterword.store.engine.connection import Connection
from afterword.store.engine.database import JournalSource, Transaction
from afterword.store.engine.transaction import OpenTransaction
from afterword.store.engine.writer import Writer, WriterThread
from afterword.store.engine.writer_process import writer_processes

T = TypeVar("T")
A = TypeVar("A")


class EngineDatabase:
    """See `database.Database`.

    With `apart`, separate processes commit the writes (see `writer_process`); then this must be the first database
    that this process opens. `write_together` spreads shops over `lanes` processes, always the same one for a shop.
    All other writes go to the first process, the only one with the journal.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        name: str,
        journal: JournalSource,
        *,
        apart: bool = False,
        lanes: int = 1,
        metrics: Metrics | None = None,
    ) -> None:
        """`name` is the database's name for people; pass `metrics` to share counters with other processes.

        Raises SchemaTooNew, StoreUnavailable.
        """
        self.name = name
        self.journal = journal
        self.metrics = metrics or Metrics()

        def committer() -> Committer:
            return Committer(connect, journal.keeper())

        if apart:
            lane = partial(Committer, connect, NoJournal())
            self._writers: Sequence[Writer] = writer_processes(
                [committer] + [lane] * (lanes - 1), self.metrics
            )
        else:
            self._writers = [WriterThread(committer(), self.metrics)]
        self._writer = self._writers[0]
        self._reading = connect()

    @property
    def migrated(self) -> list[int]:
        """The numbers of the migrations that were applied on opening."""
        return self._writer.migrated

    async def write(self, work: Callable[[Transaction], T]) -> T:
        result: T = await self._writer.put((each, work))
        return result

    def write_together(
        self,
        work: Callable[[Transaction, list[A]], Sequence[T | Exception]],
        item: A,
        shop_id: int | None = None,
    ) -> asyncio.Future[T]:
        writer = self._writer if shop_id is None else self._writers[shop_id % len(self._writers)]
        return writer.put((work, item))

    def write_now(self, work: Callable[[Transaction], T]) -> T:
        return self._writer.put_now(work)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        return self.read_now(work)

    def read_now(self, work: Callable[[Transaction], T]) -> T:
        return ask(self._reading, work)

    @property
    def is_held(self) -> bool:
        return self._writer.is_held

    @property
    def writes_waiting(self) -> int:
        return sum(writer.waiting for writer in self._writers)

    async def until_lost(self) -> None:
        lost = [asyncio.ensure_future(writer.until_lost()) for writer in self._writers]
        try:
            await asyncio.wait(lost, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in lost:
                waiting.cancel()

    async def look_for_journal(self) -> None:
        await self.write(_open_journal)

    def accept_journal_loss(self) -> None:
        """Starts a new journal and resumes sending, after the operator has accepted that the old one is lost."""
        self.write_now(_accept_journal_loss)

    def check(self) -> list[str]:
        """Corruption that the engine reports, in its own words; empty if there is none."""
        return []

    async def close(self) -> None:
        self.close_now()

    def close_now(self) -> None:
        """Like `close`, without an event loop."""
        for writer in self._writers:
            writer.close()
        self._reading.close()


def ask(connection: Connection, work: Callable[[Transaction], T]) -> T:
    """Runs a read. Raises StoreUnavailable, and anything that `work` raises."""
    try:
        return work(OpenTransaction(connection))
    except Exception as error:
        translated = connection.unavailable(error)
        if translated is error:
            raise
        raise translated from error


def _open_journal(tx: Transaction) -> None:
    cast(OpenTransaction, tx).open_journal()


def _accept_journal_loss(tx: Transaction) -> None:
    cast(OpenTransaction, tx).accept_journal_loss()
