"""Whose turn it is: every shop that has something due has its turn before one has its next.

A look gives a list, which is worked through in turn, and again from its beginning, for ten times as long as the look
took. So however long looking takes, little of a server's time goes into it. A new list is begun behind the shop that
had the last turn.
"""

import random
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable
from itertools import islice

from afterword.store.engine.database import Database
from afterword.store.invitations import due_shops

TICK = 0.25
"""Seconds between two looks for what is due, when there was nothing and looking is quick."""

LONGEST_REST = 1.0
"""Seconds between two looks when there was nothing and looking is slow: with it a letter is started within two."""

LONGEST_USE = 5.0
"""Seconds after which a list is an old one, however long looking takes."""

LOOKS_TO_USE = 10
"""How many times as long as a look took it counts."""


class Turns:
    """The shops of one world that have something due, in the order of their turns."""

    def __init__(self, database: Database, *, live: bool) -> None:
        self._database = database
        self._live = live
        self._shops: deque[int] = deque()
        self._last: int | None = None
        self._looked_at = self._took = 0.0

    async def look(self, now: float) -> bool:
        """Whether a shop has something due. The rows are asked when the list has come to its end or is too old.

        Raises StoreUnavailable.
        """
        began = time.monotonic()
        if not self._shops or began - self._looked_at > self._use(LONGEST_USE):
            shops = await self._database.read(lambda tx: due_shops(tx, live=self._live, now=now))
            self._looked_at = time.monotonic()
            self._took = self._looked_at - began
            self._shops = deque(_from_behind(self._last, shops))
        return bool(self._shops)

    @property
    def rest(self) -> float:
        """Seconds to wait when nothing could be claimed."""
        return TICK if self._shops else self._use(LONGEST_REST)

    def _use(self, longest: float) -> float:
        return max(TICK, min(LOOKS_TO_USE * self._took, longest))

    def next(self, most: int) -> tuple[list[int], int]:
        """The shops whose turn it is, and how many letters each may claim, of `most` in all. There must be one."""
        return list(islice(self._shops, most)), max(1, most // len(self._shops))

    def had(self, shops: list[int], with_more: Iterable[int]) -> None:
        """The shops of `next` have had their turn, and some of them may have more, in the same order."""
        for _ in shops:
            self._shops.popleft()
        self._shops.extend(with_more)
        self._last = shops[-1]


def _from_behind(last: int | None, shops: list[int]) -> list[int]:
    """Anywhere at first, so that dispatchers that start together do not claim the same."""
    first = random.randrange(len(shops) or 1) if last is None else bisect_right(shops, last)  # noqa: S311
    return shops[first:] + shops[:first]
