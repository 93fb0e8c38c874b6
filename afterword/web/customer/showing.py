"""The pages of the review form: the form, the submitted reviews, and errors."""

from collections.abc import Sequence
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from afterword.actions.reviews.writing import receipt_of
from afterword.domain.values import shown
from afterword.web.customer.deciding import (
    Conflict,
    Incomplete,
    NotStored,
    OtherPage,
    Result,
    Saved,
    StillThere,
    TooLate,
    Withdrawn,
)
from afterword.web.customer.drafts import Draft, Typed, draft_of, typed_before
from afterword.web.customer.links import about
from afterword.web.customer.reading import Fields, NotTaken, number
from afterword.web.customer.sheet import PRODUCTS_A_PAGE, Sheet, Topic
from afterword.web.render import UNCACHED, page

BACK_SOON = {"Retry-After": "5"}


def show(request: Request, sheet: Sheet, now: float) -> Response:
    """The page of a link: the form, or the submitted reviews. `?from=10` shows the form from the product at index 10,
    `?withdraw=0` asks for confirmation."""
    asked = request.query_params
    line = number(asked.get("withdraw", ""))
    if "withdraw" in asked and sheet.can_withdraw(line):
        return _withdraw_page(request, sheet, line)
    can_write = now <= sheet.write_until
    if not can_write or (sheet.reviews and "from" not in asked):
        return _written_page(request, sheet, can_write=can_write)
    return _form_page(
        request, sheet, typed_before(sheet.reviews), number(asked.get("from", "")), is_kept=False
    )


def show_result(request: Request, sheet: Sheet, fields: Fields, result: Result) -> Response:
    """The page for the result of a submission."""
    form = partial(_form_page, request, sheet)
    match result:
        case Saved():
            return _see("?thanks")
        case Withdrawn():
            return _see("?withdrawn")
        case StillThere(line):
            return _withdraw_page(request, sheet, line, status=409)
        case OtherPage(typed, start):
            return form(typed, start)
        case Incomplete(typed):
            return form(typed, fields.start, status=422)
        case NotStored(typed):
            return form(typed, fields.start, status=503, notice="unavailable")
        case Conflict(current, typed, changed):
            return _form_page(
                request, current, typed, fields.start, status=409, notice="changed", changed=changed
            )
        case TooLate(typed):
            return about(request, "late.html", sheet.visit, status=410, drafts=typed.drafts.values())


def show_not_taken(request: Request, refusal: NotTaken) -> Response:
    headers = {"Connection": "close"} if refusal.status == 413 else None
    return page(request, "refused.html", status=refusal.status, why=refusal.why, headers=headers)


def show_unavailable(request: Request, fields: Fields) -> Response:
    """A page with everything that was typed, for when the order could not be read."""
    return page(request, "kept.html", status=503, headers=BACK_SOON, fields=fields.by_name)


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
    """One page of the form. Reviews with errors are on it even if they were typed on another page; the rest of what
    was typed is carried in hidden fields (`is_kept`)."""
    start, on_page = sheet.page_from(start)
    wrong = {line for line, draft in typed.drafts.items() if draft.is_wrong} | set(changed)
    seen = [topic for topic in sheet.topics if topic in on_page or topic.line in wrong]
    products = len(sheet.topics) - 1
    return about(
        request,
        "form.html",
        sheet.visit,
        status=status,
        headers=BACK_SOON if status == 503 else None,
        asked=[(topic, typed.drafts.get(topic.line, _before(sheet, topic))) for topic in seen],
        carried=_carried(typed, seen) if is_kept else [],
        typed=typed,
        reviews=sheet.reviews,
        changed=changed,
        notice=notice,
        author=sheet.visit.order.public_name,
        start=start,
        before=start - PRODUCTS_A_PAGE if start else None,
        behind=start + PRODUCTS_A_PAGE if start + PRODUCTS_A_PAGE < products else None,
        products=products,
        shown=shown,
    )


def _before(sheet: Sheet, topic: Topic) -> Draft:
    review = sheet.reviews.get(topic.line)
    return draft_of(review) if review else Draft()


def _carried(typed: Typed, seen: Sequence[Topic]) -> list[tuple[int, Draft]]:
    lines = {topic.line for topic in seen}
    return [
        (line, draft)
        for line, draft in typed.drafts.items()
        if line not in lines and not (draft.is_empty and not draft.seen)
    ]


def _written_page(request: Request, sheet: Sheet, *, can_write: bool) -> Response:
    left = [line for line, _ in sheet.topics if line not in sheet.reviews]
    return about(
        request,
        "written.html",
        sheet.visit,
        written=[topic for topic in sheet.all_topics if topic.line in sheet.reviews],
        reviews=sheet.reviews,
        receipts={line: receipt_of(sheet.reviews[line], entry) for line, entry in sheet.receipts.items()},
        page_of={line: sheet.page_of(line) for line, _ in sheet.all_topics},
        first_left=sheet.page_of(left[0]) if left and can_write else None,
        can_write=can_write,
        notice=next((name for name in ("thanks", "withdrawn") if name in request.query_params), ""),
        on=sheet.day,
        shown=shown,
    )


def _withdraw_page(request: Request, sheet: Sheet, line: int, *, status: int = 200) -> Response:
    [name] = [topic.name for topic in sheet.all_topics if topic.line == line]
    review = sheet.reviews[line]
    return about(request, "withdraw.html", sheet.visit, status=status, topic=shown(name), review=review)


def _see(where: str) -> Response:
    """Redirects to a page that can safely be reloaded (RFC 9110 15.4.4)."""
    return Response(status_code=303, headers={**UNCACHED, "Location": where})
