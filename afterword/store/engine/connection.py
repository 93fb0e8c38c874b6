"""What a committer needs of one connection to the rows, whichever engine keeps them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, Protocol

from afterword.store.engine.database import Params

Dialect = Literal["sqlite", "postgres"]

IDS_A_BLOCK = 1_000

Verdict = Literal["again", "none", "apart"]
"""What an error in a shared transaction means: it may succeed another time; no write can succeed now; or one of
the writes is wrong, and each is to be tried by itself."""


class Connection(Protocol):
    """One connection, for one thread at a time. Statements are written in SQL's common words, with `:name` values."""

    dialect: Dialect

    @property
    def name(self) -> str:
        """The database as people read it, without a password."""
        ...

    def rows(self, sql: str, params: Params = ()) -> list[tuple[Any, ...]]: ...

    def run(self, sql: str, params: Params = ()) -> int:
        """Runs a statement and returns how many rows it changed."""
        ...

    def next_order_ids(self) -> int:
        """The first of IDS_A_BLOCK numbers that no order has. After a rollback they may be given again."""
        ...

    def rows_each(self, sql: str, many: Sequence[Params]) -> list[list[tuple[Any, ...]]]:
        """`rows` of each of these, where that can be without waiting for one before the next."""
        ...

    def rows_of_orders(self, sql: str, many: Sequence[Params]) -> list[tuple[Any, ...]]:
        """See `Transaction`."""
        ...

    def run_for_orders(self, sql: str, many: Sequence[Params]) -> list[bool]:
        """See `Transaction`."""
        ...

    def insert(self, name: str, rows: Sequence[tuple[Any, ...]]) -> int:
        """Runs the INSERT of that name for each row, in few statements, and returns how many rows it made."""
        ...

    def stream(self, sql: str, params: Params = ()) -> Iterator[tuple[Any, ...]]:
        """`rows`, one after the other, however many they are: never all in memory."""
        ...

    def insert_all(self, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
        """Inserts rows that come one after the other, in the quickest way, however long it takes."""
        ...

    def begin(self) -> None:
        """Begins a transaction that writes, when its turn has come."""
        ...

    def exclude_others(self) -> None:
        """Until the end of this transaction no other one that calls this goes on."""
        ...

    def commit(self, *, awaited: bool = False) -> None:
        """Returns when what was written is durable. `awaited`: others wait for this one, and may go on before it is,
        where what they write cannot be durable before it."""
        ...

    def rollback(self) -> None:
        """Undoes what was begun, if anything was."""
        ...

    def judge(self, error: Exception) -> Verdict: ...

    def unavailable(self, error: Exception) -> Exception:
        """The engine's own errors in the words of `database`; any other error as it is."""
        ...

    def close(self) -> None: ...
