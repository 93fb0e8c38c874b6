"""Two databases of a test, one of which is copied into the other."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from afterword.store.engine.connection import Connection
from afterword.store.engine.database import Database, Progress
from afterword.store.engine.migrate import migrate
from afterword.store.engine.postgres.connection import PostgresConnection
from afterword.store.engine.sqlite_connection import SqliteConnection
from afterword.store.engine.transaction import Transaction
from afterword.store.opening import open_postgres, open_sqlite
from afterword.store.transfer.copy import Copied, connect, copy
from afterword.store.transfer.tables import Table, tables
from tests.store.databases import closing_now

PART = 7
"""Rows in a part: these few rows make several."""

ROWS = 20
"""In each table."""

ODD = (
    "NULL",
    "\\N",
    "Zoë 🥐 日本",
    "tab\tand\nline",
    "'; DROP TABLE orders; -- %s :name",
    "",
    '[{"id":1,"name":"' + "rye ☕ " * 4_000 + '"}]',
)
EXTREME = (0, 1, -1, 2**63 - 1, -(2**63))


class Broken(Exception):
    """Stands for whatever interrupts a copy."""


class Ends:
    """A source and a destination, by their addresses, and the send journal that both have."""

    def __init__(self, source: str, destination: str, folder: Path) -> None:
        self.source = source
        self.destination = destination
        self.journal = folder / "send.journal"

    def copy(self, progress: Progress = lambda what, done, total: None) -> Copied:
        with closing(connect(self.source)) as old, closing(connect(self.destination, is_new=True)) as new:
            return copy(old, new, progress, size=PART)

    def is_broken(self, at: int) -> bool:
        """Begins to copy, or continues, and breaks off after so many steps; whether there were that many."""
        steps = count(1)

        def progress(what: str, done: int, total: int) -> None:
            if next(steps) == at:
                raise Broken(what)

        try:
            self.copy(progress)
        except Broken:
            return True
        return False

    @contextmanager
    def opened(self, address: str) -> Iterator[Database]:
        """As a process of Afterword has it."""
        is_postgres = address.startswith("postgresql://")
        opened = (
            open_postgres(address, self.journal) if is_postgres else open_sqlite(Path(address), self.journal)
        )
        with closing_now(opened) as database:
            yield database

    def open_once(self, address: str) -> None:
        with self.opened(address):
            pass

    def fill(self) -> None:
        """Rows in every table, with odd values in every column; nothing is claimed."""
        with self.opened(self.source), closing(beside(self.source)) as connection:
            for table in tables():
                connection.begin()
                rows = [_row(table, number) for number in range(1, ROWS + 1)]
                connection.insert_all(table.name, table.columns, rows)
                connection.commit()

    def change(self, address: str, *statements: str) -> None:
        with closing(beside(address)) as connection:
            for statement in statements:
                assert connection.run(statement), statement

    def content(self, address: str) -> dict[str, list[tuple[Any, ...]]]:
        """All rows that are copied."""
        with closing(beside(address)) as connection:
            return {table.name: sorted(connection.rows(table.select), key=repr) for table in tables()}


def beside(address: str) -> Connection:
    """A connection that lets others have the database open too."""
    is_postgres = address.startswith("postgresql://")
    return PostgresConnection(address) if is_postgres else SqliteConnection(Path(address))


def _row(table: Table, number: int) -> tuple[Any, ...]:
    return tuple(_value(table.name, column, number) for column in table.columns)


def _value(table: str, column: str, number: int) -> Any:
    """In a key, and in every text, another one than in any other row."""
    kind, is_optional, is_in_key = _columns()[table, column]
    if column == "claim" or (is_optional and number % 3 == 0):
        return None
    if kind == "TEXT":
        return f"{ODD[number % len(ODD)]} {number}"
    return number if is_in_key or column == "shop_id" else EXTREME[number % len(EXTREME)]


@cache
def _columns() -> dict[tuple[str, str], tuple[str, bool, bool]]:
    """Of each column: its type, whether it may be NULL, and whether it is in a key."""
    sql = """SELECT m.name, c.name, c.type, NOT c."notnull", c.pk > 0 OR c.name IN (
        SELECT i.name FROM pragma_index_list(m.name) k, pragma_index_info(k.name) i WHERE k.origin = 'u')
    FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'"""
    with closing(SqliteConnection(Path(":memory:"))) as connection:
        migrate(Transaction(connection), connection.dialect)
        return {
            (table, column): (kind, bool(a), bool(b)) for table, column, kind, a, b in connection.rows(sql)
        }
