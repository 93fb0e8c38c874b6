"""The tables that are copied, as the migrations make them, and the parts in which they are copied."""

from collections.abc import Iterator
from contextlib import closing
from functools import cache
from itertools import groupby, takewhile
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from afterword.store.engine.connection import Connection
from afterword.store.engine.migrate import migrate
from afterword.store.engine.sqlite_connection import SqliteConnection
from afterword.store.engine.transaction import Transaction

Key = tuple[int, ...]

_COLUMNS = """SELECT m.name, c.name, c.type, c.pk FROM sqlite_schema m, pragma_table_info(m.name) c
WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name <> 'schema_versions'
ORDER BY m.name <> 'shops', m.name, c.cid"""

_OF_THE_ENGINE = {"counters": "name NOT IN ('orders', 'reviews')"}
"""Rows that each engine keeps in its own way are not copied: see `numbers`."""

_EACH_SHOP = "/* postgres: shop_id = ANY (ARRAY(SELECT s.shop_id FROM shops s)) AND */"
"""PostgreSQL finds a range of numbers in the index of each shop."""


class Table(NamedTuple):
    """`key` are the whole numbers with which the primary key begins. Any text in it would be in another order on
    another engine."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]

    @property
    def rows(self) -> str:
        return f"{self.name} WHERE {_OF_THE_ENGINE.get(self.name, '1 = 1')}"

    @property
    def select(self) -> str:
        return f"SELECT {', '.join(self.columns)} FROM {self.rows}"  # noqa: S608 (our own words)


class Part(NamedTuple):
    """The rows of a table whose keys are above `after`, up to `last`; None is without a limit. Together, the parts of
    a table have all of its rows, of whatever database."""

    table: Table
    after: Key | None
    last: Key | None

    @property
    def select(self) -> str:
        return f"{self.table.select} AND {self._within(self.after, self.last)}"

    @property
    def delete_from_here(self) -> str:
        """Deletes this part and all that follow it."""
        return f"DELETE FROM {self.table.rows} AND {self._within(self.after, None)}"  # noqa: S608

    def _within(self, after: Key | None, last: Key | None) -> str:
        columns = self.table.key
        limits = [
            f"({', '.join(columns)}) {sign} ({', '.join(f'{number:d}' for number in key)})"
            for sign, key in ((">", after), ("<=", last))
            if key is not None
        ]
        if not limits:
            return "1 = 1"
        is_by_number = "shop_id" in self.table.columns and columns[0] != "shop_id"
        return f"{_EACH_SHOP if is_by_number else ''} {' AND '.join(limits)}"


@cache
def tables() -> tuple[Table, ...]:
    """All tables of this version, the shops first."""
    with closing(SqliteConnection(Path(":memory:"))) as connection:
        migrate(Transaction(connection), connection.dialect)
        found = groupby(connection.rows(_COLUMNS), itemgetter(0))
        return tuple(_table(name, [column[1:] for column in columns]) for name, columns in found)


def _table(name: str, columns: list[tuple[str, str, int]]) -> Table:
    primary = sorted((place, column, kind) for column, kind, place in columns if place)
    numbers = takewhile(lambda column: column[2] in ("BIGINT", "INTEGER"), primary)
    return Table(name, tuple(column for column, _, _ in columns), tuple(column for _, column, _ in numbers))


def parts(connection: Connection, table: Table, size: int) -> Iterator[Part]:
    """Of about that many rows each, as this database has them now."""
    after: Key | None = None
    for last in _every(connection, table, size) if table.key else []:
        if last != after:
            yield Part(table, after, last)
        after = last
    yield Part(table, after, None)


def _every(connection: Connection, table: Table, size: int) -> list[Key]:
    """The key of every `size`-th row."""
    key = ", ".join(table.key)
    numbered = f"SELECT {key}, row_number() OVER (ORDER BY {key}) AS place FROM {table.name}"  # noqa: S608
    sql = f"SELECT {key} FROM ({numbered}) AS numbered WHERE place % :size = 0 ORDER BY place"  # noqa: S608
    return connection.rows(sql, {"size": size})
