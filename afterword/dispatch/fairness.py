"""Whose turn it is: every source that has something due has its turn before one has its next.

Kinds are fair to each other by having workers of their own (`domain.messages.Queue`); within a queue the sources take
turns, a shop or a webhook each.

A look gives a list, which is worked through in turn, and again from its beginning, for ten times as long as the look
took. So however long looking takes, little of a server's time goes into it. A new list is begun behind the source
that had the last turn. A webhook gets one thing at a time, and after trouble nothing for a while.
"""

import random
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from afterword.dispatch.watch import Watch
from afterword.domain.messages import Queue
from afterword.store.engine.database import Database
from afterword.store.messages.claims import Source
from afterword.store.messages.due import due_sources

TICK = 0.25
"""Seconds between two looks for what is due, when there was nothing and looking is quick."""

LONGEST_REST = 1.0
"""Seconds between two looks when there was nothing and looking is slow: with it a message is started within two."""

LONGEST_USE = 5.0
"""Seconds after which a list is an old one, however long looking takes."""

LOOKS_TO_USE = 10
"""How many times as long as a look took it counts."""

FIRST_RECEIVER_PAUSE = 5.0
LONGEST_RECEIVER_PAUSE = 300.0
"""Seconds in which a webhook that was in trouble gets nothing: doubled each time until it takes something."""


@dataclass
class Receiver:
    """A webhook that is busy, or was in trouble."""

    is_busy: bool = False
    pause: float = 0.0
    free_at: float = 0.0

    @property
    def is_free(self) -> bool:
        return not self.is_busy and time.monotonic() >= self.free_at


class Turns:
    """The sources of one queue and mode that have something due, in the order of their turns."""

    def __init__(self, database: Database, watch: Watch, queue: Queue, *, live: bool) -> None:
        self._database = database
        self._watch = watch
        self._queue = queue
        self._live = live
        self._sources: deque[Source] = deque()
        self._receivers: dict[Source, Receiver] = {}
        self._last: Source | None = None
        self._looked_at = self._took = 0.0

    async def look(self, now: float) -> bool:
        """Whether a source has something due. The rows are asked when the list has come to its end or is too old, and
        anything is due.

        Raises StoreUnavailable.
        """
        began = time.monotonic()
        if not self._sources or began - self._looked_at > self._use(LONGEST_USE):
            queue, live = self._queue, self._live
            sources, self._took = list[Source](), 0.0
            if await self._watch.is_anything_due(now):
                began = time.monotonic()
                sources = await self._database.read(lambda tx: due_sources(tx, queue, live=live, now=now))
                self._took = time.monotonic() - began
            self._looked_at = time.monotonic()
            self._sources = deque(_from_behind(self._last, sources))
        return bool(self._sources)

    @property
    def rest(self) -> float:
        """Seconds to wait when nothing could be claimed."""
        return TICK if self._sources else self._use(LONGEST_REST)

    def _use(self, longest: float) -> float:
        return max(TICK, min(LOOKS_TO_USE * self._took, longest))

    def next(self, most: int) -> tuple[list[Source], int]:
        """The sources whose turn it is, and how many messages each may claim, of `most` in all."""
        if self._queue == Queue.WEBHOOKS:
            return list(islice(filter(self._is_free, self._sources), most)), 1
        return list(islice(self._sources, most)), max(1, most // max(1, len(self._sources)))

    def had(self, sources: list[Source], with_more: Iterable[Source]) -> None:
        """The sources of `next` have had their turn, and some of them may have more, in the same order."""
        left, passed_over = set(sources), list[Source]()
        while left:
            source = self._sources.popleft()
            if source in left:
                left.remove(source)
            else:
                passed_over.append(source)
        self._sources.extendleft(reversed(passed_over))
        self._sources.extend(with_more)
        self._last = sources[-1]

    def _is_free(self, source: Source) -> bool:
        receiver = self._receivers.get(source)
        return receiver is None or receiver.is_free

    def is_busy(self, source: Source) -> None:
        """It is being sent something."""
        self._receivers.setdefault(source, Receiver()).is_busy = True

    def is_well(self, source: Source) -> None:
        """It has taken it."""
        self._receivers.pop(source, None)

    def is_in_trouble(self, source: Source) -> None:
        """It has not."""
        pause = self._receivers[source].pause if source in self._receivers else 0.0
        pause = min(max(FIRST_RECEIVER_PAUSE, pause * 2), LONGEST_RECEIVER_PAUSE)
        self._receivers[source] = Receiver(pause=pause, free_at=time.monotonic() + pause)


def _from_behind(last: Source | None, sources: list[Source]) -> list[Source]:
    """Anywhere at first, so that dispatchers that start together do not claim the same."""
    first = random.randrange(len(sources) or 1) if last is None else bisect_right(sources, last)  # noqa: S311
    return sources[first:] + sources[:first]
