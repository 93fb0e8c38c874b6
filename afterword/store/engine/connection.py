"""The interface of a connection, the same for every engine."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, Protocol

from afterword.base.errors import StoreUnavailable

Row = tuple[Any, ...]

Params = Mapping[str, Any] | Sequence[Any]
"""Parameters by name, or in the order in which the names first occur in the statement (faster, for hot paths)."""

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

    def rows(self, sql: str, params: Params = ()) -> list[Row]: ...

    def run(self, sql: str, params: Params = ()) -> int:
        """Runs a statement and returns how many rows it changed."""
        ...

    def rows_each(self, sql: str, many: Sequence[Params]) -> list[list[Row]]:
        """`rows` for each of `many`, in one round trip where the engine has round trips."""
        ...

    def rows_by_id(self, sql: str, many: Sequence[Params]) -> list[Row]:
        """Runs a query about one row, by `:order_id` or `:message_id`, for many existing rows in one round trip, and
        returns one row each. The query's first column is the id."""
        ...

    def run_by_id(self, sql: str, many: Sequence[Params]) -> list[bool]:
        """Runs a statement that changes one row, by `:order_id` or `:message_id`, for many distinct ids in one round
        trip. Returns for each whether it was changed."""
        ...

    def insert(self, name: str, rows: Sequence[Row]) -> int:
        """Runs the named INSERT for each of these rows of one shop, in few statements, and returns how many rows were
        inserted; fewer than given if the statement skips conflicts."""
        ...

    def next_order_ids(self) -> int:
        """Reserves a block of IDS_A_BLOCK order ids and returns the first. A rollback may release the block."""
        ...

    def next_review_number(self) -> int:
        """A number that no other review has. A rollback may release it."""
        ...

    def stream(self, sql: str, params: Params = ()) -> Iterator[Row]:
        """Like `rows`, but yields one row at a time without holding all of them in memory."""
        ...

    def insert_all(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Inserts a stream of rows by the engine's fastest method, without a timeout."""
        ...

    def begin(self) -> None:
        """Waits for the write lock and begins a transaction."""
        ...

    def exclude_others(self) -> None:
        """Takes a lock that is held until the end of the transaction; other transactions that call this wait."""
        ...

    def commit(self, *, awaited: bool = False, announced: bool = False) -> None:
        """Returns when the transaction is durable. With `awaited`, its locks may be released earlier, where no
        later transaction can become durable before it. With `announced`, those who look for what is due learn that
        there is something new, where they look too rarely to see it soon."""
        ...

    def rollback(self) -> None:
        """Rolls back the open transaction, if there is one."""
        ...

    def judge(self, error: Exception) -> Verdict: ...

    def node_of(self, shop_id: int | None) -> int | None:
        """Which server has the rows of a shop, as far as that is known: no transaction writes to two."""
        ...

    def refuse_if_partial(self) -> None:
        """Raises NodeAway if what a query about all shops has found may not be all, since a node does not answer."""
        ...

    def beside(self) -> "Connection | None":
        """On a cluster, another connection: for rows of the coordinator that transactions of all nodes change. One
        that waits for a node must not lock them. None elsewhere."""
        ...

    def refusal(self, shop_id: int | None) -> Exception | None:
        """Why nothing can be done for this shop now, though something can for others."""
        ...

    def unavailable(self, error: Exception) -> Exception:
        """Turns the engine's errors into StoreUnavailable; returns any other error unchanged."""
        ...

    def close(self) -> None: ...


def unusable(error: OSError) -> StoreUnavailable:
    """What a file, the send journal's above all, cannot be used for, with its name."""
    name = error.filename or "a file"
    return StoreUnavailable(f"{name} cannot be used: {error.strerror or type(error).__name__}")


@contextmanager
def translated_errors(*connections: Connection) -> Iterator[None]:
    """Raises the engines' errors as StoreUnavailable, and all others as they are."""
    try:
        yield
    except Exception as error:
        translated: Exception = error
        for connection in connections:
            translated = connection.unavailable(translated)
        if translated is error:
            raise
        raise translated from error


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Commits what the block writes, or nothing if it raises. Translates errors as `translated_errors` does."""
    with translated_errors(connection):
        try:
            connection.begin()
            yield
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
