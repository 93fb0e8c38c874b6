"""Whether two databases have the same rows, whichever engines keep them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from afterword.base.errors import Refused
from afterword.store.engine.connection import Connection, Row
from afterword.store.engine.database import Progress
from afterword.store.transfer.tables import Table

_ROWS_A_STEP = 10_000
"""After so many rows of a table, progress is shown."""

_encode = msgspec.msgpack.Encoder().encode


class Differs(Refused):
    """A table is not the same in two databases."""


Show = Callable[[int], None]
"""Is called with the rows that have passed since it was called last."""


@dataclass
class Digest:
    """Rows in any order: how many there are, and the sum of their SHA-256 hashes modulo 2^256. A row is hashed as
    MessagePack, so its digest is the same for every engine."""

    rows: int = 0
    total: int = 0

    @property
    def sha256(self) -> str:
        return f"{self.total:064x}"

    def watch(self, rows: Iterable[Row], show: Show = lambda rows: None) -> Iterator[Row]:
        """Counts and hashes rows as they pass by."""
        for row in rows:
            self.total = (self.total + int.from_bytes(sha256(_encode(row)).digest())) % 2**256
            self.rows += 1
            if self.rows % _ROWS_A_STEP == 0:
                show(_ROWS_A_STEP)
            yield row
        show(self.rows % _ROWS_A_STEP)


def digest(connection: Connection, sql: str, show: Show = lambda rows: None) -> Digest:
    """Of the rows of a SELECT, which are read one after the other."""
    found = Digest()
    for _ in found.watch(connection.stream(sql), show):
        pass
    return found


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
        ours, theirs = (digest(connection, table.select, show) for connection in (source, destination))
        if ours != theirs:
            raise Differs(
                f"the table {table.name} is not the same in {source.name} ({ours.rows:,} rows) and in "
                f"{destination.name} ({theirs.rows:,} rows)"
            )
        found[table.name] = ours
    return found


def count_rows(connection: Connection, tables: Sequence[Table]) -> int:
    return sum(connection.rows(f"SELECT count(*) FROM {table.rows}")[0][0] for table in tables)  # noqa: S608
