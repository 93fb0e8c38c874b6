"""The send journal as rows of a database of its own, for senders on several hosts, and as a copy of another."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from afterword.base.errors import JournalAhead, JournalMissing, StoreUnavailable
from afterword.store.engine.postgres.database import PostgresDatabase
from afterword.store.engine.transaction import JournalAddress
from afterword.store.journal import rows as journal_rows
from afterword.store.journal.journal import HEADER_SIZE, copy_journal, events
from afterword.store.journal.place import journal_place
from afterword.store.journal.rows import RowsPlace
from afterword.store.opening import open_postgres
from tests.postgres import new_database, unreachable
from tests.store.cast import DUE, NOW, Member, new_member
from tests.store.databases import closing_now, run
from tests.store.journal.journals import journal_of, words
from tools.postgres_server import programs

IDENTITY = "0123456789abcdef" * 2
LINES = [f"sent {IDENTITY} 1 {n} {NOW}" for n in range(7)]


@pytest.fixture
def rows(postgres: str) -> Iterator[str]:
    """The address of a database for a journal."""
    with new_database(postgres) as url:
        yield url


@pytest.fixture
def database(postgres: str, rows: str) -> Iterator[PostgresDatabase]:
    with new_database(postgres) as url, closing_now(open_postgres(url, rows)) as opened:
        yield opened


def test_lines_are_found_again_from_any_position(rows: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_rows, "LINES_A_READ", 2)
    place = RowsPlace(rows)
    assert place.find() is None
    created = place.create(IDENTITY)
    assert created.size() == HEADER_SIZE
    created.append(LINES[:3], HEADER_SIZE)
    middle = created.size()
    created.append(LINES[3:], middle)
    assert middle == HEADER_SIZE + sum(len(line) + 1 for line in LINES[:3])
    with journal_of(rows) as found:
        assert found.identity == IDENTITY
        assert list(found.lines_from(HEADER_SIZE)) == LINES
        assert list(found.lines_from(middle)) == LINES[3:]
        assert list(found.lines_from(found.size())) == []
    with pytest.raises(FileExistsError):
        place.create(IDENTITY)
    created.close()


@pytest.mark.parametrize("kind", ["rows", "file"])
def test_of_two_writers_at_one_position_one_is_refused_whole(rows: str, tmp_path: Path, kind: str) -> None:
    """One of them has lost the orders' row of the journal and does not know it yet, or has a copy of the database."""
    address = rows if kind == "rows" else tmp_path / "send.journal"
    first = journal_place(address).create(IDENTITY)
    with journal_of(address) as second:
        first.append(LINES[:2], HEADER_SIZE)
        with pytest.raises(JournalAhead):
            second.append(["another line", *LINES[2:]], HEADER_SIZE)
        assert list(second.lines_from(HEADER_SIZE)) == LINES[:2]
    first.close()


def test_several_hosts_write_to_one_journal(database: PostgresDatabase, alba: Member, rows: str) -> None:
    for number in "123":
        alba.sends(number)
    with ExitStack() as hosts:
        others = [hosts.enter_context(closing_now(open_postgres(database.url, rows))) for _ in range(2)]
        every = [alba, *(alba.on(other) for other in others)]
        claims = alba.claims()
        assert [host.marks(one) for host, one in zip(every, claims, strict=True)] == [True] * 3
        for host, one in zip(every[::-1], claims, strict=True):
            assert host.records(one, "sent") == "sent"
    assert words(rows) == ["sending"] * 3 + ["sent"] * 3
    with journal_of(rows) as found:
        assert alba.rows("SELECT position FROM journals") == [(found.size(),)]


def test_a_line_whose_commit_did_not_happen_is_taken_up_by_the_next_host(alba: Member, rows: str) -> None:
    for number in "12":
        alba.sends(number)
    first, second = alba.claims_each()
    with journal_of(rows) as died:
        died.append([first.journal_line("sending", DUE)], died.size())
    alba.marks(second)
    assert alba.states(first, second) == ["in_doubt", "sending"]


def test_a_restored_database_sends_nothing_again(
    database: PostgresDatabase, alba: Member, postgres: str, rows: str
) -> None:
    """pg_dump, and what was sent and who unsubscribed since; the journal's own database stays as it is."""
    first = alba.sends("1")
    dump = subprocess.run([programs() / "pg_dump", database.url], capture_output=True, check=True).stdout
    alba.sends_due()
    alba.suppresses("diego@diaz.example")
    with new_database(postgres) as restored:
        subprocess.run([programs() / "psql", "-q", restored], input=dump, check=True, capture_output=True)
        with closing_now(open_postgres(restored, rows)) as after:
            assert not after.is_held
            assert alba.on(after).state(first) == "sent"
            assert alba.on(after).sends_due(DUE + 9) == []
            assert [each.reason for each in alba.on(after).suppressions()] == ["unsubscribed"]


def test_orders_are_taken_while_the_journal_cannot_be_reached_and_nothing_is_sent(
    database: PostgresDatabase, alba: Member, rows: str
) -> None:
    first = alba.sends("1")
    alba.sends_due()
    second = alba.sends("2")
    again = alba.claims_one()
    with unreachable(rows):
        with pytest.raises(StoreUnavailable):
            run(database.write(lambda tx: alba.within(tx).marks(again)))
        alba.sends("3")
        started = open_postgres(database.url, rows)
        assert started.is_held
        alba.on(started).sends("4")
        assert alba.on(started).state(second) == "claimed"
    with closing_now(started):
        run(started.look_for_journal())
        assert not started.is_held
    assert alba.marks(again)
    assert alba.states(first, second) == ["sent", "sending"]
    assert words(rows) == ["sending", "sent", "sending"]


@pytest.mark.parametrize("kinds", ["file to rows", "rows to file"])
def test_a_copied_journal_is_that_of_the_same_database_and_of_its_backups(
    postgres: str, rows: str, tmp_path: Path, kinds: str
) -> None:
    file = tmp_path / "send.journal"
    old, new = (file, rows) if kinds == "file to rows" else (rows, file)
    with new_database(postgres) as url, closing_now(open_postgres(url, old)) as before:
        alba = new_member(before, "Alba's bakery")
        for number in "123":
            alba.sends(number)
        first, second, third = alba.claims()
        alba.marks(first)
        copy(old, new)
        alba.records(first, "sent")
        copy(old, new)  # what came since
        with closing_now(open_postgres(url, new)) as after:
            assert not after.is_held
            alba.on(after).marks(second)
            with pytest.raises(JournalMissing):
                alba.marks(third)
            assert before.is_held
            assert alba.on(after).state(third) == "claimed"
    assert words(new) == ["sending", "sent", "sending"]
    assert words(old) == ["sending", "sent"]
    with pytest.raises(FileExistsError):
        copy(old, new)


def test_a_torn_line_does_not_move_what_follows_it_in_a_copy(rows: str, tmp_path: Path) -> None:
    file = tmp_path / "send.journal"
    journal = journal_place(file).create(IDENTITY)
    journal.append(LINES[:1], journal.size())
    with file.open("ab") as torn:
        torn.write(b"sent \0\xff\xe9\r")
    journal.heal()
    journal.append(LINES[1:], journal.size())
    journal.close()
    copy(file, rows)
    with journal_of(file) as one, journal_of(rows) as other:
        assert one.size() == other.size()
        assert [" ".join(line) for line in events(other.lines_from(HEADER_SIZE))] == LINES


def copy(old: JournalAddress, new: JournalAddress) -> None:
    with journal_of(old) as source:
        copy_journal(source, journal_place(new), lambda done, of: None)
