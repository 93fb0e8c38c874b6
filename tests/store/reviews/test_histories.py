"""Whatever is done to reviews, and by however many at once: chain, rows, past versions and counts agree."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from afterword.base.errors import Refused, ReviewChanged
from afterword.domain.reviews.review import Review
from afterword.store.engine.database import Database, Transaction
from afterword.store.orders import StoredOrder
from afterword.store.reviews.writing import reviews_of_order
from tests.needs import scale
from tests.store.cast import NOW, Customer, Member, Within, add_member, link_found, nothing_found
from tests.store.databases import Store, another, ask, closing_now
from tests.store.reviews.verifying import faults

KINDS = ("write", "write", "write", "publish", "reject", "withdraw", "reply", "take back", "dispute", "erase")


class Act(NamedTuple):
    """One thing that is done to the review of a line of an order."""

    kind: str
    order: int
    line: int
    rating: int
    flag: bool


acts = st.builds(
    Act, st.sampled_from(KINDS), st.integers(0, 2), st.integers(0, 2), st.integers(1, 5), st.booleans()
)
names = count(1)


def three_orders(member: Member) -> list[StoredOrder]:
    return [member.order(f"O-{number}") for number in range(3)]


def do(tx: Transaction, member: Member, orders: list[StoredOrder], act: Act, now: float) -> None:
    """Raises Refused, ReviewChanged."""
    store, about = Within(tx), orders[act.order]
    review = ask(store, reviews_of_order, about.shop.id, about.order_id).get(act.line)
    if act.kind == "write":
        seen = review.version if review else 0
        said = {"text": f"Words of {act.rating}, {seen // 2}.", "seen": seen, "wants_reply": act.flag}
        look = nothing_found if act.flag else link_found
        Customer(store).reviews(about, act.line, act.rating, look=look, now=now, **said)
    elif review is not None:
        become(store, member.on(store), review, act, now)


def become(store: Store, member: Member, review: Review, act: Act, now: float) -> None:
    match act.kind:
        case "publish":
            member.publishes(review, now)
        case "reject":
            member.rejects(review, "abuse" if act.flag else "unreadable", now)
        case "withdraw":
            Customer(store).withdraws(review, now)
        case "reply":
            member.replies(review, f"Thanks, {act.rating}.", now)
        case "take back":
            member.replies(review, None, now)
        case "dispute":
            member.disputes(review, f"Hardly, {act.rating}.", now)
        case "erase" if act.flag:
            member.erases(review, now)


@pytest.mark.sqlite
@settings(
    max_examples=40 * scale(),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(series=st.lists(acts, max_size=30), clock=st.randoms(use_true_random=False))
def test_whatever_becomes_of_reviews_verify_finds_them_whole(
    database: Database, series: list[Act], clock: Random
) -> None:
    """Even when the clock runs backwards."""

    def work(tx: Transaction) -> Member:
        member = add_member(tx, f"Shop {next(names)}")
        orders = three_orders(member)
        for one in series:
            with suppress(Refused, ReviewChanged):
                do(tx, member, orders, one, NOW + clock.randrange(-100, 1_000))
        return member

    assert faults(database.write_now(work).on(database)) == []


def test_counts_and_chain_agree_while_many_change_the_same_reviews(database: Database, alba: Member) -> None:
    """And verify, which reads at the same time, takes no change for a fault."""
    orders = three_orders(alba)

    def race(seed: int) -> None:
        random, mine = Random(seed), (database, other)[seed % 2]
        for number in range(25):
            kind, rating = random.choice(KINDS), random.randint(1, 5)
            one = Act(kind, random.randrange(3), random.randrange(3), rating, False)
            with suppress(Refused, ReviewChanged):
                mine.write_now(lambda tx, one=one, now=NOW + number: do(tx, alba, orders, one, now))

    said: list[list[str]] = []
    with (
        closing_now(another(database)) as other,
        closing_now(another(database)) as third,
        ThreadPoolExecutor(4) as threads,
    ):
        racing = [threads.submit(race, seed) for seed in range(4)]
        while not all(each.done() for each in racing):
            said.append(faults(alba.on(third)))
        for each in racing:
            each.result()
    assert said and not any(said)
    assert faults(alba) == []
