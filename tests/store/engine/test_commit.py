"""Guarantee 1: acknowledged is stored. One commit serves every write that waits, and each is answered after it."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import apsw
import psycopg
import pytest

from afterword.base.errors import StoreUnavailable
from afterword.store.engine.database import Database, Transaction
from afterword.store.engine.sqlite import SqliteDatabase
from tests.store.cast import Member, order
from tests.store.databases import another, closing_now, count_commits, counted, run, writing

Work = Callable[[Transaction], object]


def importing(member: Member, name: str = "1234", **fields: Any) -> Work:
    """Imports an order that is not a duplicate."""
    return lambda tx: member.within(tx).sends(name, **fields)


class SlowCommit:
    """Holds up the next commit until it may end, ten seconds at most."""

    def __init__(self, database: Database) -> None:
        self._begun, self.may_end = threading.Event(), threading.Event()
        writing(database).set_commit_hook(self._commit)

    def _commit(self) -> bool:
        self._begun.set()
        return not self.may_end.wait(10)

    async def begins(self) -> None:
        assert await asyncio.to_thread(self._begun.wait, 10)

    @contextmanager
    def ending(self) -> Iterator[None]:
        """It ends with the block."""
        try:
            yield
        finally:
            self.may_end.set()


def write_all(database: Database, *works: Work) -> list[object]:
    """All of them at once from one event loop; what each returned or raised."""

    async def gather() -> list[object]:
        return await asyncio.gather(*map(database.write, works), return_exceptions=True)

    return run(gather())


def are_stored(database: Database, count: int) -> bool:
    return counted(database, "orders") == counted(database, "messages") == count


def import_all(tx: Transaction, items: list[tuple[Member, str]]) -> list[object]:
    return [importing(member, name)(tx) for member, name in items]


def import_together(database: Database, items: list[tuple[Member, str]]) -> None:
    async def gather() -> None:
        await asyncio.gather(*(database.write_together(import_all, item) for item in items))

    run(gather())


def test_concurrent_writes_share_commits_and_each_is_in_the_size_of_one(
    database: Database, alba: Member
) -> None:
    before = database.metrics.totals.commit_size.sum
    made = count_commits(database)
    import_together(database, [(alba, f"{n}") for n in range(100)])
    assert 1 <= len(made) < 20
    alba.sends("100")
    assert are_stored(database, 101)
    sizes, seconds = database.metrics.totals[2:4]
    assert sizes.sum - before == 101
    assert sum(sizes.counts) - before == len(made) and sum(seconds.counts) == sum(sizes.counts)
    assert seconds.sum > 0 and database.writes_waiting == 0


def test_writes_of_any_work_share_commits_where_only_one_transaction_writes(
    database: Database, alba: Member, engine: str
) -> None:
    """Beside others, those that take rows in any order have a transaction each: two of a group could else have each
    what the other waits for."""
    made = count_commits(database)
    write_all(database, *(importing(alba, f"{n}") for n in range(100)))
    assert len(made) < 20 if engine == "sqlite" else len(made) == 100
    assert are_stored(database, 100)


@pytest.mark.sqlite
def test_nothing_is_answered_before_its_commit_has_returned(database: Database, alba: Member) -> None:
    commit = SlowCommit(database)

    async def import_slowly() -> None:
        answered = asyncio.create_task(database.write(importing(alba)))
        await commit.begins()
        with commit.ending():
            assert not answered.done()
            assert counted(database, "orders") == 0
        await answered
        assert counted(database, "orders") == 1

    run(import_slowly())


def test_a_write_that_raises_fails_alone_and_the_others_are_stored_in_the_order_they_came(
    database: Database, alba: Member
) -> None:
    def store_and_raise(tx: Transaction) -> None:
        alba.within(tx).sends("bad")
        raise LookupError("Diego")

    works = [importing(alba, f"{n}") for n in range(10)]
    works[4] = store_and_raise
    outcomes = write_all(database, *works)
    assert [type(each) for each in outcomes if isinstance(each, Exception)] == [LookupError]
    assert isinstance(outcomes[4], LookupError)
    stored = alba.rows("SELECT id_order FROM orders ORDER BY order_id")
    assert stored == [(f"{n}",) for n in range(10) if n != 4]


def test_writes_of_different_work_that_share_a_commit_are_each_given_their_own_result(
    database: Database,
) -> None:
    def doubled(tx: Transaction, numbers: list[int]) -> list[int]:
        return [2 * number for number in numbers]

    async def mix() -> list[object]:
        works = [database.write_together(doubled, number) for number in (1, 2)]
        last = database.write_together(doubled, 3)
        return await asyncio.gather(*works, database.write(lambda tx: "alone"), last)

    assert run(mix()) == [2, 4, "alone", 6]


@pytest.mark.sqlite
def test_a_full_database_refuses_only_what_does_not_fit(database: Database, alba: Member) -> None:
    [(pages,)] = writing(database).execute("PRAGMA page_count")
    writing(database).execute(f"PRAGMA max_page_count = {pages + 20}")
    too_large = importing(alba, "large", lines="[]" + " " * 500_000)
    large, small = write_all(database, too_large, importing(alba, "small"))
    assert isinstance(large, StoreUnavailable)
    assert not isinstance(small, Exception)
    writing(database).execute("PRAGMA max_page_count = 1000000")
    assert run(database.write(importing(alba, "large")))
    assert counted(database, "orders") == 2


def test_a_sender_that_goes_away_has_its_order_stored(database: Database, alba: Member) -> None:
    async def leave() -> None:
        leaving = asyncio.create_task(database.write(importing(alba)))
        await asyncio.sleep(0)
        leaving.cancel()
        await database.write(importing(alba, "next"))

    run(leave())
    assert counted(database, "orders") == 2


@pytest.mark.postgres
@pytest.mark.parametrize("error", [psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure])
def test_a_write_that_conflicts_with_another_one_is_tried_again(
    database: Database, error: type[Exception]
) -> None:
    tried = []

    def conflict_once(tx: Transaction) -> str:
        tried.append(tx)
        if len(tried) == 1:
            raise error
        return "well"

    assert database.write_now(conflict_once) == "well"


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
        begun = time.monotonic()
        turned_away = write_all(database, *(importing(alba, f"{n}") for n in range(20)))
        assert {type(each) for each in turned_away} == {StoreUnavailable}
        assert time.monotonic() - begun < 3, "they do not wait one after the other"
        assert alba.rows("SELECT name FROM shops") == [("Alba's bakery",)]
        other.execute("ROLLBACK")
    assert alba.sends()


@pytest.mark.sqlite
def test_more_writes_than_can_wait_are_turned_away_at_once(
    database: Database, alba: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("afterword.store.engine.writer.MOST_WAITING", 8)
    commit = SlowCommit(database)

    async def crowd() -> list[object]:
        works = [importing(alba, f"{n}") for n in range(20)]
        first = asyncio.create_task(database.write(works.pop()))
        await commit.begins()
        others = asyncio.gather(*map(database.write, works), return_exceptions=True)
        await asyncio.sleep(0)
        commit.may_end.set()
        return [await first, *await others]

    outcomes = run(crowd())
    assert [isinstance(each, StoreUnavailable) for each in outcomes] == [False] * 9 + [True] * 11
    assert counted(database, "orders") == 9


def test_an_order_number_is_never_used_twice_even_after_a_rollback(database: Database, alba: Member) -> None:
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


@pytest.mark.sqlite
def test_what_waits_when_it_closes_is_written_and_then_it_is_closed(
    database: SqliteDatabase, alba: Member
) -> None:
    async def close_behind_others() -> list[object]:
        other = another(database)
        begun, may_end = threading.Event(), threading.Event()

        def slow(tx: Transaction) -> None:
            begun.set()
            assert may_end.wait(10)

        writes = [asyncio.ensure_future(other.write(slow))]
        await asyncio.to_thread(begun.wait, 10)
        writes += [asyncio.ensure_future(other.write(importing(alba, f"{n}"))) for n in range(3)]
        await asyncio.sleep(0.05)
        closing = threading.Thread(target=other.close_now, daemon=True)
        closing.start()
        await asyncio.sleep(0.05)
        may_end.set()
        await asyncio.wait_for(asyncio.gather(*writes), 10)
        await asyncio.to_thread(closing.join, 10)
        return [closing.is_alive(), len(alba.lists())]

    assert run(close_behind_others()) == [False, 3]
