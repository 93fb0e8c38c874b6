"""Everything is copied from one database to another, whichever engines keep them, and nothing is lost on the way."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import apsw
import psycopg
import pytest

from afterword.base.errors import Refused, SchemaTooNew, StoreUnavailable, UnfinishedCopy
from afterword.store.engine.migrate import migrations
from afterword.store.transfer import copy as transfer
from afterword.store.transfer.copy import connect
from tests.postgres import new_database
from tests.store.cast import DUE, Customer, new_member, order
from tests.store.transfer.ends import PART, ROWS, Ends, beside

WAYS = [("sqlite", "postgres"), ("postgres", "sqlite")]
ALL_WAYS = [*WAYS, ("sqlite", "sqlite"), ("postgres", "postgres")]


@pytest.fixture(params=WAYS, ids="-".join)
def ends(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ends]:
    with ExitStack() as stack:

        def address(engine: str, name: str) -> str:
            if engine == "sqlite":
                return str(tmp_path / name)
            return stack.enter_context(new_database(request.getfixturevalue("postgres")))

        source, destination = request.param
        yield Ends(address(source, "old.db"), address(destination, "new.db"), tmp_path)


@pytest.fixture
def filled(ends: Ends) -> Ends:
    ends.fill()
    return ends


@pytest.mark.parametrize("ends", ALL_WAYS, ids="-".join, indirect=True)
def test_every_row_of_every_table_arrives_as_it_was(filled: Ends) -> None:
    before = filled.content(filled.source)
    copied = filled.copy()
    assert filled.content(filled.destination) == filled.content(filled.source) == before
    assert {name: found.rows for name, found in copied.tables.items()} == {
        name: len(rows) for name, rows in before.items()
    }
    assert min(len(rows) for rows in before.values()) >= ROWS


def test_the_new_database_works_and_counts_on(ends: Ends) -> None:
    with ends.opened(ends.source) as old:
        alba = new_member(old, "Alba's bakery")
        first, second = alba.sends("A-1"), alba.sends("A-2")
    ends.copy()
    with ends.opened(ends.destination) as new:
        assert not new.is_held
        again, fresh = alba.on(new).sends_batch(order("A-1"), order("A-3"))
        assert again is None and first.number < second.number < fresh.number
        assert new_member(new, "Clara's café").shop.id == alba.shop.id + 1
        assert len(alba.on(new).claims(DUE + 1)) == 3


def test_the_new_database_numbers_reviews_on(ends: Ends) -> None:
    with ends.opened(ends.source) as old:
        alba = new_member(old, "Alba's bakery")
        first = Customer(old).reviews(alba.order("A-1"))
    ends.copy()
    with ends.opened(ends.destination) as new:
        assert Customer(new).reviews(alba.on(new).order("A-2")).number > first.number


def test_what_one_of_the_two_has_sent_the_other_does_not_send(ends: Ends) -> None:
    """Both have the one send journal: whichever is started by mistake learns from it what was sent, even at once."""
    with ends.opened(ends.source) as old:
        alba = new_member(old, "Alba's bakery")
        alba.sends_batch(order("A-1"), order("A-2"))
    ends.copy()
    with ends.opened(ends.source) as old, ends.opened(ends.destination) as new:
        here, there = alba.on(old), alba.on(new)
        ours, theirs = here.claims_each(), there.claims_each()
        assert (there.marks(theirs[0]), here.marks(ours[0])) == (True, False)
        assert (here.marks(ours[1]), there.marks(theirs[1])) == (True, False)


def test_wherever_a_copy_is_interrupted_the_same_call_continues_it(filled: Ends) -> None:
    step = 1
    while filled.is_broken(at=step):
        step += 11
        with pytest.raises(UnfinishedCopy, match="run the same afterword copy again"):
            filled.open_once(filled.destination)
    assert step > 60
    assert filled.content(filled.destination) == filled.content(filled.source)
    filled.open_once(filled.destination)


@pytest.mark.parametrize("ends", [("sqlite", "sqlite"), ("postgres", "sqlite")], ids="-".join, indirect=True)
def test_what_was_copied_before_an_interruption_is_not_copied_again(filled: Ends) -> None:
    assert filled.is_broken(at=_steps_of_parts(filled))
    with closing(apsw.Connection(filled.destination)) as new:
        for name in filled.content(filled.source):
            new.execute(
                f"CREATE TRIGGER of_{name} BEFORE DELETE ON {name} BEGIN SELECT raise(ABORT, 'again'); END"
            )
    filled.copy()


def _steps_of_parts(ends: Ends) -> int:
    """How many parts there are."""
    with closing(connect(ends.source)) as source:
        return sum(len(list(transfer.parts(source, table, PART))) for table in transfer.tables())


def test_what_has_changed_since_an_interrupted_copy_is_copied_too(filled: Ends) -> None:
    assert filled.is_broken(at=_steps_of_parts(filled))
    filled.change(
        filled.source,
        "UPDATE orders SET lastname = 'Nunez-Sol' WHERE order_id = 3",
        "DELETE FROM suppressions WHERE shop_id = 4",
        "UPDATE shops SET name = 'Bruno''s books' WHERE shop_id = 5",
    )
    filled.change(
        filled.destination,
        "UPDATE orders SET lastname = 'Mallory' WHERE order_id = 17",
        "UPDATE orders SET order_id = 5000 WHERE order_id = 12",
        "DELETE FROM chain WHERE shop_id = 7",
    )
    filled.copy()
    assert filled.content(filled.destination) == filled.content(filled.source)


def test_a_finished_copy_is_only_compared(filled: Ends) -> None:
    assert filled.copy() == filled.copy()
    filled.change(filled.destination, "UPDATE orders SET lastname = 'Mallory' WHERE order_id = 17")
    with pytest.raises(Refused, match="has shops already, and the table orders is not the same in"):
        filled.copy()


@pytest.mark.parametrize("which", ["source", "destination"])
def test_a_database_that_is_open_elsewhere_is_refused(
    filled: Ends, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "PATIENCE", 0.2)
    with filled.opened(getattr(filled, which)), pytest.raises(Refused, match=r"is in use.*: stop Afterword"):
        filled.copy()
    filled.copy()


def test_nothing_is_written_to_the_source_while_it_is_copied(filled: Ends) -> None:
    steps = 0

    def progress(what: str, done: int, total: int) -> None:
        nonlocal steps
        steps += 1
        if steps in (1, 60):
            with pytest.raises((apsw.BusyError, psycopg.errors.LockNotAvailable)):
                _write_at_once(filled.source)

    filled.copy(progress)
    assert steps > 60
    _write_at_once(filled.source)


def _write_at_once(address: str) -> None:
    sql = "UPDATE orders SET lastname = 'Mallory' WHERE order_id = 17"
    if address.startswith("postgresql://"):
        with psycopg.connect(address) as connection:
            connection.execute("SET lock_timeout = 100")
            connection.execute(sql)  # type: ignore[call-overload]
    else:
        with closing(apsw.Connection(address)) as connection:
            connection.execute(sql)


def test_a_message_in_hand_is_settled_before(ends: Ends) -> None:
    """What is in doubt is in nobody's hands."""
    with ends.opened(ends.source) as old:
        alba = new_member(old, "Alba's bakery")
        alba.sends("A-1")
        one = alba.claims_one()
    with pytest.raises(Refused, match=r"^a process was killed while sending 1 message of "):
        ends.copy()
    with ends.opened(ends.source) as old:
        assert alba.on(old).marks(one)
        alba.on(old).records(one, "in_doubt", "the connection broke")
    ends.copy()


def test_a_destination_that_was_only_opened_is_empty_enough(filled: Ends) -> None:
    """It has a row about the journal."""
    filled.open_once(filled.destination)
    filled.copy()
    assert filled.content(filled.destination) == filled.content(filled.source)


def test_what_cannot_be_copied_from_or_to_is_refused(filled: Ends, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="there is no database"):
        connect(str(tmp_path / "missing.db"))
    with pytest.raises(Refused, match="path of a SQLite file"):
        connect("mysql://somewhere")
    other = str(tmp_path / "other.db")
    with closing(apsw.Connection(other)) as connection:
        connection.execute("CREATE TABLE orders (title TEXT)")
    with pytest.raises(Refused, match="is not a database of Afterword"):
        Ends(other, filled.destination, tmp_path).copy()
    with pytest.raises(Refused, match="is used for something else"):
        Ends(filled.source, other, tmp_path).copy()
    assert filled.is_broken(at=3)
    with pytest.raises(Refused, match="is an unfinished copy itself"):
        Ends(filled.destination, str(tmp_path / "third.db"), tmp_path).copy()


@pytest.mark.parametrize("ends", [("postgres", "postgres")], ids="-".join, indirect=True)
def test_one_database_cannot_be_both(ends: Ends, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="are the same database"):
        Ends(ends.source, ends.source, tmp_path).copy()


def test_a_source_of_another_schema_is_refused(filled: Ends) -> None:
    newest = migrations()[-1][0]
    filled.change(filled.source, "INSERT INTO schema_versions (version) VALUES (9999)")
    with pytest.raises(SchemaTooNew, match=f"has schema 9999, but this version knows only {newest}"):
        filled.copy()
    filled.change(filled.source, f"DELETE FROM schema_versions WHERE version >= {newest}")
    with pytest.raises(Refused, match=f"has schema {newest - 1}: run afterword migrate there"):
        filled.copy()


def test_no_password_is_shown(postgres: str, tmp_path: Path) -> None:
    with new_database(postgres) as url:
        parts = urlsplit(url)
        secret = parts._replace(netloc=parts.netloc.replace("@", ":s3cret@"), query="sslpassword=s3cret")
        ends = Ends(str(tmp_path / "old.db"), urlunsplit(secret), tmp_path)
        ends.fill()
        copied = ends.copy()
        assert f"{parts.port}{parts.path}" in copied.destination and "s3cret" not in repr(copied)


def test_a_server_that_goes_away_is_unavailable(filled: Ends) -> None:
    """And the same call continues later."""
    url = next(address for address in (filled.source, filled.destination) if "://" in address)

    def progress(what: str, done: int, total: int) -> None:
        with psycopg.connect(url, autocommit=True, application_name="other") as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = 'afterword'"
            )

    with pytest.raises(StoreUnavailable):
        filled.copy(progress)
    filled.copy()
    with closing(beside(filled.destination)) as new:
        assert new.rows("SELECT count(*) FROM orders") == [(ROWS,)]
