"""Guarantee 1: acknowledged is stored. One commit serves every write that waits, and each is answered after it."""

import asyncio
import resource
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import apsw
import pytest

from afterword.base.errors import StoreUnavailable
from afterword.store.engine.database import Transaction
from afterword.store.engine.engine_database import EngineDatabase
from tests.store.cast import (
    Member,
    another,
    count_commits,
    counted,
    import_batch,
    import_one,
    order,
    run,
    writing,
)


@contextmanager
def no_file_grows_beyond(size: int) -> Iterator[None]:
    """A disk that is full, as this process sees it: no file of its own may become larger than this."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_concurrent_writes_share_commits(database: EngineDatabase, alba: Member) -> None:
    async def import_all() -> None:
        await asyncio.gather(
            *(database.write(lambda tx, n=n: import_one(tx, alba, order(f"{n}"))) for n in range(100))
        )

    made = count_commits(database)
    run(import_all())
    assert 1 <= len(made) < 20
    assert counted(database, "orders") == counted(database, "invitations") == 100


def test_every_write_is_in_the_size_of_one_commit(database: EngineDatabase, alba: Member) -> None:
    async def import_all() -> None:
        await asyncio.gather(
            *(database.write(lambda tx, n=n: import_one(tx, alba, order(f"{n}"))) for n in range(100))
        )

    before = database.metrics.totals.commit_size.sum
    made = count_commits(database)
    run(import_all())
    database.write_now(lambda tx: import_one(tx, alba, order("100")))
    sizes, seconds = database.metrics.totals[2:4]
    assert sizes.sum - before == 101
    assert sum(sizes.counts) - before == len(made) and sum(seconds.counts) == sum(sizes.counts)
    assert seconds.sum > 0 and database.writes_waiting == 0


@pytest.mark.sqlite
def test_nothing_is_answered_before_its_commit_has_returned(database: EngineDatabase, alba: Member) -> None:
    may_commit = threading.Event()

    async def import_slowly() -> None:
        writing = asyncio.create_task(database.write(lambda tx: import_one(tx, alba)))
        await asyncio.sleep(0.15)
        assert not writing.done()
        assert counted(database, "orders") == 0
        may_commit.set()
        await writing
        assert counted(database, "orders") == 1

    writing(database).set_commit_hook(lambda: not may_commit.wait(10))
    run(import_slowly())


def test_a_write_that_raises_fails_alone(database: EngineDatabase, alba: Member) -> None:
    def store_and_raise(tx: Transaction) -> None:
        import_one(tx, alba, order("bad"))
        raise LookupError("Diego")

    async def import_all() -> list[object]:
        works = [lambda tx, n=n: import_one(tx, alba, order(f"{n}")) for n in range(10)]
        works[4] = store_and_raise
        return await asyncio.gather(*map(database.write, works), return_exceptions=True)

    outcomes = run(import_all())
    assert [type(each) for each in outcomes if isinstance(each, Exception)] == [LookupError]
    assert isinstance(outcomes[4], LookupError)
    stored = database.read_now(lambda tx: tx.rows("SELECT id_order FROM orders ORDER BY order_id"))
    assert sorted(stored) == sorted((f"{n}",) for n in range(10) if n != 4)


def test_writes_are_stored_in_the_order_they_came_even_beside_one_that_raises(
    database: EngineDatabase, alba: Member
) -> None:
    def refuse(tx: Transaction) -> None:
        raise LookupError

    async def race() -> list[object]:
        works = [lambda tx, n=n: import_batch(tx, alba, order("1", lastname=f"{n}")) for n in range(5)]
        works.insert(3, refuse)
        return await asyncio.gather(*map(database.write, works), return_exceptions=True)

    run(race())
    assert database.read_now(lambda tx: tx.rows("SELECT lastname FROM orders")) == [("0",)]


@pytest.mark.sqlite
def test_a_commit_that_fails_acknowledges_nothing_and_later_ones_succeed(
    database: EngineDatabase, alba: Member
) -> None:
    async def import_five(first: int) -> list[object]:
        works = [lambda tx, n=n: import_one(tx, alba, order(f"{n}")) for n in range(first, first + 5)]
        return await asyncio.gather(*map(database.write, works), return_exceptions=True)

    wal = database.path.with_name("afterword.db-wal").stat().st_size
    with no_file_grows_beyond(wal):
        outcomes = run(import_five(0))
        assert [type(each) for each in outcomes] == [StoreUnavailable] * 5
        assert counted(database, "orders") == 0
        assert database.read_now(lambda tx: tx.rows("SELECT count(*) FROM shops")) == [(1,)]
    assert not any(isinstance(each, Exception) for each in run(import_five(2)))
    assert counted(database, "orders") == counted(database, "invitations") == 5


@pytest.mark.sqlite
def test_a_full_database_refuses_only_what_does_not_fit(database: EngineDatabase, alba: Member) -> None:
    async def import_both() -> list[object]:
        works = [
            lambda tx: import_one(tx, alba, order("large", lines="[]" + " " * 500_000)),
            lambda tx: import_one(tx, alba, order("small")),
        ]
        return await asyncio.gather(*map(database.write, works), return_exceptions=True)

    [(pages,)] = writing(database).execute("PRAGMA page_count")
    writing(database).execute(f"PRAGMA max_page_count = {pages + 20}")
    large, small = run(import_both())
    assert isinstance(large, StoreUnavailable)
    assert not isinstance(small, Exception)
    writing(database).execute("PRAGMA max_page_count = 1000000")
    assert run(database.write(lambda tx: import_one(tx, alba, order("large"))))
    assert counted(database, "orders") == 2


def test_a_sender_that_goes_away_has_its_order_stored(database: EngineDatabase, alba: Member) -> None:
    async def leave() -> None:
        leaving = asyncio.create_task(database.write(lambda tx: import_one(tx, alba)))
        await asyncio.sleep(0)
        leaving.cancel()
        await database.write(lambda tx: import_one(tx, alba, order("next")))

    run(leave())
    assert counted(database, "orders") == 2


@pytest.mark.sqlite
def test_a_file_that_stays_locked_turns_writes_away_and_readers_go_on(
    database: EngineDatabase, alba: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("afterword.store.engine.sqlite_connection.BUSY_FOR", 0.2)

    async def write_beside_a_lock() -> None:
        with pytest.raises(StoreUnavailable):
            await database.write(lambda tx: import_one(tx, alba))

    with closing(apsw.Connection(str(database.path))) as other:
        other.execute("BEGIN IMMEDIATE")
        run(write_beside_a_lock())
        with pytest.raises(StoreUnavailable):
            database.write_now(lambda tx: import_one(tx, alba))
        assert database.read_now(lambda tx: tx.rows("SELECT name FROM shops")) == [("Alba's bakery",)]
        other.execute("ROLLBACK")
    assert database.write_now(lambda tx: import_one(tx, alba))


@pytest.mark.sqlite
def test_a_reader_with_an_open_snapshot_does_not_hold_up_the_writer(
    database: EngineDatabase, alba: Member
) -> None:
    with closing(apsw.Connection(str(database.path))) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM orders").fetchall() == [(0,)]
        run(database.write(lambda tx: import_one(tx, alba)), seconds=2)
        assert reader.execute("SELECT count(*) FROM orders").fetchall() == [(0,)]
    assert counted(database, "orders") == 1


@pytest.mark.sqlite
def test_more_writes_than_can_wait_are_turned_away_at_once(
    database: EngineDatabase, alba: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("afterword.store.engine.writer.MOST_WAITING", 8)
    may_commit, commits = threading.Event(), threading.Event()

    async def crowd() -> list[object]:
        works = [lambda tx, n=n: import_one(tx, alba, order(f"{n}")) for n in range(20)]
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
        import_one(tx, alba, order("undone"))
        raise LookupError

    async def one_after_another() -> None:
        for n in range(3):
            with pytest.raises(LookupError):
                await database.write(store_and_raise)
            await database.write(lambda tx, n=n: import_one(tx, alba, order(f"{n}")))

    with pytest.raises(LookupError):
        database.write_now(store_and_raise)
    other = another(database)
    other.write_now(lambda tx: import_one(tx, alba, order("of another process")))
    run(one_after_another())
    more = [order(f"more {n}") for n in range(20)]
    assert None not in other.write_now(lambda tx: import_batch(tx, alba, *more))
    other.close_now()
    numbers = database.read_now(lambda tx: tx.rows("SELECT DISTINCT order_id FROM orders"))
    assert len(numbers) == 24
    assert max(numbers)[0] < 2**53
