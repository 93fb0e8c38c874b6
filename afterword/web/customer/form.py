"""The review form, `/r/{shop}/{token}`, for one order: the shop and its products.

A GET never writes: mail scanners follow every link, and run scripts on the pages they find. What was typed is never
lost: if anything goes wrong, the page that says so contains it.

A request is read (`reading`), decided on here, and its result is shown (`showing`).
"""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from afterword.actions.reviews.writing import Said, Submission, Written, unwritten, withdraw, write_reviews
from afterword.base.clock import Clock
from afterword.base.errors import ReviewChanged, StoreUnavailable, TooManyChanges
from afterword.base.log import log_for
from afterword.domain.reviews.chain import Signer
from afterword.store.engine.database import Database
from afterword.store.messages.invitations import open_invitation
from afterword.web.customer.aside import Aside, FormTurns
from afterword.web.customer.links import Links
from afterword.web.customer.reading import UNREADABLE, NotTaken, Sent, number, read_submission
from afterword.web.customer.sheet import Sheet, open_sheet
from afterword.web.customer.showing import (
    Confirmation,
    Done,
    FormPage,
    Overview,
    Result,
    TooLate,
    Unavailable,
)
from afterword.web.forms import MalformedBody

log = log_for("form")


class Form:
    """`url` is the public address of this server."""

    def __init__(self, database: Database, clock: Clock, secret: str, *, url: str) -> None:
        self._database = database
        self._clock = clock
        self._links = Links(database, secret)
        self._signer = Signer(secret)
        self._host = urlsplit(url).netloc
        self._aside, self._turns = Aside(), FormTurns()

    async def answer(self, request: Request) -> Response:
        if request.method == "POST":
            result = await self._take(request)
        else:
            sheet = await open_sheet(self._database, await self._links.find(request, "r"))
            result = _open(request.query_params, sheet, self._clock())
        return await self._aside.show(request, result)

    async def _take(self, request: Request) -> Result:
        """The link is known to be good before the body is read, unless the store cannot say so: then what was typed
        is read all the same, to be shown again."""
        try:
            order = await self._links.find(request, "r")
        except StoreUnavailable:
            order = None
        sent = await read_submission(request, self._host)
        if isinstance(sent, NotTaken):
            return sent
        try:
            order = order or await self._links.find(request, "r")
            if not await self._turns.wait(order, sent):
                return Unavailable(sent)
            sheet = await open_sheet(self._database, order)
            result = await self._decide(sent, sheet, self._clock())
            if sheet.is_new and isinstance(result, FormPage):
                with suppress(StoreUnavailable):  # the page is of more use than the figure
                    await self._database.write(partial(open_invitation, order=order, now=self._clock()))
            return result
        except MalformedBody:
            return UNREADABLE
        except StoreUnavailable as error:
            log.error("page request rejected", error=str(error))
            return Unavailable(sent)

    async def _decide(self, sent: Sent, sheet: Sheet, now: float) -> Result:
        """Raises MalformedBody, and StoreUnavailable if a withdrawal could not be stored."""
        asked = await self._aside.read(sent, sheet.topics, sheet.shown)
        if asked.withdraw is not None:
            return await self._withdraw(sheet, asked.withdraw, now)
        if not sheet.can_write(now):
            return TooLate(sheet, sent)
        if asked.more is not None:
            return FormPage(sheet, sent, asked.more)
        if asked.is_wrong:
            return FormPage(sheet, sent, asked.start, "wrong")
        try:
            await self._write(Submission(sheet.order, asked.said, asked.wants_reply), now)
        except ReviewChanged:
            return FormPage(await open_sheet(self._database, sheet.order), sent, asked.start, "changed")
        except TooManyChanges:
            return FormPage(sheet, sent, asked.start, "often")
        except StoreUnavailable as error:
            log.error("page request rejected", error=str(error))
            return FormPage(sheet, sent, asked.start, "unavailable")
        return Done("thanks")

    async def _withdraw(self, sheet: Sheet, line: int, now: float) -> Result:
        """A withdrawal is durable when this returns."""
        if sheet.can_withdraw(line):
            review = sheet.reviews[line]
            try:
                await self._database.write(partial(withdraw, review=review, signer=self._signer, now=now))
            except ReviewChanged:
                return Confirmation(sheet, line, 409)
            log.info("review withdrawn", shop=review.shop_id, live=review.live)
        return Done("withdrawn")

    async def _write(self, submission: Submission, now: float) -> None:
        """Tries twice: if another window submits the same text at the same time, the second try finds it stored.
        Raises ReviewChanged if it was a different text, TooManyChanges, and StoreUnavailable."""
        parts = await self._look(submission, now)
        try:
            written = await self._store(parts, now)
        except ReviewChanged:
            written = await self._store(await self._look(submission, now), now)
        new = [one.review for one in written if one.entry]
        if new:
            waiting = sum(review.state == "waiting" for review in new)
            log.info("reviews written", shop=new[0].shop_id, live=new[0].live, new=len(new), waiting=waiting)

    async def _look(self, submission: Submission, now: float) -> list[tuple[Submission, list[Said]]]:
        """The parts of a submission, each with what it would store. Raises ReviewChanged, TooManyChanges."""
        parts = []
        for part in submission.parts():
            parts.append((part, await self._database.read(partial(unwritten, submission=part, now=now))))
            await asyncio.sleep(0)  # other requests come between
        return parts

    async def _store(self, parts: Iterable[tuple[Submission, list[Said]]], now: float) -> list[Written]:
        """Only what would be stored is checked, before the transaction (guarantee 11)."""
        written = []
        for part, new in parts:
            prepared = await self._aside.prepare(part, new)
            work = partial(write_reviews, submission=part, prepared=prepared, signer=self._signer, now=now)
            written += await self._database.write(work)
        return written


def _open(fields: Mapping[str, str], sheet: Sheet, now: float) -> Result:
    """What a link opens: the form, or the submitted reviews. `?from=10` asks for the form from the product at index
    10, `?withdraw=0` for the question before withdrawing."""
    line = number(fields.get("withdraw", ""))
    if "withdraw" in fields and sheet.can_withdraw(line):
        return Confirmation(sheet, line)
    if sheet.can_write(now) and ("from" in fields or not sheet.reviews):
        return FormPage(sheet, None, number(fields.get("from", "")))
    return Overview(sheet, fields, sheet.can_write(now))
