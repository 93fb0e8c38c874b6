"""What the store needs of a database, whichever engine keeps the rows."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from afterword.base.metrics import Metrics

T = TypeVar("T")
A = TypeVar("A")
Params = Mapping[str, Any] | Sequence[Any]
"""By name, or in the order in which the names first occur in the text (faster, for hot paths)."""


class Transaction(Protocol):
    """One transaction. Nothing in it counts until `Database.write` has returned.

    `has_journal` is False when the send journal of this database is lost; then `journal` raises JournalMissing.
    """

    has_journal: bool

    def rows(self, sql: str, params: Params = ()) -> list[tuple[Any, ...]]: ...

    def run(self, sql: str, params: Params = ()) -> int:
        """Runs a statement and returns how many rows it changed."""
        ...

    def rows_each(self, sql: str, many: Sequence[Params]) -> list[list[tuple[Any, ...]]]:
        """`rows` of each of these: one round trip where there are any."""
        ...

    def rows_of_orders(self, sql: str, many: Sequence[Params]) -> list[tuple[Any, ...]]:
        """What `sql` asks of one order, whose number (`:order_id`) is its first column, asked of many that are there:
        a row each, in one round trip."""
        ...

    def run_for_orders(self, sql: str, many: Sequence[Params]) -> list[bool]:
        """Runs what changes the row of one order (`:order_id`) for many, no two of them the same, in one round trip.
        Returns which were changed."""
        ...

    def insert(self, name: str, rows: Sequence[tuple[Any, ...]]) -> int:
        """Runs the INSERT of that name for each row, and returns how many rows it made. One that is there already is
        passed over if the statement says so."""
        ...

    def exclude_others(self) -> None:
        """Until the end of this transaction no other one that calls this goes on."""
        ...

    def new_order_ids(self, count: int) -> list[int]:
        """Numbers that no other order of any shop has, below 2^53, growing."""
        ...

    def journal(self, line: str) -> None:
        """Has the send journal hold this line, durably, before this transaction counts."""
        ...


class JournaledTransaction(Transaction, Protocol):
    """A transaction whose journal lines are not written yet."""

    lines: list[str]


class Keeper(Protocol):
    """Keeps a database and its send journal in step.

    All of it is called while the database's write lock is held: that is what gives the lines their order.
    """

    @property
    def is_kept(self) -> bool:
        """Whether this database has its journal."""
        ...

    def open(self, tx: JournaledTransaction) -> None:
        """Finds the journal that belongs to this database, and carries over what it knows better."""
        ...

    def start_anew(self, tx: JournaledTransaction) -> None:
        """The operator accepts that the old journal is lost."""
        ...

    def write(self, tx: JournaledTransaction) -> bool:
        """Makes the transaction's lines durable; its COMMIT must follow. Returns whether there were any.
        Raises JournalAhead, JournalMissing."""
        ...

    def catch_up(self, tx: Transaction) -> None:
        """Applies the lines that the database does not know. Raises JournalMissing."""
        ...

    def failed(self) -> None:
        """The lines just written, if any were, belong to a commit that did not happen."""
        ...

    def close(self) -> None: ...


JournalAddress = Path | str
"""Where a send journal is: a file, or the address of a PostgreSQL database."""


class JournalSource(Protocol):
    """Where a send journal is, and who keeps it."""

    @property
    def address(self) -> JournalAddress: ...

    def keeper(self) -> Keeper:
        """One for each connection that writes to the journal."""
        ...


class Database(Protocol):
    """Rows behind one writer. `write` and `read` are for the event loop, `write_now` for the command line."""

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Runs `work` in a transaction that it may share with its neighbours, and returns after the fsync.

        `work` is a function of a module, or a `functools.partial` of one: it may be run by another process. It
        may run more than once (when a neighbour failed and the shared transaction was undone), so it
        keeps its results to itself until it returns. Whatever it raises is raised here and undoes only its
        own changes. Raises StoreUnavailable.
        """
        ...

    def write_together(
        self,
        work: Callable[[Transaction, list[A]], Sequence[T | Exception]],
        item: A,
        shop_id: int | None = None,
    ) -> asyncio.Future[T]:
        """`write`, but what came at the same time with the same `work` is handed to it as one list. Begun at once.

        Where there are several writers, all that is written with a `shop_id` is written by that shop's, which may
        have no journal.

        `work` answers for each item, in order; an exception among the answers is raised here and undoes nothing.
        When it fails for a list, it is called again for each item alone.
        """
        ...

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Runs a short, indexed `work` on a snapshot. Never waits for the writer."""
        ...

    def write_now(self, work: Callable[[Transaction], T]) -> T:
        """`write` without an event loop: a transaction of its own, waiting for other processes its turn."""
        ...

    def read_now(self, work: Callable[[Transaction], T]) -> T:
        """`read` without an event loop."""
        ...

    @property
    def is_held(self) -> bool:
        """Whether nothing may be sent because the send journal is missing or cannot be reached (guarantee 9)."""
        ...

    @property
    def metrics(self) -> Metrics:
        """What was done with these rows, to count in."""
        ...

    @property
    def writes_waiting(self) -> int:
        """How many writes of this process are not on the disk yet."""
        ...

    async def until_lost(self) -> None:
        """Returns when nothing can be written any more, whatever is done: time to stop, and be started again."""
        ...

    async def look_for_journal(self) -> None:
        """Goes on sending when the missing journal is there again, or its loss was accepted."""
        ...

    async def close(self) -> None:
        """Finishes what was accepted and closes the files."""
        ...
