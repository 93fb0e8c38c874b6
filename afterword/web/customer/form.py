"""The form, `/r/{shop}/{token}`: what a customer thinks of a shop and of the products of one order.

A GET never writes: mail scanners follow every link, and run the scripts of what they find. What was typed is never
lost: whatever goes wrong, the words are on the page that says so.

The address is the credential, and there is no cookie: another site's page cannot have a visitor's browser do what it
could not do itself. Still what another site's page sends is refused, so that nobody's browser says what they did not.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from afterword.base.clock import Clock
from afterword.base.errors import StoreUnavailable
from afterword.base.log import log_for
from afterword.domain.reviews.chain import Entry, Signer
from afterword.domain.reviews.flags import look
from afterword.domain.reviews.review import WRITE_FOR, Review
from afterword.domain.values import shown
from afterword.store.engine.database import Database, Transaction
from afterword.store.reviews.chain import entries_of_review
from afterword.store.reviews.writing import (
    ReviewChanged,
    ReviewedOrder,
    Said,
    Written,
    invited_at,
    order_for_review,
    receipt_of,
    reviews_of_order,
    withdraw,
    write_reviews,
)
from afterword.web.body import IN_MEMORY, BodyTooLarge, SenderGone, pass_over, read_body
from afterword.web.customer.drafts import (
    AT_ONCE,
    Draft,
    Topic,
    Typed,
    check,
    draft_of,
    number,
    on_page,
    page_of,
    read_typed,
    see_again,
    topics_of,
    typed_before,
)
from afterword.web.customer.links import Visit, Visits, about
from afterword.web.payload import MULTIPART, URLENCODED, MalformedBody, UnknownMediaType, read_form
from afterword.web.render import UNCACHED, page

LARGEST_FORM = IN_MEMORY
"""Bytes of a form that is sent. A page of it with the longest reviews is a quarter of that."""

FROM_OUR_PAGE = ("same-origin", "none")
"""What Sec-Fetch-Site says of our own page, and of somebody who is on none."""

BACK_SOON = {"Retry-After": "5"}

log = log_for("form")


class Sheet(NamedTuple):
    """One order as its author sees it: what can be reviewed, what was, and until when they can write.

    `receipts` are the entries of the chain that commit to the words as they are now.
    """

    visit: Visit
    order: ReviewedOrder
    reviews: dict[int, Review]
    receipts: dict[int, Entry]
    write_until: int

    @property
    def topics(self) -> list[Topic]:
        """What can be reviewed, but for what was erased, which stays so."""
        return [topic for topic in self.all_topics if not self.is_erased(topic.line)]

    @property
    def all_topics(self) -> list[Topic]:
        return topics_of(self.visit.shop.name, self.order.lines)

    def is_erased(self, line: int) -> bool:
        return line in self.reviews and self.reviews[line].state == "erased"

    def day(self, at: int) -> str:
        """A moment's date where the shop is, `YYYY-MM-DD`."""
        return datetime.fromtimestamp(at, ZoneInfo(self.visit.shop.timezone)).date().isoformat()


def read_sheet(tx: Transaction, visit: Visit) -> Sheet:
    shop, order_id, _ = visit
    order = order_for_review(tx, shop, order_id)
    assert order is not None
    reviews = reviews_of_order(tx, shop, order_id)
    receipts = {
        line: entry
        for line, review in reviews.items()
        for entry in entries_of_review(tx, shop.id, review.id)
        if (entry.kind, entry.version) == ("written", review.version) and review.state != "erased"
    }
    until = invited_at(tx, shop, order_id) + WRITE_FOR
    return Sheet(visit, order, reviews, receipts, until)


class Form:
    """`url` is the public address; `spool` is where a body would go that is too large for memory, which none is."""

    def __init__(self, database: Database, clock: Clock, secret: str, *, url: str, spool: Path) -> None:
        self._database = database
        self._clock = clock
        self._signer = Signer(secret)
        self._visits = Visits(database, secret)
        self._host = urlsplit(url).netloc
        self._spool = spool

    async def answer(self, request: Request) -> Response:
        """`GET`: the form, or what was written; `?from=10` the form from the tenth product on, `?withdraw=0` the
        question whether to. `POST`: what was typed, or the answer to that question."""
        if request.method == "POST":
            return await self._post(request)
        sheet = await self._find(request)
        if sheet is None:
            return page(request, "unknown.html", status=404)
        asked = request.query_params
        line = number(asked.get("withdraw", ""))
        if "withdraw" in asked and _can_withdraw(sheet, line):
            return _ask_to_withdraw(request, sheet, line)
        if self._clock() > sheet.write_until or (sheet.reviews and "from" not in asked):
            return self._written_page(request, sheet)
        start = number(asked.get("from", ""))
        return _form_page(request, sheet, typed_before(sheet.reviews), start, is_kept=False)

    async def _find(self, request: Request) -> Sheet | None:
        visit = await self._visits.find(request, "r")
        return await self._database.read(lambda tx: read_sheet(tx, visit)) if visit else None

    async def _post(self, request: Request) -> Response:
        if _comes_from_elsewhere(request, self._host):
            return page(request, "refused.html", status=403, why="elsewhere")
        try:
            fields = await _read_fields(request, self._spool)
        except BodyTooLarge:
            return await _refuse_large(request)
        except UnknownMediaType:
            return page(request, "refused.html", status=415, why="unreadable")
        except (MalformedBody, SenderGone):
            return page(request, "refused.html", status=400, why="unreadable")
        try:
            return await self._take(request, fields)
        except StoreUnavailable as error:
            log.error("a page turned away", error=str(error))
            return page(request, "kept.html", status=503, headers=BACK_SOON, fields=fields)

    async def _take(self, request: Request, fields: Mapping[str, str]) -> Response:
        """What a form asks for. Raises StoreUnavailable before anything is known of the order."""
        sheet = await self._find(request)
        if sheet is None:
            return page(request, "unknown.html", status=404)
        if "withdraw" in fields:
            return await self._withdraw(request, sheet, number(fields["withdraw"]))
        typed = read_typed(fields, sheet.topics)
        if self._clock() > sheet.write_until:
            return about(request, "late.html", sheet.visit, status=410, drafts=typed.drafts.values())
        if "more" in fields:
            return _form_page(request, sheet, typed, number(fields["more"]))
        said, typed = check(typed, sheet.reviews)
        start = number(fields.get("from", ""))
        if typed.is_wrong:
            return _form_page(request, sheet, typed, start, status=422)
        try:
            written = await self._write(sheet.order, said, wants_reply=typed.wants_reply)
        except ReviewChanged:
            return await self._conflict(request, typed, start)
        except StoreUnavailable as error:
            log.error("a page turned away", error=str(error))
            return _form_page(request, sheet, typed, start, status=503, notice="unavailable")
        _tell_log(sheet, written)
        return _see("?thanks")

    async def _write(self, order: ReviewedOrder, said: Sequence[Said], *, wants_reply: bool) -> list[Written]:
        """Raises ReviewChanged, StoreUnavailable. When somebody wrote in the same moment, it is tried once more: if
        those were the same words, they are there."""
        work = partial(
            write_reviews,
            order=order,
            said=said,
            wants_reply=wants_reply,
            look=look,
            signer=self._signer,
            now=self._clock(),
        )
        try:
            return await self._database.write(work)
        except ReviewChanged:
            return await self._database.write(work)

    async def _conflict(self, request: Request, typed: Typed, start: int) -> Response:
        sheet = await self._find(request)
        assert sheet is not None
        typed, changed = see_again(typed, sheet.reviews)
        return _form_page(request, sheet, typed, start, status=409, notice="changed", changed=changed)

    async def _withdraw(self, request: Request, sheet: Sheet, line: int) -> Response:
        """For good as soon as it is answered; what is withdrawn already, or was never there, stays so."""
        if _can_withdraw(sheet, line):
            review, now = sheet.reviews[line], self._clock()
            try:
                await self._database.write(partial(withdraw, review=review, signer=self._signer, now=now))
            except ReviewChanged:
                return _ask_to_withdraw(request, sheet, line, status=409)
            log.info("review withdrawn", shop=review.shop_id, live=review.live)
        return _see("?withdrawn")

    def _written_page(self, request: Request, sheet: Sheet) -> Response:
        can_write = self._clock() <= sheet.write_until
        topics = sheet.all_topics
        left = [line for line, _ in sheet.topics if line not in sheet.reviews]
        return about(
            request,
            "written.html",
            sheet.visit,
            written=[topic for topic in topics if topic.line in sheet.reviews],
            reviews=sheet.reviews,
            receipts={line: receipt_of(sheet.reviews[line], entry) for line, entry in sheet.receipts.items()},
            page_of={line: page_of(line, sheet.topics) for line, _ in topics},
            first_left=page_of(left[0], sheet.topics) if left and can_write else None,
            can_write=can_write,
            notice=next((name for name in ("thanks", "withdrawn") if name in request.query_params), ""),
            on=sheet.day,
            shown=shown,
        )


async def _read_fields(request: Request, spool: Path) -> dict[str, str]:
    """Raises BodyTooLarge, SenderGone, UnknownMediaType, MalformedBody."""
    content_type = request.headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in (MULTIPART, URLENCODED):
        raise UnknownMediaType(f"a form is {MULTIPART} or {URLENCODED}")
    length = request.headers.get("content-length")
    body = await read_body(request.receive, int(length) if length else None, LARGEST_FORM, spool)
    assert isinstance(body, bytes)
    return read_form(kind, content_type.encode("latin-1"), body)


async def _refuse_large(request: Request) -> Response:
    with suppress(SenderGone):
        await pass_over(request.receive, 16 * LARGEST_FORM)
    return page(request, "refused.html", status=413, why="large", headers={"Connection": "close"})


def _comes_from_elsewhere(request: Request, own_host: str) -> bool:
    """Whether the browser says that another site's page sent this. Since our pages tell nobody where they are
    (Referrer-Policy), a browser that knows no Sec-Fetch-Site says `null` of them."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in FROM_OUR_PAGE
    origin = request.headers.get("origin", "null")
    return origin != "null" and origin.partition("://")[2] not in (own_host, request.headers.get("host"))


def _form_page(
    request: Request,
    sheet: Sheet,
    typed: Typed,
    start: int,
    *,
    status: int = 200,
    notice: str = "",
    changed: Sequence[int] = (),
    is_kept: bool = True,
) -> Response:
    """One page of the form. What is wrong is on it whichever page it was typed on; whatever else was typed elsewhere
    is carried along unseen (`is_kept`)."""
    topics = sheet.topics
    start = min(start, max(0, len(topics) - 2)) // AT_ONCE * AT_ONCE
    wrong = {line for line, draft in typed.drafts.items() if draft.is_wrong} | set(changed)
    seen = [topic for topic in topics if topic in on_page(topics, start) or topic.line in wrong]
    lines = {topic.line for topic in seen}
    carried = [
        (line, draft)
        for line, draft in typed.drafts.items()
        if is_kept and line not in lines and not (draft.is_empty and not draft.seen)
    ]
    return about(
        request,
        "form.html",
        sheet.visit,
        status=status,
        headers=BACK_SOON if status == 503 else None,
        asked=[(topic, typed.drafts.get(topic.line, _before(sheet, topic))) for topic in seen],
        carried=carried,
        typed=typed,
        reviews=sheet.reviews,
        changed=changed,
        notice=notice,
        author=sheet.order.author,
        start=start,
        before=start - AT_ONCE if start else None,
        behind=start + AT_ONCE if start + AT_ONCE < len(topics) - 1 else None,
        products=len(topics) - 1,
        shown=shown,
    )


def _before(sheet: Sheet, topic: Topic) -> Draft:
    review = sheet.reviews.get(topic.line)
    return draft_of(review) if review else Draft()


def _can_withdraw(sheet: Sheet, line: int) -> bool:
    return line in sheet.reviews and sheet.reviews[line].state not in ("withdrawn", "erased")


def _ask_to_withdraw(request: Request, sheet: Sheet, line: int, *, status: int = 200) -> Response:
    [name] = [topic.name for topic in sheet.all_topics if topic.line == line]
    review = sheet.reviews[line]
    return about(request, "withdraw.html", sheet.visit, status=status, topic=shown(name), review=review)


def _see(where: str) -> Response:
    """Sends the browser on to a page that can be loaded again as often as one likes (RFC 9110 15.4.4)."""
    return Response(status_code=303, headers={**UNCACHED, "Location": where})


def _tell_log(sheet: Sheet, written: Sequence[Written]) -> None:
    new = [one.review for one in written if one.entry]
    if new:
        waiting = sum(review.state == "waiting" for review in new)
        log.info("reviews written", shop=new[0].shop_id, live=new[0].live, new=len(new), waiting=waiting)
