"""`python -m benchmarks.queue_model`: how many invitations wait and how late letters go, in a model of the queue.

Orders arrive by a daily curve, from shops of lognormal sizes. Each is due its delay after its receipt. A claim takes
64 of what is due, an equal part for each shop that has something due, the oldest first, as `dispatch/lane.py` does;
the courier carries so many letters a second, and none during an outage.

What is approximated:

- Time goes in buckets, of a second unless there is too much to do. What came in a bucket counts as received at its
  end, which for a second is the rule itself (receipts are rounded up). Nothing is early; lateness is in buckets.
- There is one dispatcher. Every letter is sent at its first try, none is deferred, suppressed or in doubt. After an
  outage it goes on at once, where the real one may take ten seconds more.
- More than 500 shops are put into up to 100 groups of one size. Of a group as many shops have something due as can
  be. What a bucket carries is shared as one claim, and every shop has its turn before one has its next.
- Fifty orders or more of a bucket are drawn from a normal distribution instead of Poisson's.
- The daily curve and the spread of the sizes are ours: no shop's own.
"""

import math
import random
from bisect import bisect, bisect_left
from collections import Counter, deque
from collections.abc import Iterator
from itertools import accumulate

import msgspec

from afterword.dispatch.lane import CLAIMED_AT_ONCE

DAY = 86_400
MOST_SHOPS_ALONE = 500
GROUPS = 100
SPREAD = 1.5
"""Of the logarithm of a shop's size: of 1,000 shops the largest has about a hundred times the median's orders."""

MOST_DRAWS = 20_000_000

_HOURS = "35 20 12 10 12 25 50 80 105 125 140 140 140 130 125 125 130 140 150 165 180 175 130 70"
CURVE = tuple(24 * int(hour) / sum(map(int, _HOURS.split())) for hour in _HOURS.split())
"""Orders of each hour of a day; the mean is 1. The night is quiet, nine in the evening is the peak."""

Arrived = list[tuple[int, int]]
"""Of one bucket: groups, and how many orders each got."""


class Outage(msgspec.Struct, frozen=True):
    """When nothing can be carried, in seconds."""

    begins: int
    lasts: int

    @property
    def ends(self) -> int:
        return self.begins + self.lasts


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is simulated. Times are seconds from a midnight; a bucket divides the delay and an hour."""

    shops: int = 1
    orders_a_day: float = 2_000
    delay: int = 10 * DAY
    letters_a_second: float = 50
    outages: list[Outage] = []
    days: int = 30
    bucket: int = 1
    seed: int = 1

    @property
    def buckets(self) -> int:
        return self.days * DAY // self.bucket

    @property
    def waits(self) -> int:
        """Buckets from the one in which an order came to the first in which its letter may go."""
        return self.delay // self.bucket + 1


class Group(msgspec.Struct, frozen=True):
    """Shops of one size, and the part of all orders that they have together."""

    shops: int
    part: float


class Drained(msgspec.Struct):
    """An outage: what was due when it ended, and the seconds until nothing was. None: not within these days."""

    outage: Outage
    due: int
    seconds: int | None = None


class Found(msgspec.Struct, kw_only=True):
    """What a run found. Latenesses are seconds, in whole buckets."""

    plan: Plan
    groups: int
    arrived: int
    sent: int
    due: int
    scheduled: int
    most_due: int
    latest: int
    late_p99: int
    latest_of_small_shops: int
    latest_of_largest_shop: int
    drained: list[Drained]


class Queue:
    """What is due, by group, and what a dispatcher has claimed of it. Time is the number of a bucket."""

    def __init__(self, groups: list[Group], *, merged: bool = False) -> None:
        """`merged`: a claim takes whatever a bucket can carry."""
        self.size = 0
        self.sent = 0
        self.lateness: Counter[int] = Counter()
        self.latest = [0] * len(groups)
        self._groups = groups
        self._merged = merged
        self._due: dict[int, deque[tuple[int, int]]] = {}
        self._size_of = [0] * len(groups)
        self._claimed: deque[tuple[int, int, int]] = deque()
        self._turn = 0

    def fall_due(self, group: int, orders: int, at: int) -> None:
        self._due.setdefault(group, deque()).append((at, orders))
        self._size_of[group] += orders
        self.size += orders

    def carry(self, most: int, at: int) -> None:
        """Sends up to so many letters in this bucket, and claims when nothing claimed is left."""
        while most and self.size:
            if not self._claimed:
                self._claim(max(CLAIMED_AT_ONCE, most) if self._merged else CLAIMED_AT_ONCE)
            group, since, orders = self._claimed.popleft()
            now = min(orders, most)
            if now < orders:
                self._claimed.appendleft((group, since, orders - now))
            late = at - since
            self.lateness[late] += now
            self.latest[group] = max(self.latest[group], late)
            self.sent += now
            self.size -= now
            most -= now

    def put_back(self) -> None:
        """What is claimed waits for better times, where it was."""
        while self._claimed:
            group, since, orders = self._claimed.pop()
            self._due.setdefault(group, deque()).appendleft((since, orders))
            self._size_of[group] += orders

    def _claim(self, most: int) -> None:
        """An equal part for each shop that has something due; those after the last one served are the first."""
        having = sorted(self._due)
        shops = list(accumulate(min(self._groups[group].shops, self._size_of[group]) for group in having))
        part = max(1, most // shops[-1])
        self._turn = (self._turn + most) % shops[-1]
        left, at = most, bisect(shops, self._turn)
        first = self._turn - (shops[at - 1] if at else 0)
        for index in (*range(at, len(having)), *range(at)):
            if left:
                here = shops[index] - (shops[index - 1] if index else 0) - (first if index == at else 0)
                left -= self._take(having[index], min(left, part * here))

    def _take(self, group: int, most: int) -> int:
        """Claims the oldest of a group, and returns how many."""
        due, left = self._due[group], most
        while left and due:
            since, orders = due.popleft()
            now = min(left, orders)
            if now < orders:
                due.appendleft((since, orders - now))
            self._claimed.append((group, since, now))
            left -= now
        if not due:
            del self._due[group]
        self._size_of[group] -= most - left
        return most - left


def simulate(plan: Plan, groups: list[Group], arrivals: Iterator[Arrived]) -> Found:
    """Runs the queue over what arrives, bucket by bucket; `arrivals` has all buckets of the plan."""
    queue = Queue(groups, merged=sum(group.shops for group in groups) > len(groups))
    outages = deque(sorted(plan.outages, key=lambda outage: outage.begins))
    drained: list[Drained] = []
    fell_due = most_due = 0
    for at in range(min(plan.waits, plan.buckets), plan.buckets):
        second = at * plan.bucket
        while outages and second >= outages[0].ends:
            drained.append(Drained(outages.popleft(), queue.size))
        for group, orders in next(arrivals):
            queue.fall_due(group, orders, at)
            fell_due += orders
        if outages and second >= outages[0].begins:
            queue.put_back()
        else:
            queue.carry(_carried_until(plan, at + 1) - _carried_until(plan, at), at)
        most_due = max(most_due, queue.size)
        for each in drained if not queue.size else ():
            if each.seconds is None:
                each.seconds = second + plan.bucket - each.outage.ends
    drained += [Drained(outage, queue.size) for outage in outages if outage.begins < plan.days * DAY]
    scheduled = sum(orders for arrived in arrivals for _, orders in arrived)
    return Found(
        plan=plan,
        groups=len(groups),
        arrived=fell_due + scheduled,
        sent=queue.sent,
        due=queue.size,
        scheduled=scheduled,
        most_due=most_due,
        latest=max(queue.latest) * plan.bucket,
        late_p99=_percentile(queue.lateness, 0.99) * plan.bucket,
        latest_of_small_shops=max(queue.latest[: _smaller_half(groups)]) * plan.bucket,
        latest_of_largest_shop=queue.latest[-1] * plan.bucket,
        drained=drained,
    )


def _carried_until(plan: Plan, bucket: int) -> int:
    """Letters that can have gone before this bucket begins, so that parts of a letter are not lost."""
    return math.floor(bucket * plan.bucket * plan.letters_a_second)


def _percentile(counts: Counter[int], share: float) -> int:
    """The least value that this share of all does not exceed."""
    values = sorted(counts)
    until = list(accumulate(counts[value] for value in values))
    return values[bisect_left(until, share * until[-1])] if values else 0


def _smaller_half(groups: list[Group]) -> int:
    """How many groups, the smallest first, hold half of the shops; one at least."""
    shops = list(accumulate(group.shops for group in groups))
    return max(1, bisect(shops, shops[-1] / 2))


def grouped(plan: Plan) -> list[Group]:
    """The shops by size, the smallest first: each alone, or in groups when there are many."""
    chance = random.Random(plan.seed)
    sizes = sorted(math.exp(chance.gauss(0, SPREAD)) for _ in range(plan.shops))
    whole = sum(sizes)
    if plan.shops <= MOST_SHOPS_ALONE:
        return [Group(1, size / whole) for size in sizes]
    low, high = math.log(sizes[0]), math.log(sizes[-1])
    found: dict[int, list[float]] = {}
    for size in sizes:
        found.setdefault(int((math.log(size) - low) / (high - low) * (GROUPS - 1)), []).append(size)
    return [Group(len(alike), sum(alike) / whole) for alike in found.values()]


def arriving(plan: Plan, groups: list[Group]) -> Iterator[Arrived]:
    """What arrives in each bucket of the plan: the same for the same plan."""
    chance = random.Random(plan.seed + 1)
    parts = [group.part for group in groups]
    until, all_groups = list(accumulate(parts)), range(len(groups))
    for bucket in range(plan.buckets):
        mean = plan.orders_a_day * plan.bucket / DAY * CURVE[bucket * plan.bucket // 3_600 % 24]
        if mean < len(groups):
            orders = _poisson(chance, mean)
            whose = chance.choices(all_groups, cum_weights=until, k=orders) if orders else ()
            yield list(Counter(whose).items())
        else:
            drawn = [(group, _poisson(chance, mean * parts[group])) for group in all_groups]
            yield [(group, orders) for group, orders in drawn if orders]


def _poisson(chance: random.Random, mean: float) -> int:
    if mean > 50:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    orders, left, bound = 0, chance.random(), math.exp(-mean)
    while left > bound:
        left *= chance.random()
        orders += 1
    return orders


def bucket_for(plan: Plan) -> int:
    """Seconds of a bucket with which the plan is done in a minute or so."""
    groups = plan.shops if plan.shops <= MOST_SHOPS_ALONE else GROUPS
    fitting = [bucket for bucket in (1, 10, 60) if plan.delay % bucket == 0]
    for bucket in fitting:
        buckets = plan.days * DAY // bucket
        if buckets + min(plan.orders_a_day * plan.days, buckets * groups) <= MOST_DRAWS:
            return bucket
    return fitting[-1]
