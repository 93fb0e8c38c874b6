"""A database of any engine: writers with group commit, and readers."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

from afterword.base.metrics import Metrics
from afterword.store.engine.committer import Call, Committer, each
from afterword.store.engine.connection import Connection, translated_errors
from afterword.store.engine.transaction import Keeper, SendJournal
from afterword.store.engine.transaction import Transaction as Transaction
from afterword.store.engine.writer import WriterThread
from afterword.store.engine.writer_process import WriterProcess, writer_processes

T = TypeVar("T")
A = TypeVar("A")

Progress = Callable[[str, int, int], None]
"""Is called with what is being done, how much of it is done, and how much there is."""


class Database:
    """A database. `write` and `read` are for the event loop, `write_now` and `read_now` for the command line.

    With `apart`, separate processes commit the writes (see `writer_process`); then this must be the first database
    that this process opens. `write_together` spreads shops over `lanes` processes, always the same one for a shop.
    All other writes go to the first process, the only one with the journal.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        name: str,
        journal: SendJournal,
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

        self._writers: Sequence[WriterThread | WriterProcess]
        if apart:
            lane = partial(Committer, connect, Keeper())
            self._writers = writer_processes([committer] + [lane] * (lanes - 1), self.metrics)
        else:
            self._writers = [WriterThread(committer(), self.metrics)]
        self._writer = self._writers[0]
        self.migrated = self._writer.migrated
        """The numbers of the migrations that were applied on opening."""
        self._reading = connect()

    async def write(self, work: Callable[[Transaction], T], shop_id: int | None = None) -> T:
        """Runs `work` in a transaction that it may share with other writes, and returns after the fsync.

        `work` is a module-level function, or a `functools.partial` of one: another process may run it. It may run
        more than once (if another write fails and the shared transaction is rolled back), so it must have no other
        side effects. An exception that it raises is raised here, and rolls back only its own changes. Raises
        StoreUnavailable, of
        which NodeAway, where `shop_id` is the shop that it is about, concerns that shop's node alone.
        """
        result: T = await self._put(self._writer, (each, work, shop_id))
        return result

    def _put(self, writer: WriterThread | WriterProcess, call: Call) -> asyncio.Future[Any]:
        return writer.put(call)

    def write_together(
        self,
        work: Callable[[Transaction, list[A]], Sequence[T | Exception]],
        item: A,
        shop_id: int | None = None,
        *,
        journaled: bool = False,
    ) -> asyncio.Future[T]:
        """Like `write`, but concurrent items with the same `work` are passed to it as one list. Starts at once.

        If there are several writers, writes with a `shop_id` go to that shop's writer, which may have no journal,
        or if they are `journaled`, to the one that has it.

        `work` returns one result per item, in order. An exception among the results is raised here and rolls back
        nothing. If `work` itself raises, it is called again for each item alone.
        """
        is_free = shop_id is not None and not journaled
        writer = self._writers[(shop_id or 0) % len(self._writers)] if is_free else self._writer
        return self._put(writer, (work, item, shop_id))

    def by_node(self, items: Iterable[A], shop_of: Callable[[A], int]) -> list[tuple[int, list[A]]]:
        """What is about many shops, apart by the nodes that these are on, as far as that is known: for a write each,
        with a shop of it."""
        nodes: dict[int | None, list[A]] = {}
        for item in items:
            nodes.setdefault(self._reading.node_of(shop_of(item)), []).append(item)
        return [(shop_of(group[0]), group) for group in nodes.values()]

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Runs a short, indexed read on a snapshot. Never waits for the writer."""
        return self.read_now(work)

    def write_now(self, work: Callable[[Transaction], T]) -> T:
        """Like `write`, without an event loop, in its own transaction. Waits for writes of other processes."""
        return self._writer.put_now(work)

    def read_now(self, work: Callable[[Transaction], T]) -> T:
        """Like `read`, without an event loop."""
        return ask(self._reading, work)

    @property
    def nodes_away(self) -> Sequence[int]:
        """The numbers of the nodes of a cluster that this process knows not to answer."""
        return ()

    @property
    def is_held(self) -> bool:
        """Whether sending is paused because the send journal is missing or unreachable (guarantee 9)."""
        return self._writer.is_held

    @property
    def writes_waiting(self) -> int:
        """How many writes of this process are not durable yet."""
        return sum(writer.waiting for writer in self._writers)

    async def until_lost(self) -> None:
        """Returns when writing is permanently impossible, so that the process must be restarted."""
        lost = [asyncio.ensure_future(writer.until_lost()) for writer in self._writers]
        try:
            await asyncio.wait(lost, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in lost:
                waiting.cancel()

    async def look_for_journal(self) -> None:
        """Resumes sending if the missing journal is back, or the operator has accepted its loss."""
        await self.write(_open_journal)

    def accept_journal_loss(self) -> None:
        """Starts a new journal and resumes sending, after the operator has accepted that the old one is lost."""
        self.write_now(_start_new_journal)

    def scrub(self) -> str | None:
        """After an erasure, takes what was erased out of the database's files as far as that is possible while it is
        in use. Returns a sentence about what may be left there. Raises StoreUnavailable."""
        return None

    def check(self) -> list[str]:
        """Corruption that the engine reports, in its own words; empty if there is none."""
        return []

    def close_now(self) -> None:
        """Finishes all accepted writes, then closes the database."""
        for writer in self._writers:
            writer.close()
        self._reading.close()


def ask(connection: Connection, work: Callable[[Transaction], T]) -> T:
    """Runs a read. Raises StoreUnavailable, and anything that `work` raises."""
    try:
        return work(Transaction(connection))
    except Exception:
        with translated_errors(connection):  # only now: it takes as long as a short read
            raise


def _open_journal(tx: Transaction) -> None:
    tx.keeper.open(tx)


def _start_new_journal(tx: Transaction) -> None:
    tx.keeper.start_new_journal(tx)
