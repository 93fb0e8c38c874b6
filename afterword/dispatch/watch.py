"""When the next message is due: one look for all workers of a process, which look for themselves once it is.

On a cluster a look asks every shard. So there it is rare, and in between one number is read, on the coordinator, that
tells whether anything new is due soon (`Transaction.announce`). What waits for a known time needs no look until then.
"""

import asyncio
import math
import time

from afterword.store.engine.connection import Row
from afterword.store.engine.database import Database
from afterword.store.messages.due import announced, is_spread, next_due, next_due_on_cluster

EVERY, RARELY = 0.25, 1.0
"""Seconds between two looks: the longer one takes, the rarer they are. While something is due the longer ones: the
workers look for themselves."""

REST_PER_LOOK = 10
"""How many times as long as a look took it counts."""

ASK_EVERY = 0.5
"""The same, on a cluster, of that number."""

SPREAD_EVERY = 1.0
"""The same, on a cluster, of two looks while something is due and nothing is new: what is due at once is started
within two."""

SPREAD_AT_LEAST_EVERY = 60.0
"""The same, while nothing is due or new. What was not announced, since a process was killed or a person changed
rows, is seen by then."""

SPREAD_ASKED_EVERY = 60.0
"""Seconds until it is asked again whether the rows are spread over a cluster."""


class Watch:
    """What the last look said."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._looking = asyncio.Lock()
        self._next = -math.inf
        self._counts_until = self._spread_until = 0.0
        self._announced: Row = ()
        self._looked_at = -math.inf
        self.is_spread = False

    async def is_anything_due(self, now: float) -> bool:
        """False if no message is due. Raises StoreUnavailable."""
        if time.monotonic() >= self._counts_until:
            async with self._looking:
                if time.monotonic() >= self._counts_until:
                    await self._look(now)
        return self._next <= now

    async def _look(self, now: float) -> None:
        if time.monotonic() >= self._spread_until:
            self.is_spread = await self._database.read(is_spread)
            self._spread_until = time.monotonic() + SPREAD_ASKED_EVERY
        if self.is_spread:
            await self._look_on_cluster(now)
            self._counts_until = time.monotonic() + ASK_EVERY
        else:
            began = time.monotonic()
            self._next = await self._database.read(next_due)
            ended = time.monotonic()
            rest = RARELY if self._next <= now else min(REST_PER_LOOK * (ended - began), RARELY)
            self._counts_until = ended + max(EVERY, rest)

    async def _look_on_cluster(self, now: float) -> None:
        news = await self._database.read(announced)
        longest = SPREAD_EVERY if self._next <= now else SPREAD_AT_LEAST_EVERY
        if news != self._announced or time.monotonic() - self._looked_at >= longest:
            self._looked_at = time.monotonic()
            self._next = await self._database.read(next_due_on_cluster)
            self._announced = news
