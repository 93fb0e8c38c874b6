"""What a process has done with its database since it began, in numbers, for `GET /metrics`.

Counting is adding to plain integers, since it is done for every order; metrics are made of them when somebody asks.
Each number is added to by one thread at a time.
"""

from bisect import bisect_left
from collections.abc import Sequence

COMMIT_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
COMMIT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Distribution:
    """How many of the observed values were at most each bound and above the one before it, and the sum of all.

    `counts` has one number more than there are bounds: the values above the last one.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


class Metrics:
    """Every word that is counted is there from the start, so that its first one is seen as an increase."""

    def __init__(self) -> None:
        self.orders = {"imported": 0, "duplicate": 0, "refused": 0}
        self.letters = {"sent": 0, "deferred": 0, "failed": 0, "in_doubt": 0}
        self.commit_size = Distribution(COMMIT_SIZES)
        self.commit_seconds = Distribution(COMMIT_SECONDS)

    def count_orders(self, imported: int, duplicate: int, refused: int) -> None:
        orders = self.orders
        orders["imported"] += imported
        orders["duplicate"] += duplicate
        orders["refused"] += refused

    def count_letters(self, outcome: str, count: int = 1) -> None:
        self.letters[outcome] += count

    def count_commit(self, size: int, seconds: float) -> None:
        """Writes that were handed over together, and how long it took until they were on the disk."""
        self.commit_size.observe(size)
        self.commit_seconds.observe(seconds)
