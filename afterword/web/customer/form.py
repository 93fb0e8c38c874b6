"""The review form, `/r/{shop}/{token}`, for one order: the shop and its products.

A GET never writes: mail scanners follow every link, and run scripts on the pages they find. What was typed is never
lost: if anything goes wrong, the page that says so contains it.

A request is read (`reading`), decided on here, and its result is shown (`showing`).
"""

from collections.abc import Mapping
from functools import partial
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from afterword.actions.reviews.writing import (
    Submission,
    Written,
    prepared_of,
    unwritten,
    withdraw,
    write_reviews,
)
from afterword.base.clock import Clock
from afterword.base.errors import ReviewChanged, StoreUnavailable, TooManyChanges
from afterword.base.log import log_for
from afterword.domain.reviews.chain import Signer
from afterword.store.engine.database import Database
from afterword.store.orders import StoredOrder
from afterword.web.customer.aside import Aside
from afterword.web.customer.drafts import Typed, read_typed, see_again
from afterword.web.customer.links import Links
from afterword.web.customer.reading import NotTaken, number, read_submission
from afterword.web.customer.sheet import Sheet, read_sheet
from afterword.web.customer.showing import (
    Confirmation,
    Done,
    FormPage,
    Overview,
    Result,
    TooLate,
    Unavailable,
)

log = log_for("form")


class Form:
    """`url` is the public address of this server."""

    def __init__(self, database: Database, clock: Clock, secret: str, *, url: str) -> None:
        self._database = database
        self._clock = clock
        self._links = Links(database, secret)
        self._signer = Signer(secret)
        self._host = urlsplit(url).netloc
        self._aside = Aside()

    async def answer(self, request: Request) -> Response:
        if request.method == "POST":
            result = await self._take(request)
        else:
            sheet = await self._sheet(await self._links.find(request, "r"))
            result = _open(request.query_params, sheet, self._clock())
        return await self._aside.show(request, result)

    async def _take(self, request: Request) -> Result:
        """The link is known to be good before the body is read, unless the store cannot say so: then what was typed
        is read all the same, to be shown again."""
        try:
            order = await self._links.find(request, "r")
        except StoreUnavailable:
            order = None
        fields = await read_submission(request, self._host)
        if isinstance(fields, NotTaken):
            return fields
        try:
            order = order or await self._links.find(request, "r")
            return await self._decide(fields, await self._sheet(order), self._clock())
        except StoreUnavailable as error:
            log.error("page request rejected", error=str(error))
            return Unavailable(fields)

    async def _sheet(self, order: StoredOrder) -> Sheet:
        return await self._database.read(partial(read_sheet, order=order))

    async def _decide(self, fields: Mapping[str, str], sheet: Sheet, now: float) -> Result:
        """Raises StoreUnavailable if a withdrawal could not be stored."""
        if "withdraw" in fields:
            return await self._withdraw(sheet, number(fields["withdraw"]), now)
        typed = read_typed(fields, sheet.topics)
        if not sheet.can_write(now):
            return TooLate(sheet, typed)
        if "more" in fields:
            return FormPage(sheet, typed, number(fields["more"]))
        start = number(fields.get("from", ""))
        said, typed = await self._aside.check(typed, sheet.reviews)
        if typed.is_wrong:
            return FormPage(sheet, typed, start, "wrong")
        submission = Submission(sheet.order, said, typed.wants_reply)
        try:
            await self._write(submission, now)
        except ReviewChanged:
            sheet = await self._sheet(sheet.order)
            typed, changed = see_again(typed, sheet.reviews)
            return FormPage(sheet, typed, start, "changed", changed)
        except TooManyChanges:
            return FormPage(sheet, typed, start, "often")
        except StoreUnavailable as error:
            log.error("page request rejected", error=str(error))
            return FormPage(sheet, typed, start, "unavailable")
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
        try:
            written = await self._try(submission, now)
        except ReviewChanged:
            written = await self._try(submission, now)
        new = [one.review for one in written if one.entry]
        if new:
            waiting = sum(review.state == "waiting" for review in new)
            log.info("reviews written", shop=new[0].shop_id, live=new[0].live, new=len(new), waiting=waiting)

    async def _try(self, submission: Submission, now: float) -> list[Written]:
        """Only what would be stored is checked, before the transaction (guarantee 11)."""
        new = await self._database.read(partial(unwritten, submission=submission, now=now))
        prepared = await self._aside.prepare(submission, new)
        written = []
        for part in submission.parts():
            of_part = prepared_of(part, prepared)
            work = partial(write_reviews, submission=part, prepared=of_part, signer=self._signer, now=now)
            written += await self._database.write(work)
        return written


def _open(fields: Mapping[str, str], sheet: Sheet, now: float) -> Result:
    """What a link opens: the form, or the submitted reviews. `?from=10` asks for the form from the product at index
    10, `?withdraw=0` for the question before withdrawing."""
    line = number(fields.get("withdraw", ""))
    if "withdraw" in fields and sheet.can_withdraw(line):
        return Confirmation(sheet, line)
    if sheet.can_write(now) and ("from" in fields or not sheet.reviews):
        wants_reply = any(review.wants_reply for review in sheet.reviews.values())
        return FormPage(sheet, Typed({}, wants_reply=wants_reply), number(fields.get("from", "")))
    return Overview(sheet, fields, sheet.can_write(now))
