"""Several processes on one data folder: none is in another's way, and the schema is made once."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from afterword.base.errors import StoreUnavailable
from afterword.store.engine.migrate import migrations
from afterword.store.engine.sqlite import SqliteDatabase
from afterword.store.opening import open_sqlite
from tests.server import PROJECT
from tests.store.cast import Member, order
from tests.store.databases import counted, rows

pytestmark = pytest.mark.sqlite

START = """
import sys
from pathlib import Path
from tests.store.databases import open_database
sys.stdin.readline()
database = open_database(Path(sys.argv[1]))
assert not database.is_held
"""

WRITE = """
import asyncio, sys
from pathlib import Path
from tests.store.cast import new_member
from tests.store.databases import open_database

async def import_all():
    for n in range(150):
        await database.write(lambda tx: shop.within(tx).sends(f"{n}"))

database = open_database(Path(sys.argv[1]))
shop = new_member(database, sys.argv[2])
sys.stdin.readline()
asyncio.run(import_all())
"""


def start(program: str, *arguments: str) -> subprocess.Popen[str]:
    line = [sys.executable, "-c", program, *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(line, cwd=PROJECT, stdin=pipe, stderr=pipe, text=True)


def together(processes: list[subprocess.Popen[str]]) -> None:
    """Lets all of them go at once, and wants each to end well."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said


def test_ten_processes_that_start_together_on_an_empty_folder_make_one_database(tmp_path: Path) -> None:
    together([start(START, str(tmp_path / "data")) for _ in range(10)])
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["afterword.db", "send.journal"]
    with closing(apsw.Connection(str(tmp_path / "data" / "afterword.db"))) as other:
        assert other.execute("SELECT version FROM schema_versions").fetchall() == [
            (number,) for number, _ in migrations()
        ]
        assert other.execute("SELECT count(*) FROM journals").fetchall() == [(1,)]
        assert other.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_two_processes_write_one_file_and_nothing_is_lost(database: SqliteDatabase) -> None:
    folder = str(database.journal.address.parent)
    together([start(WRITE, folder, "Alba's bakery"), start(WRITE, folder, "Bruno's books")])
    assert counted(database, "orders") == counted(database, "messages") == 300
    assert rows(database, "SELECT count(DISTINCT order_id) FROM orders") == [(300,)]


def test_migrations_are_numbered_without_gaps() -> None:
    assert [number for number, _ in migrations()] == list(range(1, len(migrations()) + 1))


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    path, journal = tmp_path / "afterword.db", tmp_path / "send.journal"
    open_sqlite(path, journal).close_now()
    before = path.read_bytes(), journal.read_bytes()
    open_sqlite(path, journal).close_now()
    assert (path.read_bytes(), journal.read_bytes()) == before


def test_a_file_that_is_no_database_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "afterword.db"
    path.write_text("Alba's recipes, which are no database at all. " * 100)
    with pytest.raises((StoreUnavailable, apsw.NotADBError)):
        open_sqlite(path, tmp_path / "send.journal")
    assert path.read_text().startswith("Alba's recipes")


def test_a_backup_ends_while_orders_keep_coming(database: SqliteDatabase, alba: Member) -> None:
    long = "[]" + " " * 3_000
    alba.sends_batch(*(order(f"{n}", lines=long) for n in range(5_000)))
    before, steps = counted(database, "orders"), 0

    def write_beside_it(done: int, pages: int) -> None:
        nonlocal steps
        steps += 1
        assert steps < 100, "the backup begins again with each write"
        alba.sends(f"while {steps}")

    target = database.path.with_name("backup.db")
    database.backup(target, write_beside_it)
    assert steps > 1
    with closing(apsw.Connection(str(target))) as copy:
        [(orders, invitations)] = copy.execute(
            "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM messages)"
        )
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert before <= orders == invitations
