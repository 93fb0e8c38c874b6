"""Fixtures that several floors share: a database in a folder of its own, the two shops, and a clock to move."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from afterword.store.sqlite import SqliteDatabase
from tests.store.cast import Member, MovableClock, add_member, open_database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    """A real database with its journal; the store is never faked."""
    opened = open_database(tmp_path)
    yield opened
    opened.close_now()


@pytest.fixture
def alba(database: SqliteDatabase) -> Member:
    """Alba's bakery."""
    return database.write_now(lambda tx: add_member(tx, "Alba's bakery"))


@pytest.fixture
def bruno(database: SqliteDatabase) -> Member:
    """Bruno's books, which must never see anything of Alba's bakery."""
    return database.write_now(lambda tx: add_member(tx, "Bruno's books"))


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()
