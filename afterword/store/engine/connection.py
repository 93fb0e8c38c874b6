"""The interface of a connection, the same for every engine."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, Protocol

from afterword.store.engine.database import Params

Dialect = Literal["sqlite", "postgres"]

IDS_A_BLOCK = 1_000

Verdict = Literal["again", "none", "apart"]
"""What to do after an error in a shared transaction: `again` retries it; `none` gives up, since no write can succeed
now; `apart` retries each write in its own transaction, since one of them is faulty."""


class Connection(Protocol):
    """One connection, for one thread at a time. Statements are portable SQL with `:name` parameters."""

    dialect: Dialect

    @property
    def name(self) -> str:
        """The database's name for people, without a password."""
        ...

    def rows(self, sql: str, params: Params = ()) -> list[tuple[Any, ...]]: ...

    def run(self, sql: str, params: Params = ()) -> int:
        """Runs a statement and returns how many rows it changed."""
        ...

    def next_order_ids(self) -> int:
        """Reserves a block of IDS_A_BLOCK order ids and returns the first. A rollback may release the block."""
        ...

    def rows_each(self, sql: str, many: Sequence[Params]) -> list[list[tuple[Any, ...]]]:
        """`rows` for each of `many`, in one round trip where the engine has round trips."""
        ...

    def rows_by_id(self, sql: str, many: Sequence[Params]) -> list[tuple[Any, ...]]:
        """See `Transaction`."""
        ...

    def run_by_id(self, sql: str, many: Sequence[Params]) -> list[bool]:
        """See `Transaction`."""
        ...

    def insert(self, name: str, rows: Sequence[tuple[Any, ...]]) -> int:
        """Runs the named INSERT for each row, in few statements, and returns how many rows were inserted."""
        ...

    def stream(self, sql: str, params: Params = ()) -> Iterator[tuple[Any, ...]]:
        """Like `rows`, but yields one row at a time without holding all of them in memory."""
        ...

    def insert_all(self, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
        """Inserts a stream of rows by the engine's fastest method, without a timeout."""
        ...

    def begin(self) -> None:
        """Waits for the write lock and begins a transaction."""
        ...

    def exclude_others(self) -> None:
        """Takes a lock that is held until the end of the transaction; other transactions that call this wait."""
        ...

    def commit(self, *, awaited: bool = False) -> None:
        """Returns when the transaction is durable. With `awaited`, its locks may be released earlier, where no
        later transaction can become durable before it."""
        ...

    def rollback(self) -> None:
        """Rolls back the open transaction, if there is one."""
        ...

    def judge(self, error: Exception) -> Verdict: ...

    def unavailable(self, error: Exception) -> Exception:
        """Turns the engine's errors into StoreUnavailable; returns any other error unchanged."""
        ...

    def close(self) -> None: ...
