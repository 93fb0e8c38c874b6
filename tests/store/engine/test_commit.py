"""Guarantee 1: acknowledged is stored. One commit serves every write that waits, and each is answered after it."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

import apsw
import pytest

from afterword.base.errors import StoreUnavailable
from afterword.store.engine.database import Transaction
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.engine.sqlite import SqliteDatabase
from tests.store.cast import Member, order
from tests.store.databases import (
    another,
    closing_now,
    count_commits,
    counted,
    no_file_grows_beyond,
    run,
    writing,
)

Work = Callable[[Transaction], object]


def importing(member: Member, name: str = "1234", **fields: Any) -> Work:
    """Imports an order that is not a duplicate."""
    return lambda tx: member.within(tx).sends(name, **fields)


def refuse(tx: Transaction) -> None:
    raise LookupError


def write_all(database: EngineDatabase, *works: Work) -> list[object]:
    """All of them at once from one event loop; what each returned or raised."""

    async def gather() -> list[object]:
        return await asyncio.gather(*map(database.write, works), return_exceptions=True)

    return run(gather())


def are_stored(database: EngineDatabase, count: int) -> bool:
    return counted(database, "orders") == counted(database, "messages") == count


def test_concurrent_writes_share_commits_and_each_is_in_the_size_of_one(
    database: EngineDatabase, alba: Member
) -> None:
    before = database.metrics.totals.commit_size.sum
    made = count_commits(database)
    write_all(database, *(importing(alba, f"{n}") for n in range(100)))
    assert 1 <= len(made) < 20
    alba.sends("100")
    assert are_stored(database, 101)
    sizes, seconds = database.metrics.totals[2:4]
    assert sizes.sum - before == 101
    assert sum(sizes.counts) - before == len(made) and sum(seconds.counts) == sum(sizes.counts)
    assert seconds.sum > 0 and database.writes_waiting == 0


@pytest.mark.sqlite
def test_nothing_is_answered_before_its_commit_has_returned(database: EngineDatabase, alba: Member) -> None:
    may_commit, begun = threading.Event(), threading.Event()

    def commit_slowly() -> bool:
        begun.set()
        return not may_commit.wait(10)

    async def import_slowly() -> None:
        answered = asyncio.create_task(database.write(importing(alba)))
        assert await asyncio.to_thread(begun.wait, 10)
        assert not answered.done()
        assert counted(database, "orders") == 0
        may_commit.set()
        await answered
        assert counted(database, "orders") == 1

    writing(database).set_commit_hook(commit_slowly)
    run(import_slowly())


def test_a_write_that_raises_fails_alone(database: EngineDatabase, alba: Member) -> None:
    def store_and_raise(tx: Transaction) -> None:
        alba.within(tx).sends("bad")
        raise LookupError("Diego")

    works = [importing(alba, f"{n}") for n in range(10)]
    works[4] = store_and_raise
    outcomes = write_all(database, *works)
    assert [type(each) for each in outcomes if isinstance(each, Exception)] == [LookupError]
    assert isinstance(outcomes[4], LookupError)
    stored = alba.rows("SELECT id_order FROM orders ORDER BY order_id")
    assert sorted(stored) == sorted((f"{n}",) for n in range(10) if n != 4)


def test_writes_are_stored_in_the_order_they_came_even_beside_one_that_raises(
    database: EngineDatabase, alba: Member
) -> None:
    works: list[Work] = [importing(alba, "1", lastname=f"{n}") for n in range(5)]
    works.insert(3, refuse)
    write_all(database, *works)
    assert alba.rows("SELECT lastname FROM orders") == [("0",)]


@pytest.mark.sqlite
def test_a_commit_that_fails_acknowledges_nothing_and_later_ones_succeed(
    database: SqliteDatabase, alba: Member
) -> None:
    with no_file_grows_beyond(database.path.with_name("afterword.db-wal").stat().st_size):
        outcomes = write_all(database, *(importing(alba, f"{n}") for n in range(5)))
        assert [type(each) for each in outcomes] == [StoreUnavailable] * 5
        assert are_stored(database, 0)
        assert counted(database, "shops") == 1
    outcomes = write_all(database, *(importing(alba, f"{n}") for n in range(2, 7)))
    assert not any(isinstance(each, Exception) for each in outcomes)
    assert are_stored(database, 5)


@pytest.mark.sqlite
def test_a_full_database_refuses_only_what_does_not_fit(database: EngineDatabase, alba: Member) -> None:
    [(pages,)] = writing(database).execute("PRAGMA page_count")
    writing(database).execute(f"PRAGMA max_page_count = {pages + 20}")
    too_large = importing(alba, "large", lines="[]" + " " * 500_000)
    large, small = write_all(database, too_large, importing(alba, "small"))
    assert isinstance(large, StoreUnavailable)
    assert not isinstance(small, Exception)
    writing(database).execute("PRAGMA max_page_count = 1000000")
    assert run(database.write(importing(alba, "large")))
    assert counted(database, "orders") == 2


def test_a_sender_that_goes_away_has_its_order_stored(database: EngineDatabase, alba: Member) -> None:
    async def leave() -> None:
        leaving = asyncio.create_task(database.write(importing(alba)))
        await asyncio.sleep(0)
        leaving.cancel()
        await database.write(importing(alba, "next"))

    run(leave())
    assert counted(database, "orders") == 2


@pytest.mark.sqlite
def test_a_file_that_stays_locked_turns_writes_away_and_readers_go_on(
    database: SqliteDatabase, alba: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("afterword.store.engine.sqlite_connection.BUSY_FOR", 0.2)
    with closing(apsw.Connection(str(database.path))) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable):
            run(database.write(importing(alba)))
        with pytest.raises(StoreUnavailable):
            alba.sends()
        assert alba.rows("SELECT name FROM shops") == [("Alba's bakery",)]
        other.execute("ROLLBACK")
    assert alba.sends()


@pytest.mark.sqlite
def test_a_reader_with_an_open_snapshot_does_not_hold_up_the_writer(
    database: SqliteDatabase, alba: Member
) -> None:
    with closing(apsw.Connection(str(database.path))) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM orders").fetchall() == [(0,)]
        run(database.write(importing(alba)), seconds=2)
        assert reader.execute("SELECT count(*) FROM orders").fetchall() == [(0,)]
    assert counted(database, "orders") == 1


@pytest.mark.sqlite
def test_more_writes_than_can_wait_are_turned_away_at_once(
    database: EngineDatabase, alba: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("afterword.store.engine.writer.MOST_WAITING", 8)
    may_commit, commits = threading.Event(), threading.Event()

    async def crowd() -> list[object]:
        works = [importing(alba, f"{n}") for n in range(20)]
        first = asyncio.create_task(database.write(works.pop()))
        assert await asyncio.to_thread(commits.wait, 10)
        others = asyncio.gather(*map(database.write, works), return_exceptions=True)
        await asyncio.sleep(0)
        may_commit.set()
        return [await first, *await others]

    def commit_slowly() -> bool:
        commits.set()
        return not may_commit.wait(10)

    writing(database).set_commit_hook(commit_slowly)
    outcomes = run(crowd())
    assert [isinstance(each, StoreUnavailable) for each in outcomes] == [False] * 9 + [True] * 11
    assert counted(database, "orders") == 9


def test_an_order_number_is_never_used_twice_even_after_a_rollback(
    database: EngineDatabase, alba: Member
) -> None:
    """What was undone took a block of numbers, which the next process is given again."""

    def store_and_raise(tx: Transaction) -> None:
        alba.within(tx).sends("undone")
        raise LookupError

    async def one_after_another() -> None:
        for n in range(3):
            with pytest.raises(LookupError):
                await database.write(store_and_raise)
            await database.write(importing(alba, f"{n}"))

    with pytest.raises(LookupError):
        database.write_now(store_and_raise)
    with closing_now(another(database)) as other:
        alba.on(other).sends("of another process")
        run(one_after_another())
        assert None not in alba.on(other).sends_batch(*(order(f"more {n}") for n in range(20)))
    numbers = alba.rows("SELECT DISTINCT order_id FROM orders")
    assert len(numbers) == 24
    assert max(numbers)[0] < 2**53
