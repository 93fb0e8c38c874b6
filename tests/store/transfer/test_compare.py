"""Two databases are compared by what their tables hold, not by how their engines store it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from afterword.store.engine.connection import Connection
from afterword.store.engine.sqlite_connection import SqliteConnection
from afterword.store.transfer.compare import Differs, Digest, compare, digest
from afterword.store.transfer.tables import Table

WORDS = Table("words", ("number", "word"), ("number",))


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Connection, Connection]]:
    """The same rows, which came in another order."""
    with (
        closing(SqliteConnection(tmp_path / "one.db")) as one,
        closing(SqliteConnection(tmp_path / "other.db")) as other,
    ):
        for connection, step in ((one, 1), (other, -1)):
            connection.run("CREATE TABLE words (number BIGINT, word TEXT)")
            connection.insert_all("words", WORDS.columns, [(1, "a"), (2, "b"), (3, None)][::step])
        yield one, other


def compared(two: tuple[Connection, Connection]) -> Digest:
    return compare(*two, [WORDS], lambda what, done, total: None)["words"]


def test_the_order_of_the_rows_does_not_matter(two: tuple[Connection, Connection]) -> None:
    found = compared(two)
    assert found.rows == 3
    assert len(found.sha256) == 64


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE words SET word = 'c' WHERE number = 2",
        "UPDATE words SET word = '' WHERE number = 3",
        "UPDATE words SET word = CASE word WHEN 'a' THEN 'b' ELSE 'a' END WHERE number < 3",
        "UPDATE words SET word = CAST('2' AS BLOB) WHERE number = 2",
        "INSERT INTO words (number, word) VALUES (4, 'd')",
        "DELETE FROM words WHERE number = 1",
    ],
)
def test_any_difference_is_found_and_named(two: tuple[Connection, Connection], change: str) -> None:
    two[1].run(change)
    there = two[1].rows("SELECT count(*) FROM words")[0][0]
    with pytest.raises(
        Differs, match=rf"the table words is not the same in .*one.db \(3 rows\) .* \({there} rows\)"
    ):
        compared(two)


def test_rows_are_not_confused_with_their_neighbours(two: tuple[Connection, Connection]) -> None:
    """Neither do equal rows cancel each other out."""
    one, _ = two
    selects = [
        "SELECT 1, 12",
        "SELECT 11, 2",
        "SELECT '1', 12",
        "SELECT 1, 12 UNION ALL SELECT 1, 12",
        "SELECT 1 WHERE 0",
    ]
    assert len({repr(digest(one, select)) for select in selects}) == len(selects)
