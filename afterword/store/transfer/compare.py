"""Whether two databases have the same rows, whichever engines keep them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

import msgspec

from afterword.base.errors import Refused
from afterword.store.engine.connection import Connection
from afterword.store.engine.database import Progress, Row
from afterword.store.transfer.tables import Table

_ROWS_A_STEP = 10_000
"""After so many rows of a table, progress is shown."""

_encode = msgspec.msgpack.Encoder().encode


class Differs(Refused):
    """A table is not the same in two databases."""


class Digest(NamedTuple):
    """Rows in any order: how many there are, and the sum of their SHA-256 hashes modulo 2^256. A row is hashed as
    MessagePack, so its digest is the same for every engine."""

    rows: int
    total: int

    @property
    def sha256(self) -> str:
        return f"{self.total:064x}"


class Digesting:
    """Counts and hashes rows as they pass by."""

    def __init__(self, show: Callable[[int], None] = lambda rows: None) -> None:
        """`show` is called with the rows that have passed since it was called last."""
        self._rows = self._total = 0
        self._show = show

    def watch(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            self._total += int.from_bytes(sha256(_encode(row)).digest())
            self._rows += 1
            if self._rows % _ROWS_A_STEP == 0:
                self._show(_ROWS_A_STEP)
            yield row
        self._show(self._rows % _ROWS_A_STEP)

    @property
    def digest(self) -> Digest:
        return Digest(self._rows, self._total % 2**256)


def digest(
    connection: Connection,
    sql: str,
    values: Mapping[str, int] | tuple[()] = (),
    show: Callable[[int], None] = lambda rows: None,
) -> Digest:
    """Of the rows of a SELECT, which are read one after the other."""
    digesting = Digesting(show)
    for _ in digesting.watch(connection.stream(sql, values)):
        pass
    return digesting.digest


def compare(
    source: Connection, destination: Connection, tables: Sequence[Table], progress: Progress
) -> dict[str, Digest]:
    """What both have in each table. Raises Differs at the first table in which they are not the same."""
    total = 2 * count_rows(source, tables)
    done = 0

    def show(rows: int) -> None:
        nonlocal done
        done += rows
        progress("rows compared", min(done, total), total)

    found = {}
    for table in tables:
        ours, theirs = (digest(connection, table.select, show=show) for connection in (source, destination))
        if ours != theirs:
            raise Differs(
                f"the table {table.name} is not the same in {source.name} ({ours.rows:,} rows) and in "
                f"{destination.name} ({theirs.rows:,} rows)"
            )
        found[table.name] = ours
    return found


def count_rows(connection: Connection, tables: Sequence[Table]) -> int:
    return sum(connection.rows(f"SELECT count(*) FROM {table.rows}")[0][0] for table in tables)  # noqa: S608
