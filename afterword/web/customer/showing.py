"""The pages of the review form. Each result of a request is a type with the values that its page shows."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from afterword.web.customer.drafts import Typed, check, draft_of, read_typed, see_again
from afterword.web.customer.links import about
from afterword.web.customer.reading import UNREADABLE, NotTaken, Sent
from afterword.web.customer.sheet import PRODUCTS_A_PAGE, Sheet
from afterword.web.forms import MalformedBody
from afterword.web.render import UNCACHED, page


class FormPage(NamedTuple):
    """The form from product `start`, with what was `sent`. `notice` says why that was not stored: something is wrong,
    another window submitted a different text first, the reviews were changed too often today, or the store is
    unavailable."""

    sheet: Sheet
    sent: Sent | None
    start: int
    notice: Literal["", "wrong", "changed", "often", "unavailable"] = ""


class Overview(NamedTuple):
    """The submitted reviews. The fields `thanks` or `withdrawn` name what has just been done."""

    sheet: Sheet
    fields: Mapping[str, str]
    can_write: bool


class Confirmation(NamedTuple):
    """The question whether to withdraw the review of this line; with status 409 because it has just changed."""

    sheet: Sheet
    line: int
    status: int = 200


class TooLate(NamedTuple):
    """The review period has ended."""

    sheet: Sheet
    sent: Sent


class Unavailable(NamedTuple):
    """The order could not be read: everything that was typed is kept."""

    sent: Sent


class Done(NamedTuple):
    """It is stored: `thanks`, or `withdrawn`, also if the review was withdrawn before or never existed."""

    notice: str


Result = FormPage | Overview | Confirmation | TooLate | Unavailable | Done | NotTaken

_STATUS = {"": 200, "wrong": 422, "changed": 409, "often": 429, "unavailable": 503}
_HEADERS = {413: {"Connection": "close"}, 503: {"Retry-After": "5"}}


def show(request: Request, result: Result) -> Response:
    """The page of a result, or a redirect to one that can safely be reloaded (RFC 9110 15.4.4)."""
    try:
        return _show(request, result)
    except MalformedBody:
        return _show(request, UNREADABLE)


def _show(request: Request, result: Result) -> Response:
    """Raises MalformedBody if what was sent has not been read before."""
    values: dict[str, Any] = result._asdict()
    match result:
        case Done(notice):
            return Response(status_code=303, headers={**UNCACHED, "Location": f"?{notice}"})
        case NotTaken(status):
            name = "refused.html"
        case Unavailable(sent):
            name, status = "kept.html", 503
            values |= {"fields": sent.fields()}
        case TooLate(sheet, sent):
            name, status = "late.html", 410
            values |= {"typed": read_typed(sent.fields(), sheet.topics)}
        case Confirmation(_, _, status):
            name = "withdraw.html"
        case Overview():
            name, status = "written.html", 200
        case FormPage(notice=notice):
            name, status = "form.html", _STATUS[notice]
            values |= _form(result)
    if "sheet" in values:
        values |= about(values["sheet"].order)
    values |= {"status": status, "headers": _HEADERS.get(status)}
    return page(request, name, **values)


def texts_of(result: Result) -> Iterator[str | bytes]:
    """What people wrote, as far as its page may show it."""
    values = result._asdict()
    if "sheet" in values:
        yield from (review.text for review in values["sheet"].reviews.values())
    if values.get("sent"):
        yield values["sent"].body


def _typed(result: FormPage) -> tuple[Typed, list[int]]:
    """What was typed, with its errors, and the lines that another window has changed. Raises MalformedBody."""
    sheet = result.sheet
    if result.sent is None:
        return Typed({}, wants_reply=any(review.wants_reply for review in sheet.reviews.values())), []
    typed = read_typed(result.sent.fields(), sheet.topics)
    if result.notice == "changed":
        return see_again(typed, sheet.reviews)
    return (check(typed, sheet.shown)[1] if result.notice == "wrong" else typed), []


def _form(result: FormPage) -> dict[str, Any]:
    """One page of the form. Reviews with errors, and those that were changed, are on it even if they were typed on
    another page; the rest of what was typed is carried in hidden fields."""
    sheet, (typed, changed) = result.sheet, _typed(result)
    drafts = typed.drafts
    start, topics = sheet.page_from(result.start)
    wrong = {line for line, draft in drafts.items() if draft.is_wrong} | set(changed)
    topics = [topic for topic in sheet.topics if topic in topics or topic.line in wrong]
    lines = {topic.line for topic in topics}
    products = len(sheet.topics) - 1
    return {
        "typed": typed,
        "changed": changed,
        "asked": [
            (topic, drafts.get(topic.line, draft_of(sheet.reviews.get(topic.line)))) for topic in topics
        ],
        "carried": [
            (line, draft)
            for line, draft in drafts.items()
            if line not in lines and (draft.seen or not draft.is_empty)
        ],
        "start": start,
        "before": start - PRODUCTS_A_PAGE if start else None,
        "behind": start + PRODUCTS_A_PAGE if start + PRODUCTS_A_PAGE < products else None,
        "products": products,
    }
