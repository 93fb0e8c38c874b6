"""Counters for `GET /metrics`: what the processes have done since they started.

Counting happens for every order, so it only adds to a number in memory; metrics are built from these numbers on
request. The processes of one `serve --workers N` share that memory, so each of them reports the totals of all. Within
a process, each number is written by one thread only.
"""

import mmap
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import NamedTuple

COMMIT_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
COMMIT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

ORDERS = ("imported", "duplicate", "refused")
REFUSALS = (
    *("order_invalid", "id_order_missing", "id_order_invalid", "order_date_missing", "order_date_invalid"),
    *("firstname_missing", "firstname_invalid", "lastname_missing", "lastname_invalid"),
    *("email_missing", "email_invalid", "products_invalid"),
    *("products_id_missing", "products_id_invalid", "products_name_missing", "products_name_invalid"),
)
"""Why an order can be refused: a mandatory field, or the order or its products as a whole."""

MESSAGES = ("sent", "deferred", "failed", "in_doubt")
DELIVERIES = ("sent", "deferred", "failed")

# The index of each number in a row. A distribution has one number per bound, one for values above the last bound, and
# the sum of all values.
_IMPORTED, _DUPLICATE, _REFUSED = range(3)
_MESSAGES = {outcome: 3 + index for index, outcome in enumerate(MESSAGES)}
_SIZES = 3 + len(MESSAGES)
_SIZES_SUM = _SIZES + len(COMMIT_SIZES) + 1
_SECONDS = _SIZES_SUM + 1
_SECONDS_SUM = _SECONDS + len(COMMIT_SECONDS) + 1
_WAITING = _SECONDS_SUM + 1
_DELIVERIES = {outcome: _WAITING + 1 + index for index, outcome in enumerate(DELIVERIES)}
_REFUSALS = {reason: _WAITING + 1 + len(_DELIVERIES) + index for index, reason in enumerate(REFUSALS)}
_WIDTH = _WAITING + 1 + len(_DELIVERIES) + len(_REFUSALS)
_BYTES = 8 * _WIDTH


class Distribution(NamedTuple):
    """A histogram. `counts[i]` is the number of values in (bounds[i-1], bounds[i]].

    `counts` has one number more than `bounds`: the values above the last bound. `sum` adds up all values.
    """

    bounds: Sequence[float]
    counts: list[int]
    sum: float


class Totals(NamedTuple):
    """The totals of all processes. Every label is present from the start, so that its first event shows as an
    increase. `waiting_elsewhere` counts the writes of the other processes that are not durable yet."""

    orders: dict[str, int]
    messages: dict[str, int]
    commit_size: Distribution
    commit_seconds: Distribution
    waiting_elsewhere: int
    deliveries: dict[str, int]
    refusals: dict[str, int]


class Board:
    """A row of numbers per process, in shared memory; created before the processes are forked.

    A restarted process continues with the row of the one it replaces, so that no counter ever decreases.
    """

    def __init__(self, processes: int = 1) -> None:
        memory = memoryview(mmap.mmap(-1, processes * _BYTES))
        self.rows = [memory[n * _BYTES : (n + 1) * _BYTES].cast("d") for n in range(processes)]


class Metrics:
    """The counters of this process, and the totals of all processes that share its board."""

    def __init__(self, board: Board | None = None, number: int = 0) -> None:
        self._rows = (board or Board()).rows
        self._row = self._rows[number]
        self._row[_WAITING] = 0

    def count_orders(
        self, imported: int, duplicate: int, refused: int, reasons: Mapping[str, int] | None = None
    ) -> None:
        """`reasons` are among REFUSALS: how many of the refused orders had each."""
        row = self._row
        row[_IMPORTED] += imported
        row[_DUPLICATE] += duplicate
        row[_REFUSED] += refused
        for reason, count in (reasons or {}).items():
            row[_REFUSALS[reason]] += count

    def count_message(self, outcome: str, count: int = 1) -> None:
        self._row[_MESSAGES[outcome]] += count

    def count_delivery(self, outcome: str) -> None:
        self._row[_DELIVERIES[outcome]] += 1

    def count_commit(self, size: int, seconds: float) -> None:
        """Counts a group commit: the number of writes, and the seconds until they were durable."""
        row = self._row
        row[_SIZES + bisect_left(COMMIT_SIZES, size)] += 1
        row[_SIZES_SUM] += size
        row[_SECONDS + bisect_left(COMMIT_SECONDS, seconds)] += 1
        row[_SECONDS_SUM] += seconds

    def count_waiting(self, change: int) -> None:
        """Changes the number of writes of this process that are not durable yet; other processes report it too."""
        self._row[_WAITING] += change

    @property
    def totals(self) -> Totals:
        every = [sum(numbers) for numbers in zip(*self._rows, strict=True)]
        counts = [round(number) for number in every]
        return Totals(
            dict(zip(ORDERS, counts, strict=False)),
            {outcome: counts[index] for outcome, index in _MESSAGES.items()},
            Distribution(COMMIT_SIZES, counts[_SIZES:_SIZES_SUM], every[_SIZES_SUM]),
            Distribution(COMMIT_SECONDS, counts[_SECONDS:_SECONDS_SUM], every[_SECONDS_SUM]),
            counts[_WAITING] - round(self._row[_WAITING]),
            {outcome: counts[index] for outcome, index in _DELIVERIES.items()},
            {reason: counts[index] for reason, index in _REFUSALS.items()},
        )
