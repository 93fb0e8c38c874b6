"""Whether a look for what is due is worth while. On a cluster each asks every shard, so all workers of a process
share one that only says when the next message is due, and look for themselves once it is.

What waits for a known time is seen when that comes, however rare the looks are; what is new and due at once, with the
next look.
"""

import asyncio
import math
import time

from afterword.store.engine.database import Database
from afterword.store.messages.due import is_spread, next_due

EVERY = 1.25
"""Seconds between two looks: what is due at once is started within two."""

SPREAD_ASKED_EVERY = 60.0
"""Seconds until it is asked again whether the rows are spread over a cluster."""


class Watch:
    """What the last look said."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._looking = asyncio.Lock()
        self._next = -math.inf
        self._counts_until = self._spread_until = 0.0
        self.is_spread = False

    async def is_anything_due(self, now: float) -> bool:
        """False if no message is due. Raises StoreUnavailable."""
        if time.monotonic() >= self._counts_until:
            async with self._looking:
                if time.monotonic() >= self._counts_until:
                    await self._look()
        return self._next <= now

    async def _look(self) -> None:
        if time.monotonic() >= self._spread_until:
            self.is_spread = await self._database.read(is_spread)
            self._spread_until = time.monotonic() + SPREAD_ASKED_EVERY
        if self.is_spread:
            self._next = await self._database.read(next_due)
            self._counts_until = time.monotonic() + EVERY
        else:
            self._next, self._counts_until = -math.inf, self._spread_until
