"""What a committer needs of one connection to the rows, whichever engine keeps them."""

from typing import Any, Literal, Protocol

from afterword.store.database import Params

Dialect = Literal["sqlite", "postgres"]

IDS_A_BLOCK = 1_000

Verdict = Literal["again", "nobody", "apart"]
"""What an error in a shared transaction means: it may go well another time; nobody's write can go well now; or one of
the writes is wrong, and each is to be tried by itself."""


class Connection(Protocol):
    """One connection, for one thread at a time. Statements are written in SQL's common words, with `:name` values."""

    dialect: Dialect

    def rows(self, sql: str, params: Params = ()) -> list[tuple[Any, ...]]: ...

    def run(self, sql: str, params: Params = ()) -> int:
        """Runs a statement and returns how many rows it changed."""
        ...

    def next_order_ids(self) -> int:
        """The first of IDS_A_BLOCK numbers that no order has. After a rollback they may be given again."""
        ...

    def begin(self) -> None:
        """Begins a transaction that writes, when its turn has come."""
        ...

    def exclude_others(self) -> None:
        """Until the end of this transaction no other one that calls this goes on."""
        ...

    def commit(self) -> None:
        """Returns when what was written is durable."""
        ...

    def rollback(self) -> None:
        """Undoes what was begun, if anything was."""
        ...

    def judge(self, error: Exception) -> Verdict: ...

    def unavailable(self, error: Exception) -> Exception:
        """The engine's own errors in the words of `database`; any other error as it is."""
        ...

    def close(self) -> None: ...
