"""Reviews that publish themselves: when their time has come, once, and only those in which nothing was found."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from afterword.domain.reviews.review import Review
from afterword.store.engine.database import Database
from afterword.store.reviews.chain import entries_of_review
from tests.dispatch.running import dispatch_until, dispatching, until
from tests.peers import run
from tests.store.cast import NOW, Customer, Member, MovableClock, link_found, phone_number_found
from tests.store.databases import another, closing_now

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
def strict(alba: Member) -> Member:
    """Alba looks at each of her reviews, for an hour at most."""
    return alba.moderates()


def reviewed(clara: Customer, member: Member, count: int = 1, **more: Any) -> list[Review]:
    orders = [member.order(f"{n}", email=f"c{n}@x.example") for n in range(count)]
    return [clara.reviews(about, 0, 1, text=f"No. {n}", **more) for n, about in enumerate(orders)]


def counts(log: Sequence[Mapping[str, Any]]) -> list[int]:
    """How many reviews were published at a time, as the log has it."""
    return [line["reviews"] for line in log if line["event"] == "overdue reviews published"]


def test_a_review_is_published_when_its_time_has_come_and_not_before(
    strict: Member, clara: Customer, clock: MovableClock
) -> None:
    [early] = reviewed(clara, strict)
    late = clara.reviews(strict.order("late", email="late@x.example"), text="A second later.", now=NOW + 1)

    async def watch() -> None:
        async with dispatching(strict, clock):
            clock.now = NOW + 3_600
            await until(lambda: strict.finds(early).state == "published" and counts(log) == [1])
            assert strict.finds(late).state == "waiting"
            clock.step(1)
            await until(lambda: strict.finds(late).state == "published" and counts(log) == [1, 1])

    with capture_logs() as log:
        run(watch())
    assert strict.finds(early).published_at == NOW + 3_600
    chain = strict.asks(entries_of_review, early.shop_id, early.id)
    assert [(entry.kind, entry.details) for entry in chain[1:]] == [("published", '{"by":"time"}')]


def test_what_a_person_must_decide_is_never_published_by_time(
    strict: Member, clara: Customer, clock: MovableClock
) -> None:
    """The other flagged review, which was written last, is published after all that could be."""
    found = clara.reviews(strict.order("F-1"), look=phone_number_found)
    unfound = clara.reviews(strict.order("F-2"), text="evil.com", look=link_found, now=NOW + 1)
    clock.now = NOW + 10 * 366 * 86_400
    dispatch_until(lambda: strict.finds(unfound).state == "published", strict, clock)
    assert strict.finds(found) == found


def test_two_dispatchers_publish_each_review_once(
    database: Database, strict: Member, clara: Customer, clock: MovableClock
) -> None:
    reviews = reviewed(clara, strict, 30)
    clock.now = NOW + 3_600

    async def watch() -> None:
        async with dispatching(strict, clock), dispatching(strict.on(other), clock):
            await until(lambda: sum(counts(log)) == 30, 20)

    with capture_logs() as log, closing_now(another(database)) as other:
        run(watch())
    for each in reviews:
        chain = strict.asks(entries_of_review, each.shop_id, each.id)
        assert [entry.kind for entry in chain] == ["written", "published"]
    assert {each["log_level"] for each in log} == {"info"}
    assert sum(counts(log)) == 30
