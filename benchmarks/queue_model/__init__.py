"""`python -m benchmarks.queue_model`: a model of the queue, for how many invitations wait and how late e-mails are
sent.

Orders arrive by a daily curve, from shops with lognormal sizes. Each invitation is due its delay after receipt. A
claim takes 64 due invitations, an equal share from each shop that has any, oldest first, as `dispatch/worker.py`
does. The transport carries a fixed number of e-mails per second, and none during an outage.

What is approximated:

- Time is in buckets, of a second unless there is too much to do. What arrives in a bucket counts as received at its
  end, which for a second is the real rule (receipts are rounded up). Nothing is early; lateness is in buckets.
- There is one dispatcher. Every e-mail is sent at its first try; none is deferred, suppressed or in doubt. After an
  outage sending resumes at once, where the real dispatcher may take ten seconds longer.
- More than 500 shops are merged into up to 100 groups of shops of one size. In a group, as many shops as possible
  have something due. What a bucket carries is shared as one claim, and each shop has a turn before any has its next.
- Fifty or more orders per bucket are drawn from a normal distribution instead of Poisson's.
- The daily curve and the spread of the sizes are our assumptions, not those of a real shop.
"""

import math
import random
from bisect import bisect, bisect_left
from collections import Counter, deque
from collections.abc import Iterator
from itertools import accumulate

import msgspec

from afterword.dispatch.worker import CLAIMED_AT_ONCE

DAY = 86_400
MOST_SHOPS_ALONE = 500
GROUPS = 100
SPREAD = 1.5
"""Standard deviation of the logarithm of a shop's size: of 1,000 shops, the largest has about a hundred times the
median's orders."""

MOST_DRAWS = 20_000_000

_HOURS = "35 20 12 10 12 25 50 80 105 125 140 140 140 130 125 125 130 140 150 165 180 175 130 70"
CURVE = tuple(24 * int(hour) / sum(map(int, _HOURS.split())) for hour in _HOURS.split())
"""Orders in each hour of a day, relative to the mean; the peak is at nine in the evening."""

Arrived = list[tuple[int, int]]
"""The orders of one bucket: groups, and the number of orders of each."""


class Outage(msgspec.Struct, frozen=True):
    """A period in which nothing can be sent, in seconds."""

    begins: int
    lasts: int

    @property
    def ends(self) -> int:
        return self.begins + self.lasts


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters. Times are seconds since midnight of the first day; `bucket` must divide the delay and an
    hour."""

    shops: int = 1
    orders_a_day: float = 2_000
    delay: int = 10 * DAY
    messages_a_second: float = 50
    outages: list[Outage] = []
    days: int = 30
    bucket: int = 1
    seed: int = 1

    @property
    def buckets(self) -> int:
        return self.days * DAY // self.bucket

    @property
    def waits(self) -> int:
        """Buckets from the one in which an order arrives to the first in which its e-mail may be sent."""
        return self.delay // self.bucket + 1


class Group(msgspec.Struct, frozen=True):
    """Shops of one size, and their share of all orders."""

    shops: int
    part: float


class Drained(msgspec.Struct):
    """An outage: how many were due when it ended, and the seconds until none was. None: not within the days
    simulated."""

    outage: Outage
    due: int
    seconds: int | None = None


class Found(msgspec.Struct, kw_only=True):
    """The result of a run. Lateness is in seconds, in whole buckets."""

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
    """The due invitations by group, and those that a dispatcher has claimed. Times are bucket numbers."""

    def __init__(self, groups: list[Group], *, merged: bool = False) -> None:
        """With `merged`, a claim takes everything that a bucket can carry."""
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
        """Sends up to this many e-mails in this bucket, and claims more when all claimed ones are sent."""
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
        """Returns what is claimed to the queue."""
        while self._claimed:
            group, since, orders = self._claimed.pop()
            self._due.setdefault(group, deque()).appendleft((since, orders))
            self._size_of[group] += orders

    def _claim(self, most: int) -> None:
        """Claims an equal share from each shop with due invitations, beginning after the last one served."""
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
        """Claims the oldest of a group, and returns how many were claimed."""
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
    """Runs the queue bucket by bucket; `arrivals` has all buckets of the plan."""
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
    """E-mails that can have been sent before this bucket begins, so that fractions of an e-mail are not lost."""
    return math.floor(bucket * plan.bucket * plan.messages_a_second)


def _percentile(counts: Counter[int], share: float) -> int:
    """The smallest value that this share of all values does not exceed."""
    values = sorted(counts)
    until = list(accumulate(counts[value] for value in values))
    return values[bisect_left(until, share * until[-1])] if values else 0


def _smaller_half(groups: list[Group]) -> int:
    """The number of groups, smallest first, that contain half of the shops; at least one."""
    shops = list(accumulate(group.shops for group in groups))
    return max(1, bisect(shops, shops[-1] / 2))


def grouped(plan: Plan) -> list[Group]:
    """The shops by size, smallest first: each alone, or in groups if there are many."""
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
    """The orders that arrive in each bucket; deterministic for a plan."""
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
    """The bucket size in seconds with which the simulation takes about a minute."""
    groups = plan.shops if plan.shops <= MOST_SHOPS_ALONE else GROUPS
    fitting = [bucket for bucket in (1, 10, 60) if plan.delay % bucket == 0]
    for bucket in fitting:
        buckets = plan.days * DAY // bucket
        if buckets + min(plan.orders_a_day * plan.days, buckets * groups) <= MOST_DRAWS:
            return bucket
    return fitting[-1]
