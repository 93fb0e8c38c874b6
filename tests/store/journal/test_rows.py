"""The send journal as rows of a database of its own, for senders on several hosts, and as a copy of another."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from afterword.base.errors import JournalMissing, StoreUnavailable
from afterword.domain.invitations import Outcome
from afterword.store.engine.database import JournalAddress
from afterword.store.engine.postgres import PostgresDatabase
from afterword.store.journal import rows as journal_rows
from afterword.store.journal.journal import HEADER_SIZE, Journal, copy_journal, events
from afterword.store.journal.place import journal_place
from afterword.store.journal.rows import RowsPlace
from afterword.store.opening import open_postgres
from afterword.store.suppressions import list_suppressions, suppress
from tests.conftest import closing_now
from tests.postgres import new_database
from tests.store.cast import NOW, Member, add_member, claim, import_one, mark_sending, order, run, state
from tests.store.test_invitations import DUE, held, imported, mark, record
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


@pytest.fixture
def alba(database: PostgresDatabase) -> Member:
    return database.write_now(lambda tx: add_member(tx, "Alba's bakery"))


@contextmanager
def journal_of(address: JournalAddress) -> Iterator[Journal]:
    found = journal_place(address).find()
    assert found is not None
    try:
        yield found
    finally:
        found.close()


def words(address: JournalAddress) -> list[str]:
    with journal_of(address) as found:
        return [line[0] for line in events(found.lines_from(HEADER_SIZE))]


@contextmanager
def away(url: str) -> Iterator[None]:
    """Nobody is let into this database any more, and whoever is in is thrown out."""
    server, _, name = url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')  # type: ignore[call-overload]
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        )
        try:
            yield
        finally:
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')  # type: ignore[call-overload]


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


def test_of_two_writers_at_one_position_one_is_refused_whole(rows: str) -> None:
    """One of them has lost the orders' row of the journal and does not know it yet."""
    first = RowsPlace(rows).create(IDENTITY)
    with journal_of(rows) as second:
        first.append(LINES[:2], HEADER_SIZE)
        with pytest.raises(StoreUnavailable):
            second.append(["another line", *LINES[2:]], HEADER_SIZE)
        assert list(second.lines_from(HEADER_SIZE)) == LINES[:2]
    first.close()


def test_the_rows_and_the_journal_know_the_same(database: PostgresDatabase, alba: Member, rows: str) -> None:
    imported(database, alba)
    one = held(database, alba)
    mark(database, one)
    record(database, one, Outcome("sent"))
    with journal_of(rows) as found:
        [(position,)] = database.read_now(lambda tx: tx.rows("SELECT position FROM journals"))
        assert position == found.size()
    assert words(rows) == ["sending", "sent"]


def test_several_hosts_write_to_one_journal(
    database: PostgresDatabase, alba: Member, rows: str, tmp_path: Path
) -> None:
    for number in "123":
        imported(database, alba, number)
    with ExitStack() as hosts:
        others = [hosts.enter_context(closing_now(open_postgres(database.url, rows))) for _ in range(2)]
        every = [database, *others]
        claims = database.write_now(lambda tx: claim(tx, alba, DUE))
        for host, one in zip(every, claims, strict=True):
            assert mark(host, one)
        for host, one in zip(every[::-1], claims, strict=True):
            assert record(host, one, Outcome("sent")) == "sent"
    assert words(rows) == ["sending"] * 3 + ["sent"] * 3


def test_a_line_whose_commit_did_not_happen_is_taken_up_by_the_next_host(
    database: PostgresDatabase, alba: Member, rows: str
) -> None:
    first, second = imported(database, alba, "1"), imported(database, alba, "2")
    claims = {each.invitation.id: each for each in database.write_now(lambda tx: claim(tx, alba, DUE))}
    with journal_of(rows) as died:
        died.append([claims[first].journal_line("sending", DUE)], died.size())
    mark(database, claims[second])
    assert (state(database, first), state(database, second)) == ("in_doubt", "sending")


def test_a_restored_database_sends_nothing_again(
    database: PostgresDatabase, alba: Member, postgres: str, rows: str, tmp_path: Path
) -> None:
    """pg_dump, and what was sent and who unsubscribed since; the journal's own database stays as it is."""
    first = imported(database, alba, "1")
    dump = subprocess.run([programs() / "pg_dump", database.url], capture_output=True, check=True).stdout
    one = held(database, alba)
    mark(database, one)
    record(database, one, Outcome("sent"), now=DUE + 3)
    diego = "diego@diaz.example"
    database.write_now(lambda tx: suppress(tx, alba.shop, diego, live=True, reason="unsubscribed", now=NOW))
    with new_database(postgres) as restored:
        subprocess.run([programs() / "psql", "-q", restored], input=dump, check=True, capture_output=True)
        with closing_now(open_postgres(restored, rows)) as after:
            assert not after.is_held
            assert state(after, first) == "sent"
            assert after.write_now(lambda tx: claim(tx, alba, DUE + 9)) == []
            [kept] = after.read_now(lambda tx: list_suppressions(tx, alba.shop))
            assert kept.reason == "unsubscribed"


def test_orders_are_taken_while_the_journal_cannot_be_reached_and_nothing_is_sent(
    database: PostgresDatabase, alba: Member, rows: str
) -> None:
    first = imported(database, alba, "1")
    one = held(database, alba)
    mark(database, one)
    record(database, one, Outcome("sent"))
    second = imported(database, alba, "2")
    again = held(database, alba)
    with away(rows):
        with pytest.raises(StoreUnavailable):
            run(database.write(lambda tx: mark_sending(tx, again, now=DUE, lease_until=DUE + 40)))
        database.write_now(lambda tx: import_one(tx, alba, order("3")))
        with closing_now(open_postgres(database.url, rows)) as started:
            assert started.is_held
            started.write_now(lambda tx: import_one(tx, alba, order("4")))
            assert state(started, second) == "claimed"
    assert mark(database, again)
    assert (state(database, first), state(database, second)) == ("sent", "sending")
    assert words(rows) == ["sending", "sent", "sending"]


def test_a_held_database_goes_on_when_its_journal_can_be_reached_again(
    database: PostgresDatabase, alba: Member, rows: str
) -> None:
    imported(database, alba)
    mark(database, held(database, alba))
    with away(rows):
        started = open_postgres(database.url, rows)
    with closing_now(started):
        assert started.is_held
        run(started.look_for_journal())
        assert not started.is_held


@pytest.mark.parametrize("kinds", ["file to rows", "rows to file"])
def test_a_copied_journal_is_that_of_the_same_database_and_of_its_backups(
    postgres: str, rows: str, tmp_path: Path, kinds: str
) -> None:
    file = tmp_path / "send.journal"
    old, new = (file, rows) if kinds == "file to rows" else (rows, file)
    with new_database(postgres) as url, closing_now(open_postgres(url, old)) as before:
        alba = before.write_now(lambda tx: add_member(tx, "Alba's bakery"))
        for number in "123":
            imported(before, alba, number)
        first, second, third = before.write_now(lambda tx: claim(tx, alba, DUE))
        mark(before, first)
        copy(old, new)
        record(before, first, Outcome("sent"))
        copy(old, new)  # what came meanwhile
        with closing_now(open_postgres(url, new)) as after:
            assert not after.is_held
            mark(after, second)
            with pytest.raises(JournalMissing, match="newer copy"):
                mark(before, third)
            assert before.is_held
            assert state(after, third.invitation.id) == "claimed"
    assert words(new) == ["sending", "sent", "sending"]
    assert words(old) == ["sending", "sent"]
    with pytest.raises(FileExistsError):
        copy(old, new)


def test_a_torn_line_does_not_move_what_stands_behind_it_in_a_copy(rows: str, tmp_path: Path) -> None:
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
