"""What an Afterword has done with its database since it began, in numbers, for `GET /metrics`.

Counting is adding to a number in memory, since it is done for every order; metrics are made of them when somebody
asks. The processes of one `serve --workers N` have that memory in common, so that each of them tells what all of them
have done together. Each number of a process is added to by one of its threads.
"""

import mmap
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

COMMIT_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
COMMIT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

ORDERS = ("imported", "duplicate", "refused")
MESSAGES = ("sent", "deferred", "failed", "in_doubt")
DELIVERIES = ("sent", "deferred", "failed")

# Where each number stands in a row. A distribution has a number for each bound, one for what is above the last one,
# and the sum of all.
_IMPORTED, _DUPLICATE, _REFUSED = range(3)
_MESSAGES = {outcome: 3 + place for place, outcome in enumerate(MESSAGES)}
_SIZES = 3 + len(MESSAGES)
_SIZES_SUM = _SIZES + len(COMMIT_SIZES) + 1
_SECONDS = _SIZES_SUM + 1
_SECONDS_SUM = _SECONDS + len(COMMIT_SECONDS) + 1
_WAITING = _SECONDS_SUM + 1
_DELIVERIES = {outcome: _WAITING + 1 + place for place, outcome in enumerate(DELIVERIES)}
_WIDTH = _WAITING + 1 + len(_DELIVERIES)
_BYTES = 8 * _WIDTH


class Distribution(NamedTuple):
    """How many of the observed values were at most each bound and above the one before it, and the sum of all.

    `counts` has one number more than there are bounds: the values above the last one.
    """

    bounds: Sequence[float]
    counts: list[int]
    sum: float


class Totals(NamedTuple):
    """What all processes have done. Every word that is counted is there from the start, so that its first one is seen
    as an increase. `waiting_elsewhere`: writes of the other processes that are not on the disk yet."""

    orders: dict[str, int]
    messages: dict[str, int]
    commit_size: Distribution
    commit_seconds: Distribution
    waiting_elsewhere: int
    deliveries: dict[str, int]


class Board:
    """A row of numbers for each of several processes, in memory that they share: made before they are forked.

    A process that is started anew goes on with the row of the lost one, so that no number ever goes back.
    """

    def __init__(self, processes: int = 1) -> None:
        memory = memoryview(mmap.mmap(-1, processes * _BYTES))
        self.rows = [memory[n * _BYTES : (n + 1) * _BYTES].cast("d") for n in range(processes)]


class Metrics:
    """What this process counts, and what all of its board have counted."""

    def __init__(self, board: Board | None = None, number: int = 0) -> None:
        self._rows = (board or Board()).rows
        self._row = self._rows[number]
        self._row[_WAITING] = 0

    def count_orders(self, imported: int, duplicate: int, refused: int) -> None:
        row = self._row
        row[_IMPORTED] += imported
        if duplicate:
            row[_DUPLICATE] += duplicate
        if refused:
            row[_REFUSED] += refused

    def count_message(self, outcome: str, count: int = 1) -> None:
        self._row[_MESSAGES[outcome]] += count

    def count_delivery(self, outcome: str) -> None:
        self._row[_DELIVERIES[outcome]] += 1

    def count_commit(self, size: int, seconds: float) -> None:
        """Writes that were handed over together, and how long it took until they were on the disk."""
        row = self._row
        row[_SIZES + bisect_left(COMMIT_SIZES, size)] += 1
        row[_SIZES_SUM] += size
        row[_SECONDS + bisect_left(COMMIT_SECONDS, seconds)] += 1
        row[_SECONDS_SUM] += seconds

    def count_waiting(self, change: int) -> None:
        """How many more, or fewer, writes of this process are not on the disk yet: the others tell it too."""
        self._row[_WAITING] += change

    @property
    def totals(self) -> Totals:
        every = [sum(numbers) for numbers in zip(*self._rows, strict=True)]
        counts = [round(number) for number in every]
        return Totals(
            dict(zip(ORDERS, counts, strict=False)),
            {outcome: counts[place] for outcome, place in _MESSAGES.items()},
            Distribution(COMMIT_SIZES, counts[_SIZES:_SIZES_SUM], every[_SIZES_SUM]),
            Distribution(COMMIT_SECONDS, counts[_SECONDS:_SECONDS_SUM], every[_SECONDS_SUM]),
            counts[_WAITING] - round(self._row[_WAITING]),
            {outcome: counts[place] for outcome, place in _DELIVERIES.items()},
        )
