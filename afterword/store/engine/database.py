"""The interfaces of a database and its send journal, the same for every engine."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from afterword.base.metrics import Metrics

T = TypeVar("T")
A = TypeVar("A")
Params = Mapping[str, Any] | Sequence[Any]
"""Parameters by name, or in the order in which the names first occur in the statement (faster, for hot paths)."""


class Transaction(Protocol):
    """One transaction. Nothing it writes is durable until `Database.write` has returned.

    `has_journal` is False if the database has lost its send journal; then `journal` raises JournalMissing.
    """

    has_journal: bool

    def rows(self, sql: str, params: Params = ()) -> list[tuple[Any, ...]]: ...

    def run(self, sql: str, params: Params = ()) -> int:
        """Runs a statement and returns how many rows it changed."""
        ...

    def rows_each(self, sql: str, many: Sequence[Params]) -> list[list[tuple[Any, ...]]]:
        """`rows` for each of `many`, in one round trip where the engine has round trips."""
        ...

    def rows_by_id(self, sql: str, many: Sequence[Params]) -> list[tuple[Any, ...]]:
        """Runs a query about one row, by `:order_id` or `:message_id`, for many existing rows in one round trip, and
        returns one row each. The query's first column is the id."""
        ...

    def run_by_id(self, sql: str, many: Sequence[Params]) -> list[bool]:
        """Runs a statement that changes one row, by `:order_id` or `:message_id`, for many distinct ids in one round
        trip. Returns for each whether it was changed."""
        ...

    def insert(self, name: str, rows: Sequence[tuple[Any, ...]]) -> int:
        """Runs the named INSERT for each row, and returns how many rows were inserted; fewer than given if the
        statement skips conflicts."""
        ...

    def exclude_others(self) -> None:
        """Takes a lock that is held until the end of the transaction; other transactions that call this wait."""
        ...

    def new_order_ids(self, count: int) -> list[int]:
        """New ids of orders and messages, unique across all shops, ascending, below 2^53."""
        ...

    def journal(self, line: str) -> None:
        """Adds a line to the send journal; it is durable before the transaction commits. Raises JournalMissing."""
        ...


class JournaledTransaction(Transaction, Protocol):
    """A transaction with journal lines that are not written yet."""

    lines: list[str]


class Keeper(Protocol):
    """Keeps a database and its send journal in step.

    Every method is called while the database's write lock is held; that orders the journal's lines.
    """

    @property
    def has_journal(self) -> bool:
        """Whether the database's journal is open."""
        ...

    def open(self, tx: JournaledTransaction) -> None:
        """Opens the database's journal, and applies the lines that the database does not know."""
        ...

    def start_new_journal(self, tx: JournaledTransaction) -> None:
        """Starts a new journal, after the operator has accepted that the old one is lost."""
        ...

    def write(self, tx: JournaledTransaction) -> bool:
        """Makes the transaction's lines durable; its COMMIT must follow. Returns whether there were any.

        Raises JournalAhead, JournalMissing.
        """
        ...

    def catch_up(self, tx: Transaction) -> None:
        """Applies the lines that the database does not know. Raises JournalMissing."""
        ...

    def failed(self) -> None:
        """Reports that the commit for the lines just written, if any, did not happen."""
        ...

    def close(self) -> None: ...


JournalAddress = Path | str
"""Where a send journal is: a file, or the address of a PostgreSQL database."""


class JournalSource(Protocol):
    """Opens the send journal at an address."""

    @property
    def address(self) -> JournalAddress: ...

    def keeper(self) -> Keeper:
        """A new keeper; each connection that writes to the journal needs its own."""
        ...


class Database(Protocol):
    """A database. `write` and `read` are for the event loop, `write_now` and `read_now` for the command line."""

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Runs `work` in a transaction that it may share with other writes, and returns after the fsync.

        `work` is a module-level function, or a `functools.partial` of one: another process may run it. It may run
        more than once (if another write fails and the shared transaction is rolled back), so it must have no other
        side effects. An exception that it raises is raised here, and rolls back only its own changes. Raises
        StoreUnavailable.
        """
        ...

    def write_together(
        self,
        work: Callable[[Transaction, list[A]], Sequence[T | Exception]],
        item: A,
        shop_id: int | None = None,
    ) -> asyncio.Future[T]:
        """Like `write`, but concurrent items with the same `work` are passed to it as one list. Starts at once.

        If there are several writers, writes with a `shop_id` go to that shop's writer, which may have no journal.

        `work` returns one result per item, in order. An exception among the results is raised here and rolls back
        nothing. If `work` itself raises, it is called again for each item alone.
        """
        ...

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Runs a short, indexed read on a snapshot. Never waits for the writer."""
        ...

    def write_now(self, work: Callable[[Transaction], T]) -> T:
        """Like `write`, without an event loop, in its own transaction. Waits for writes of other processes."""
        ...

    def read_now(self, work: Callable[[Transaction], T]) -> T:
        """Like `read`, without an event loop."""
        ...

    @property
    def is_held(self) -> bool:
        """Whether sending is paused because the send journal is missing or unreachable (guarantee 9)."""
        ...

    @property
    def metrics(self) -> Metrics:
        """The counters of what this process does with the database."""
        ...

    @property
    def writes_waiting(self) -> int:
        """How many writes of this process are not durable yet."""
        ...

    async def until_lost(self) -> None:
        """Returns when writing is permanently impossible, so that the process must be restarted."""
        ...

    async def look_for_journal(self) -> None:
        """Resumes sending if the missing journal is back, or the operator has accepted its loss."""
        ...

    async def close(self) -> None:
        """Finishes all accepted writes, then closes the database."""
        ...
