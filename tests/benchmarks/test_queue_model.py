"""The model of the queue against cases that were worked out by hand."""

import json
from collections.abc import Iterator
from itertools import repeat

import pytest
from click.testing import CliRunner

from afterword.dispatch.worker import CLAIMED_AT_ONCE
from benchmarks import queue_model
from benchmarks.queue_model import (
    CURVE,
    DAY,
    Arrived,
    Found,
    Group,
    Outage,
    Plan,
    Queue,
    arriving,
    bucket_for,
    grouped,
    simulate,
)
from benchmarks.queue_model.__main__ import main

ONE_SHOP = [Group(1, 1.0)]
HOUR = 3_600


def steadily(plan: Plan, orders: int) -> Iterator[Arrived]:
    """One shop, so many orders in every bucket."""
    return repeat([(0, orders)], plan.buckets)


def run(plan: Plan) -> Found:
    groups = grouped(plan)
    return simulate(plan, groups, arriving(plan, groups))


@pytest.mark.parametrize(
    "plan",
    [
        Plan(orders_a_day=500, delay=DAY, days=3, bucket=10),
        Plan(shops=20, orders_a_day=5_000, delay=DAY, days=3, bucket=10, outages=[Outage(2 * DAY, 6 * HOUR)]),
        Plan(shops=20, orders_a_day=5_000, delay=DAY, days=3, bucket=10, messages_a_second=0.05),
        Plan(shops=5_000, orders_a_day=1e6, delay=DAY, days=3, bucket=60, outages=[Outage(2 * DAY, HOUR)]),
        Plan(orders_a_day=500, delay=3 * DAY, days=2, bucket=60),
    ],
)
def test_what_arrived_is_sent_or_due_or_scheduled(plan: Plan) -> None:
    found = run(plan)
    groups = grouped(plan)
    assert found.arrived == sum(orders for arrived in arriving(plan, groups) for _, orders in arrived)
    assert found.arrived == found.sent + found.due + found.scheduled
    assert found.arrived == pytest.approx(plan.orders_a_day * plan.days, rel=0.1)


def test_no_letter_is_early() -> None:
    """An order of the first second is received, rounded up, at 1, and due at 86,391: nine seconds are left."""
    plan = Plan(delay=DAY - 10, days=1)
    found = simulate(plan, ONE_SHOP, steadily(plan, 1))
    assert (found.sent, found.due, found.scheduled) == (9, 0, DAY - 9)
    assert found.latest == 0
    longer = Plan(delay=2 * DAY, days=1, bucket=60)
    assert simulate(longer, ONE_SHOP, steadily(longer, 3)).scheduled == 3 * 1_440


def test_an_outage_takes_its_backlog_by_what_the_courier_has_to_spare() -> None:
    """2 orders a second for 100 seconds are 200; 10 letters a second send 8 more than come, so 25 seconds."""
    plan = Plan(delay=HOUR, days=1, messages_a_second=10, outages=[Outage(2 * HOUR, 100)])
    found = simulate(plan, ONE_SHOP, steadily(plan, 2))
    [outage] = found.drained
    assert outage.due == found.most_due == 200
    assert outage.seconds == 25
    assert found.latest == 100
    assert found.late_p99 == 0


def test_two_outages_are_told_apart_and_one_that_lasts_is_not_drained() -> None:
    outages = [Outage(5 * HOUR, 60), Outage(2 * HOUR, 60), Outage(23 * HOUR, DAY)]
    plan = Plan(delay=HOUR, days=1, messages_a_second=10, outages=outages)
    found = simulate(plan, ONE_SHOP, steadily(plan, 2))
    assert [(each.outage, each.due, each.seconds) for each in found.drained] == [
        (outages[1], 120, 15),
        (outages[0], 120, 15),
        (outages[2], 2 * HOUR, None),
    ]
    assert found.due == 2 * HOUR


def test_a_courier_that_is_too_slow_falls_behind_by_what_it_lacks() -> None:
    """Of 2 a second one is sent, for the 23 hours in which something is due but the first second."""
    plan = Plan(delay=HOUR, days=1, messages_a_second=1)
    found = simulate(plan, ONE_SHOP, steadily(plan, 2))
    assert found.sent == found.due == 23 * HOUR - 1
    assert found.latest == pytest.approx(23 * HOUR / 2, abs=1)
    half = Plan(delay=HOUR, days=1, messages_a_second=0.5)
    assert simulate(half, ONE_SHOP, steadily(half, 1)).sent == pytest.approx(23 * HOUR / 2, abs=1)


def test_a_shop_with_a_million_due_does_not_delay_a_shop_with_one() -> None:
    """The claim in hand has 64 letters, the next one 32 of the large shop and this one: 97 at most, two seconds."""
    queue = Queue([Group(1, 0.9), Group(1, 0.1)])
    queue.fall_due(0, 1_000_000, 0)
    for second in range(100):
        queue.carry(50, second)
    queue.fall_due(1, 1, 100)
    for second in range(100, 103):
        queue.carry(50, second)
    assert sum(queue.lateness[late] for late in range(3)) == 50 * 3 + 1
    assert queue.latest[1] <= 2


def test_shops_that_have_something_due_get_equal_parts() -> None:
    """Three shops with 21 letters a claim each: the one with 210 is done after ten claims, when 30 have gone."""
    queue = Queue([Group(1, 1 / 3)] * 3)
    queue.fall_due(0, 210, 0)
    for group in (1, 2):
        queue.fall_due(group, 10_000, 0)
    for claim in range(20):
        queue.carry(63, claim)
    assert queue.latest[0] == 9
    assert queue.latest[1] == queue.latest[2] == 19


def test_what_is_claimed_is_put_back_when_the_courier_is_away() -> None:
    queue = Queue(ONE_SHOP)
    queue.fall_due(0, CLAIMED_AT_ONCE, 0)
    queue.carry(1, 0)
    queue.put_back()
    queue.fall_due(0, 10, 1)
    queue.carry(CLAIMED_AT_ONCE - 1, 5)
    assert queue.size == 10
    assert queue.lateness == {0: 1, 5: CLAIMED_AT_ONCE - 1}


def test_the_same_plan_gives_the_same_figures_and_another_seed_others() -> None:
    first, again, other = (
        run(Plan(shops=3, orders_a_day=1_000, delay=HOUR, days=1, bucket=10, seed=seed)) for seed in (1, 1, 2)
    )
    assert first == again and first.arrived != other.arrived


def test_groups_give_nearly_what_shops_alone_give(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = {"bucket": 60, "messages_a_second": 10, "outages": [Outage(6 * HOUR, 6 * HOUR)]}
    plan = Plan(shops=400, orders_a_day=200_000, delay=HOUR, days=1, **slow)
    alone = run(plan)
    monkeypatch.setattr(queue_model, "MOST_SHOPS_ALONE", 1)
    together = run(plan)
    assert (alone.groups, together.groups < 100) == (400, True)
    assert together.most_due == pytest.approx(alone.most_due, rel=0.02)
    assert together.drained[0].seconds == pytest.approx(alone.drained[0].seconds, rel=0.05)


@pytest.mark.parametrize("shops", [1, 7, 500, 501, 3_000])
def test_every_shop_is_in_a_group_and_the_smallest_come_first(shops: int) -> None:
    groups = grouped(Plan(shops=shops))
    assert sum(group.shops for group in groups) == shops
    assert sum(group.part for group in groups) == pytest.approx(1)
    sizes = [group.part / group.shops for group in groups]
    assert sizes == sorted(sizes)
    assert (len(CURVE), sum(CURVE)) == (24, pytest.approx(24)), "a day of the curve has a day of orders"


def test_buckets_are_as_coarse_as_the_work_demands() -> None:
    plans = Plan(), Plan(shops=100_000, orders_a_day=5e7), Plan(shops=100_000, orders_a_day=5e7, delay=50)
    assert list(map(bucket_for, plans)) == [1, 60, 10]


def test_the_command_prints_words_or_json() -> None:
    asked = ["--shops", "2", "--orders-a-day", "800", "--delay", "2h", "--days", "1", "--outage", "1h@6h"]
    words = CliRunner().invoke(main, asked)
    assert "outage of 3,600 s on day 0.25" in words.output
    found = json.loads(CliRunner().invoke(main, [*asked, "--json"]).output)
    assert found["arrived"] == found["sent"] + found["due"] + found["scheduled"]
    assert found["plan"]["outages"] == [{"begins": 6 * HOUR, "lasts": HOUR}]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (["--outage", "6h"], "'6h' is not an outage: write 6h@12d for six hours after twelve days"),
        (["--outage", "6h@noon"], "'noon' is not a delay: write 10d, 36h, 90m or 5s"),
        (["--bucket", "7s"], "--bucket must divide the delay and an hour"),
        (["--messages-a-second", "0"], "0.0 is not in the range x>0"),
    ],
)
def test_what_cannot_be_simulated_is_refused_with_a_sentence(asked: list[str], sentence: str) -> None:
    said = CliRunner().invoke(main, asked)
    assert said.exit_code == 2
    assert sentence in said.output
