"""Reviews that publish themselves: when their time has come, once, and only those in which nothing was found."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from afterword.domain.reviews.review import Review
from afterword.store.engine.database import Transaction
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.reviews.chain import entries_of_review
from afterword.store.reviews.writing import find_review
from afterword.store.shops import change_shop
from tests.dispatch.running import dispatching, until
from tests.peers import run
from tests.store.cast import NOW, Member, MovableClock, another, order
from tests.store.reviews.reviewing import by_hand, reviewed_order, write


@pytest.fixture
def strict(database: EngineDatabase, alba: Member) -> Member:
    """Alba looks at each of her reviews, for an hour at most."""
    shop = database.write_now(lambda tx: change_shop(tx, alba.shop, **by_hand(alba.shop)))
    return alba._replace(shop=shop)


def reviewed(database: EngineDatabase, member: Member, count: int = 1) -> list[Review]:
    def work(tx: Transaction) -> list[Review]:
        return [
            write(
                tx, reviewed_order(tx, member, order(f"{n}", email=f"c{n}@x.example")), 0, 1, f"No. {n}"
            ).review
            for n in range(count)
        ]

    return database.write_now(work)


def now_of(database: EngineDatabase, review: Review) -> Review:
    return database.read_now(lambda tx: find_review(tx, review.id))[1]


def counts(log: Sequence[Mapping[str, Any]]) -> list[int]:
    """How many reviews were published at a time, as the log has it."""
    return [line["reviews"] for line in log if line["event"] == "overdue reviews published"]


def test_a_review_is_published_when_its_time_has_come_and_not_before(
    database: EngineDatabase,
    strict: Member,
    clock: MovableClock,
    quick: None,
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock):
            clock.now = NOW + 3_599
            await asyncio.sleep(0.3)
            assert now_of(database, review).state == "waiting"
            clock.step(1)
            await until(lambda: now_of(database, review).state == "published")

    [review] = reviewed(database, strict)
    with capture_logs() as log:
        run(watch())
    assert now_of(database, review).published_at == NOW + 3_600
    chain = database.read_now(lambda tx: entries_of_review(tx, review.shop_id, review.id))
    assert [(entry.kind, entry.details) for entry in chain[1:]] == [("published", '{"by":"time"}')]
    assert counts(log) == [1]


def test_what_the_checks_found_is_never_published_by_time(
    database: EngineDatabase, strict: Member, clock: MovableClock, quick: None
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock):
            clock.now = NOW + 10 * 366 * 86_400
            await until(lambda: now_of(database, unfound).state == "published")
            await asyncio.sleep(0.2)

    def work(tx: Transaction) -> Review:
        about = reviewed_order(tx, strict, order("F-1"))
        return write(tx, about, look=lambda text: ("link",)).review

    found = database.write_now(work)
    [unfound] = reviewed(database, strict)
    run(watch())
    assert now_of(database, found) == found


def test_two_dispatchers_publish_each_review_once(
    database: EngineDatabase,
    strict: Member,
    clock: MovableClock,
    quick: None,
) -> None:
    async def watch() -> None:
        other = another(database)
        async with dispatching(database, clock), dispatching(other, clock):
            await until(lambda: all(now_of(database, each).state == "published" for each in reviews), 20)
            await asyncio.sleep(0.2)
        other.close_now()

    reviews = reviewed(database, strict, 30)
    clock.now = NOW + 3_600
    with capture_logs() as log:
        run(watch())
    for each in reviews:
        chain = database.read_now(lambda tx, each=each: entries_of_review(tx, each.shop_id, each.id))
        assert [entry.kind for entry in chain] == ["written", "published"]
    assert {each["log_level"] for each in log} == {"info"}
    assert sum(counts(log)) == 30
