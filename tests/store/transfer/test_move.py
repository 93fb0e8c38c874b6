"""Everything moves from one database to another, whichever engines keep them, and nothing gets lost on the way."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import apsw
import pytest

from afterword.base.errors import Refused, StoreUnavailable
from afterword.domain.messages import Outcome
from afterword.domain.orders.order import Order
from afterword.store.engine import migrate
from afterword.store.engine.connection import Connection
from afterword.store.engine.database import Transaction
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.engine.postgres import PostgresDatabase
from afterword.store.engine.relocation import TakenOver
from afterword.store.messages.claims import Claim
from afterword.store.messages.steps import rescue_lapsed
from afterword.store.opening import open_postgres, open_sqlite
from afterword.store.queries import query
from afterword.store.shops import change_shop, list_shops
from afterword.store.suppressions import suppress
from afterword.store.transfer.copying import TABLES
from afterword.store.transfer.move import Move, Moved, cancel, connect
from tests.postgres import new_database
from tests.store.cast import (
    NOW,
    Member,
    MovableClock,
    add_member,
    claim,
    import_batch,
    import_one,
    mark_sending,
    order,
    record_outcome,
    state,
)

WAYS = [("sqlite", "postgres"), ("postgres", "sqlite")]
ALL_WAYS = [*WAYS, ("sqlite", "sqlite"), ("postgres", "postgres")]
DUE = NOW + 10 * 86_400 + 1
CHUNK = 7
"""Order numbers in a chunk: these few orders make several."""

ODD = (
    order("NULL"),
    order("everything", "R-1", phone="+34 600", store_id=2**63 - 1, firstname="Zoë 🥐", lastname="Ünal\\N"),
    order(
        "\\.", "\\N", firstname="tab\\tand\\nline", lastname="'; DROP TABLE orders; --", email="q'u@x.example"
    ),
    order("日本", "%s :name", lines='[{"id":1,"name":"' + "rye ☕ " * 40_000 + '"}]'),
)
OUTCOMES = (
    Outcome("sent", "250 ok"),
    Outcome("failed", "550 Nö"),
    Outcome("in_doubt", "the connection broke"),
    Outcome("deferred", "450 later"),
)

Progress = Callable[[str, int, int], None]


class Broken(Exception):
    """Stands for whatever breaks a move off."""


class Ends:
    """Two databases of this test, by their addresses."""

    def __init__(self, source: str, destination: str, folder: Path) -> None:
        self.source = source
        self.destination = destination
        self.journal = folder / "send.journal"
        self.clock = MovableClock(DUE)

    def move(self, progress: Progress = lambda *_: None, **changes: Any) -> Moved:
        with closing(connect(self.source)) as old, closing(connect(self.destination, is_new=True)) as new:
            settings = {"chunk": CHUNK, "patience": 0.3} | changes
            return Move(old, new, self.clock, progress, **settings).finish()

    def break_off(self, what: str = "", count: int = 1) -> bool:
        """Begins to move; whether it broke off before its end, at that many words about `what` is done."""
        left = count

        def progress(doing: str, done: int, total: int) -> None:
            nonlocal left
            left -= what in doing
            if not left:
                raise Broken

        try:
            self.move(progress)
        except Broken:
            return True
        return False

    @contextmanager
    def opened(self, address: str) -> Iterator[EngineDatabase]:
        """As a process of Afterword has it."""
        is_postgres = address.startswith("postgresql://")
        database = (
            open_postgres(address, self.journal) if is_postgres else open_sqlite(Path(address), self.journal)
        )
        try:
            yield database
        finally:
            database.close_now()


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
def source(ends: Ends) -> Iterator[EngineDatabase]:
    """The old database, opened by a process that goes on while it is moved."""
    with ends.opened(ends.source) as database:
        yield database


@pytest.fixture
def alba(source: EngineDatabase) -> Member:
    """Alba's bakery, with twenty orders that are due."""
    member = source.write_now(lambda tx: add_member(tx, "Alba's bakery"))
    add_orders(source, member, [order(f"A-{number}") for number in range(20)])
    return member


def add_orders(
    database: EngineDatabase, member: Member, orders: Sequence[Order], *, live: bool = True
) -> None:
    imported = database.write_now(lambda tx: import_batch(tx, member, *orders, live=live))
    assert None not in imported


def settle(database: EngineDatabase, one: Claim, outcome: Outcome) -> None:
    database.write_now(partial(record_outcome, claim=one, outcome=outcome, now=DUE, next_try_at=DUE + 300))


def mark(database: EngineDatabase, one: Claim) -> None:
    assert database.write_now(partial(mark_sending, claim=one, now=DUE, lease_until=DUE + 40))


def fill(source: EngineDatabase, alba: Member) -> None:
    """Rows in every table and every state, with odd values."""
    bruno = source.write_now(lambda tx: add_member(tx, "Brüno’s books"))
    for member in (alba, bruno):
        for live in (True, False):
            add_orders(source, member, ODD, live=live)
    source.write_now(lambda tx: suppress(tx, alba.shop, "d@x.example", live=True, reason="bounced", now=NOW))
    source.write_now(lambda tx: suppress(tx, bruno.shop, "E@x.example", live=False, reason="erased", now=NOW))
    claims = source.write_now(lambda tx: claim(tx, alba, DUE, most=6))
    for one in claims[:5]:
        mark(source, one)
    for one, outcome in zip(claims, OUTCOMES, strict=False):
        settle(source, one, outcome)
    row = {"shop_id": bruno.shop.id, "fingerprint": "ab" * 16, "outcome": "sent", "happened_at": NOW}
    source.write_now(lambda tx: tx.run(query("remember"), row))


def content(address: str) -> dict[str, list[tuple[Any, ...]]]:
    """All rows that are moved; where order numbers go on is each engine's own."""
    with closing(connect(address)) as connection:
        found = {table.name: _rows(connection, table.name, table.columns) for table in TABLES}
    found["counters"] = [row for row in found["counters"] if row[0] != "orders"]
    return found


def _rows(connection: Connection, table: str, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    return sorted(connection.rows(f"SELECT {', '.join(columns)} FROM {table}"), key=repr)


@pytest.mark.parametrize("ends", ALL_WAYS, ids="-".join, indirect=True)
def test_every_row_of_every_table_arrives_as_it_was(ends: Ends, source: EngineDatabase, alba: Member) -> None:
    fill(source, alba)
    moved = ends.move()
    old, new = content(ends.source), content(ends.destination)
    for name, rows in {"shops": 2, "keys": 8, "suppressions": 2, "journaled": 1, "orders": 36}.items():
        assert len(old[name]) == rows
    assert {row[3] for row in old["messages"]} == {
        "scheduled", "claimed", "sending", "in_doubt", "sent", "failed",
    }  # fmt: skip
    old.pop("counters")
    new.pop("counters")  # each engine takes the numbers of orders in its own way
    assert new == old
    assert moved.tables is not None
    assert {name: moved.tables[name][0] for name in old} == {name: len(rows) for name, rows in old.items()}


def test_every_column_of_the_schema_is_moved(source: EngineDatabase) -> None:
    """What a later migration adds must be added to the move too."""
    sql = (
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()"
        if isinstance(source, PostgresDatabase)
        else "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table'"
    )
    there = {row for row in source.read_now(lambda tx: tx.rows(sql)) if row[0] not in NOT_MOVED}
    assert there == {(table.name, column) for table in TABLES for column in table.columns}


NOT_MOVED = ("relocation", "schema_versions")


def test_the_hashes_are_those_of_the_values_whichever_engine_has_them(tmp_path: Path, postgres: str) -> None:
    """There, and back again."""
    with new_database(postgres) as url:
        there, back = (
            Ends(str(tmp_path / "old.db"), url, tmp_path),
            Ends(url, str(tmp_path / "new.db"), tmp_path),
        )
        with there.opened(there.source) as source:
            alba = source.write_now(lambda tx: add_member(tx, "Alba's bakery"))
            fill(source, alba)
        first, second = there.move().tables, back.move().tables
        assert first is not None and second is not None
        assert first["orders"][0] == 16
        assert first == second
        assert content(there.source) == content(back.destination)


def test_after_the_move_the_new_database_works_and_the_old_one_takes_nothing(
    ends: Ends, source: EngineDatabase, alba: Member
) -> None:
    numbers = {row[1] for row in content(ends.source)["orders"]}
    ends.move()
    for work in (lambda tx: import_one(tx, alba, order("late")), lambda tx: claim(tx, alba, DUE)):
        with pytest.raises(StoreUnavailable, match=r"was moved to .*: start Afterword there"):
            source.write_now(work)
    with pytest.raises(StoreUnavailable, match="was moved to"), ends.opened(ends.source):
        pass
    assert [shop.name for shop in source.read_now(list_shops)] == ["Alba's bakery"]
    with ends.opened(ends.destination) as new:
        assert not new.is_held
        again, fresh = new.write_now(lambda tx: import_batch(tx, alba, order("A-1"), order("fresh")))
        assert again is None
        assert fresh is not None and fresh.invitation_id > max(numbers)
        assert new.write_now(lambda tx: add_member(tx, "Clara's café")).shop.id == alba.shop.id + 1
        claims = new.write_now(lambda tx: claim(tx, alba, DUE))
        assert {one.message.id for one in claims} == numbers | {fresh.invitation_id}
        mark(new, claims[0])
        settle(new, claims[0], OUTCOMES[0])


def test_a_finished_move_changes_nothing_when_it_is_run_again(
    ends: Ends, source: EngineDatabase, alba: Member
) -> None:
    ends.move()
    with ends.opened(ends.destination) as new:
        new.write_now(lambda tx: import_one(tx, alba, order("fresh")))
    before = content(ends.destination)
    assert ends.move().tables is None
    assert content(ends.destination) == before


def test_wherever_a_move_breaks_off_the_same_call_finishes_it(
    ends: Ends, source: EngineDatabase, alba: Member
) -> None:
    fill(source, alba)
    before = content(ends.source)
    breaks = 0
    while ends.break_off(count=breaks + 1):
        breaks += 1
        with (
            pytest.raises(StoreUnavailable, match=r"a move from .* is not finished"),
            ends.opened(ends.destination),
        ):
            pass
    assert breaks > 15
    old, new = content(ends.source), content(ends.destination)
    assert old == before
    assert old["orders"] == new["orders"] and old["messages"] == new["messages"]
    assert ends.move().tables is None


def test_what_comes_and_changes_while_it_is_copied_arrives(
    ends: Ends, source: EngineDatabase, alba: Member
) -> None:
    """A shop too, whose orders come with the next chunk."""
    claims = source.write_now(lambda tx: claim(tx, alba, DUE, most=2))
    added = 0

    def meanwhile(doing: str, done: int, total: int) -> None:
        nonlocal added
        if doing == "rows copied" and added < 12:
            added += 1
            bruno = source.write_now(partial(add_member, name=f"Bruno's books {added}"))
            add_orders(source, bruno, [order(f"B-{number}") for number in range(3)])
            email = f"{added}@x.example"
            source.write_now(
                partial(suppress, shop=alba.shop, email=email, live=True, reason="bounced", now=NOW)
            )
            source.write_now(partial(change_shop, shop=alba.shop, delay=added))
        if doing == "rows copied" and claims:
            mark(source, claims[0])
            settle(source, claims.pop(0), OUTCOMES[0])

    ends.move(meanwhile)
    old, new = content(ends.source), content(ends.destination)
    assert len(new["shops"]) == 13 and len(new["orders"]) == 20 + 36 and len(new["suppressions"]) == 12
    assert old["shops"] == new["shops"] and old["orders"] == new["orders"]
    assert old["messages"] == new["messages"] and old["suppressions"] == new["suppressions"]
    assert [row[3] for row in new["messages"]].count("sent") == 2


def test_what_somebody_changed_in_the_copy_is_mended(
    ends: Ends, source: EngineDatabase, alba: Member
) -> None:
    assert ends.break_off("rows compared")
    with closing(connect(ends.destination)) as new:
        new.run("UPDATE orders SET lastname = 'Mallory' WHERE order_id = 3")
        new.run("DELETE FROM messages WHERE message_id = 11")
        new.run(
            "UPDATE orders SET order_id = 5000, id_order = 'A-5000', reference = NULL WHERE order_id = 12"
        )
    ends.move()
    old, new_rows = content(ends.source), content(ends.destination)
    assert old["orders"] == new_rows["orders"] and old["messages"] == new_rows["messages"]


def test_while_it_is_closed_nothing_is_written_and_cancelling_opens_it_again(
    ends: Ends, source: EngineDatabase, alba: Member
) -> None:
    """And a later move goes on with what was copied."""
    assert ends.break_off("rows compared")
    before = content(ends.source)
    for work in (lambda tx: import_one(tx, alba, order("late")), lambda tx: claim(tx, alba, DUE)):
        with pytest.raises(StoreUnavailable, match=r"is being moved to .*: nothing can be written"):
            source.write_now(work)
    assert content(ends.source) == before
    with closing(connect(ends.source)) as old:
        cancel(old)
    source.write_now(lambda tx: import_one(tx, alba, order("in time")))
    assert len(source.write_now(lambda tx: claim(tx, alba, DUE, most=1))) == 1
    with pytest.raises(StoreUnavailable, match="not finished"), ends.opened(ends.destination):
        pass
    ends.move()
    assert "in time" in {row[3] for row in content(ends.destination)["orders"]}
    with closing(connect(ends.source)) as old, pytest.raises(Refused, match="there is no way back"):
        cancel(old)


def test_what_is_in_hand_is_settled_before_it_is_closed_and_nothing_new_is_claimed(
    ends: Ends, source: EngineDatabase, alba: Member
) -> None:
    [marked, claimed] = source.write_now(lambda tx: claim(tx, alba, DUE, most=2))
    mark(source, marked)
    asked = 0

    def meanwhile(doing: str, done: int, total: int) -> None:
        nonlocal asked
        if doing == "letters in hand settled":
            asked += 1
            assert source.write_now(lambda tx: claim(tx, alba, DUE)) == []
            source.write_now(lambda tx: import_one(tx, alba, order(f"while it waits {asked}")))
            if asked == 2:
                mark(source, claimed)
            if asked == 4:
                settle(source, marked, OUTCOMES[0])
                settle(source, claimed, OUTCOMES[1])

    ends.move(meanwhile, patience=20.0)
    assert asked == 4
    with ends.opened(ends.destination) as new:
        assert state(new, marked.message.id) == "sent"
        assert state(new, claimed.message.id) == "failed"
        assert len(new.write_now(lambda tx: claim(tx, alba, DUE))) == 18 + asked


def test_what_nobody_settles_is_in_doubt_when_it_was_marked_and_else_scheduled(
    ends: Ends, source: EngineDatabase, alba: Member
) -> None:
    [marked, claimed] = source.write_now(lambda tx: claim(tx, alba, DUE, most=2))
    mark(source, marked)
    ends.move()
    with pytest.raises(StoreUnavailable):
        source.write_now(partial(mark_sending, claim=claimed, now=DUE, lease_until=DUE + 40))
    with ends.opened(ends.destination) as new:
        assert new.write_now(lambda tx: rescue_lapsed(tx, set(), now=DUE + 41)) == (1, 1)
        assert state(new, marked.message.id) == "in_doubt"
        assert state(new, claimed.message.id) == "scheduled"


def test_a_write_that_had_begun_when_it_is_closed_is_waited_for(
    ends: Ends, source: EngineDatabase, alba: Member
) -> None:
    has_begun, is_moved = threading.Event(), threading.Event()

    def slowly(tx: Transaction) -> None:
        has_begun.set()
        assert not is_moved.wait(1.5), "the move went on without it"
        import_one(tx, alba, order("at the last moment"))

    writing = threading.Thread(target=source.write_now, args=(slowly,))

    def meanwhile(doing: str, done: int, total: int) -> None:
        if doing == "rows copied" and done == total and not has_begun.is_set():
            writing.start()
            has_begun.wait()

    ends.move(meanwhile)
    is_moved.set()
    writing.join()
    assert "at the last moment" in {row[3] for row in content(ends.source)["orders"]}
    assert "at the last moment" in {row[3] for row in content(ends.destination)["orders"]}


def test_a_write_that_begins_while_it_is_being_closed_is_refused(
    ends: Ends, source: EngineDatabase, alba: Member
) -> None:
    told: list[Exception] = []

    def write() -> None:
        try:
            source.write_now(lambda tx: import_one(tx, alba, order("too late")))
        except StoreUnavailable as error:
            told.append(error)

    with closing(connect(ends.source)) as old:
        old.begin()
        old.exclude_lookers("relocation")
        writing = threading.Thread(target=write)
        writing.start()
        writing.join(0.5)
        assert writing.is_alive(), "it did not wait"
        part = {
            "role": "source",
            "state": "closed",
            "move": "m",
            "run": "r",
            "peer": "elsewhere",
            "since": NOW,
        }
        old.run(query("begin_relocation"), part)
        old.commit()
    writing.join()
    assert "is being moved to elsewhere" in str(told[0])
    assert "too late" not in {row[3] for row in content(ends.source)["orders"]}


def test_of_two_runs_only_the_last_goes_on(ends: Ends, source: EngineDatabase, alba: Member) -> None:
    second: list[Moved] = []

    def meanwhile(doing: str, done: int, total: int) -> None:
        if not second:
            second.append(ends.move())

    with pytest.raises(TakenOver):
        ends.move(meanwhile)
    assert second[0].tables is not None
    assert content(ends.destination)["orders"] == content(ends.source)["orders"]


def test_a_move_that_is_cancelled_meanwhile_goes_no_further(
    ends: Ends, source: EngineDatabase, alba: Member
) -> None:
    def meanwhile(doing: str, done: int, total: int) -> None:
        if doing == "rows compared":
            with closing(connect(ends.source)) as old:
                cancel(old)

    with pytest.raises(TakenOver, match="cancelled"):
        ends.move(meanwhile)
    source.write_now(lambda tx: import_one(tx, alba, order("in time")))


def test_a_destination_that_has_something_else_is_refused(
    ends: Ends, source: EngineDatabase, alba: Member, tmp_path: Path
) -> None:
    with ends.opened(ends.destination) as new:
        new.write_now(lambda tx: add_member(tx, "Bruno's books"))
    with pytest.raises(Refused, match="has shops already: take one that is empty"):
        ends.move()
    source.write_now(lambda tx: import_one(tx, alba, order("the old one works on")))
    elsewhere = Ends(ends.source, str(tmp_path / "third.db"), tmp_path)
    assert elsewhere.break_off("rows copied")
    other = Ends(ends.destination, elsewhere.destination, tmp_path)
    with pytest.raises(Refused, match="holds what was moved from"):
        other.move()
    assert elsewhere.break_off("rows compared")
    with pytest.raises(Refused, match=r"is being moved to .*third.db"):
        Ends(ends.source, str(tmp_path / "fourth.db"), tmp_path).move()
    elsewhere.move()
    with pytest.raises(Refused, match=r"was moved to .*third.db"):
        ends.move()
    with pytest.raises(Refused, match="one database, and not two"):
        Ends(elsewhere.destination, elsewhere.destination, tmp_path).move()


def test_one_that_was_migrated_and_opened_before_is_empty_enough(
    ends: Ends, source: EngineDatabase, alba: Member
) -> None:
    """It has taken the journal for its own, and remembers what stands there."""
    [one] = source.write_now(lambda tx: claim(tx, alba, DUE, most=1))
    mark(source, one)
    settle(source, one, OUTCOMES[0])
    with ends.opened(ends.destination) as new:
        assert new.read_now(lambda tx: tx.rows("SELECT count(*) FROM journaled")) == [(1,)]
    ends.move()
    assert content(ends.destination)["journaled"] == []
    assert content(ends.destination)["journals"] == content(ends.source)["journals"]


def test_what_is_no_database_of_afterword_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="there is no database"):
        connect(str(tmp_path / "missing.db"))
    with pytest.raises(Refused, match="path of a SQLite file"):
        connect("mysql://somewhere")
    with closing(apsw.Connection(str(tmp_path / "other.db"))) as other:
        other.execute("CREATE TABLE orders (title TEXT)")
    with pytest.raises(Refused, match="is no database of Afterword"):
        Ends(str(tmp_path / "other.db"), str(tmp_path / "new.db"), tmp_path).move()
    ours = Ends(str(tmp_path / "old.db"), str(tmp_path / "other.db"), tmp_path)
    with ours.opened(ours.source) as database:
        with pytest.raises(Refused, match="is used for something else"):
            ours.move()
        database.write_now(lambda tx: tx.run("DELETE FROM schema_versions WHERE version > 1"))
    with pytest.raises(Refused, match="has schema 1: stop Afterword there"):
        ours.move()


def test_a_database_in_the_midst_of_a_move_is_not_migrated(
    ends: Ends, source: EngineDatabase, alba: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ends.break_off("rows compared")
    newer = [*migrate.migrations(), (9_998, "CREATE TABLE reviews (review_id BIGINT)")]
    monkeypatch.setattr(migrate, "migrations", lambda: newer)
    for address in (ends.source, ends.destination):
        with pytest.raises(StoreUnavailable, match="move"), ends.opened(address):
            pass
        with closing(connect(address)) as connection:
            assert connection.rows("SELECT max(version) FROM schema_versions") == [(newer[-2][0],)]


def test_no_password_is_written_down(postgres: str, tmp_path: Path) -> None:
    with new_database(postgres) as url:
        parts = urlsplit(url)
        secret = urlunsplit(
            parts._replace(netloc=parts.netloc.replace("@", ":s3cret@"), query="sslpassword=s3cret")
        )
        ends = Ends(str(tmp_path / "old.db"), secret, tmp_path)
        with ends.opened(ends.source) as database:
            database.write_now(lambda tx: add_member(tx, "Alba's bakery"))
        moved = ends.move()
        with closing(connect(ends.source)) as old:
            [row] = old.rows("SELECT * FROM relocation")
        assert f"{parts.port}{parts.path}" in repr(row) and f"{parts.port}{parts.path}" in repr(moved)
        assert "s3cret" not in repr(row) + repr(moved)
