"""Checks and shows long texts in a process beside the server, and short ones in a thread (guarantee 11)."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from afterword.actions.reviews.writing import Prepared, Said, Submission, prepare
from afterword.base.errors import StoreUnavailable
from afterword.domain.reviews.review import Review
from afterword.web.customer.drafts import Typed, check
from afterword.web.customer.showing import Result, show, texts_of
from afterword.web.side_process import SideProcess

T = TypeVar("T")

SHORT = 2_000
"""Characters that a thread takes a millisecond or two for. While one computes, the event loop waits for up to five
each time that it has something to do."""


class Aside:
    """One form after the other, the short and the long ones apart: no number of forms keeps more than one thread and
    one process busy."""

    def __init__(self) -> None:
        self._short = asyncio.Lock()
        self._long = SideProcess()

    async def check(self, typed: Typed, reviews: Mapping[int, Review]) -> tuple[list[Said], Typed]:
        """`drafts.check`. Raises StoreUnavailable if the process was lost."""
        return await self._run((each.text for each in typed.drafts.values()), partial(check, typed, reviews))

    async def prepare(self, submission: Submission, new: Sequence[Said]) -> dict[str, Prepared]:
        """`writing.prepare`. Raises StoreUnavailable if the process was lost."""
        about = submission._replace(said=())  # what else was said need not go there
        return await self._run((said.words.text for said in new), partial(prepare, about, new))

    async def show(self, request: Request, result: Result) -> Response:
        """`showing.show`. What was typed is shown even if the process was lost."""
        scope = {name: request.scope.get(name) for name in ("type", "path", "raw_path", "headers")}
        try:
            return await self._run(texts_of(result), partial(_show, scope, result))
        except StoreUnavailable:
            return await asyncio.to_thread(show, request, result)

    async def _run(self, texts: Iterable[str], work: Callable[[], T]) -> T:
        if sum(map(len, texts)) > SHORT:
            return await self._long.call(work)
        async with self._short:
            return await asyncio.to_thread(work)


def _show(scope: Scope, result: Result) -> Response:
    return show(Request(scope), result)
