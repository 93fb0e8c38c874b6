"""Reads, checks and shows long forms in a process beside the server, and short ones in a thread (guarantee 11)."""

import asyncio
import pickle
from collections.abc import Callable, Container, Iterable, Sequence
from functools import partial
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from afterword.actions.reviews.writing import REVIEWS_A_TRANSACTION, Prepared, Said, Submission, prepare
from afterword.base.errors import StoreUnavailable
from afterword.store.orders import StoredOrder
from afterword.web.customer.drafts import Asked, read_asked
from afterword.web.customer.reading import Sent
from afterword.web.customer.sheet import Topic
from afterword.web.customer.showing import Result, show, texts_of
from afterword.web.side_process import SideProcess

T = TypeVar("T")

SHORT = 2_000
"""Characters that a thread checks in a millisecond or two. While one computes, the event loop waits for up to five
each time that it has something to do."""

SHORT_FORM = 4 * SHORT
"""Bytes of a form, or characters of its page, that it reads, or writes, in the same time."""

LONG_EVERY = 5.0
"""Seconds between two long forms of one order. A person writes for longer."""

MOST_AHEAD = 6
"""Long forms of one order that may wait for their turn."""


class FormTurns:
    """When the long forms of each order have their turn. One that waits has been received, but not read."""

    def __init__(self) -> None:
        self._next: dict[tuple[int, int], float] = {}

    async def wait(self, order: StoredOrder, sent: Sent) -> bool:
        """Returns True when a form has its turn, at once if it is short; False if too many are ahead of it."""
        if len(sent.body) <= SHORT_FORM:
            return True
        now = asyncio.get_running_loop().time()
        self._next = {known: at for known, at in self._next.items() if at > now}
        key = (order.shop.id, order.order_id)
        turn = self._next.get(key, now)
        if turn > now + MOST_AHEAD * LONG_EVERY:
            return False
        self._next[key] = turn + LONG_EVERY
        await asyncio.sleep(turn - now)
        return True


class Aside:
    """One form after the other, the short and the long ones apart: no number of forms keeps more than one thread and
    one process busy."""

    def __init__(self) -> None:
        self._short = asyncio.Lock()
        self._long = SideProcess()

    async def read(self, sent: Sent, topics: Sequence[Topic], shown: Container[int]) -> Asked:
        """`drafts.read_asked`. Raises MalformedBody, and StoreUnavailable if the process was lost."""
        if len(sent.body) <= SHORT_FORM:
            return await self._in_thread(partial(read_asked, sent, topics, shown))
        asked, parts = await self._long.call(_read, sent, topics, shown)
        said: list[Said] = []
        for part in parts:
            said += pickle.loads(part)  # noqa: S301 (from our own process)
            await asyncio.sleep(0)
        return asked._replace(said=said)

    async def prepare(self, submission: Submission, new: Sequence[Said]) -> dict[str, Prepared]:
        """`writing.prepare`. Raises StoreUnavailable if the process was lost."""
        about = submission._replace(said=())  # what else was said need not go there
        if _length(said.words.text for said in new) <= SHORT:
            return await self._in_thread(partial(prepare, about, new))
        return await self._long.call(prepare, about, new)

    async def show(self, request: Request, result: Result) -> Response:
        """`showing.show`. What was typed is shown even if the process was lost."""
        if _length(texts_of(result)) <= SHORT_FORM:
            return await self._in_thread(partial(show, request, result))
        scope = {name: request.scope.get(name) for name in ("type", "path", "raw_path", "headers")}
        try:
            return await self._long.call(_show, scope, result)
        except StoreUnavailable:
            return await asyncio.to_thread(show, request, result)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        async with self._short:
            return await asyncio.to_thread(work)


def _length(texts: Iterable[str | bytes]) -> int:
    return sum(map(len, texts))


# What follows runs in the process.


def _read(sent: Sent, topics: Sequence[Topic], shown: Container[int]) -> tuple[Asked, list[bytes]]:
    """A form without its reviews, and these a few at a time: the server reads a large object at once, in which it can
    do nothing else."""
    asked = read_asked(sent, topics, shown)
    size = REVIEWS_A_TRANSACTION
    parts = [asked.said[first : first + size] for first in range(0, len(asked.said), size)]
    return asked._replace(said=()), [pickle.dumps(part) for part in parts]


def _show(scope: Scope, result: Result) -> Response:
    return show(Request(scope), result)
