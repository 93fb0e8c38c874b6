"""Reads a submitted review form, or refuses it before anything is looked up.

The URL is the credential, and there are no cookies, so another site cannot make a visitor's browser do anything that
the site could not do itself. Submissions from other sites are refused all the same, so that a browser never submits
what its user did not write.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request

from afterword.web.body import IN_MEMORY, BodyTooLarge, SenderGone, pass_over, read_body
from afterword.web.forms import MULTIPART, URLENCODED, MalformedBody, UnknownMediaType, read_form

LARGEST_FORM = IN_MEMORY
"""Maximum bytes of a submitted form. A page with reviews of maximum length is a quarter of that."""

FROM_OUR_PAGE = ("same-origin", "none")
"""Values of Sec-Fetch-Site for requests from our own page, and for those that no page caused."""


class NotTaken(Exception):
    """A submission that is refused, with an HTTP status and a reason code of `refused.html`."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class Fields(NamedTuple):
    """The fields of a form by name, and what they ask for.

    `withdraw` is the line of the review to withdraw, `more` the first product of another page to show; at most one of
    them is set. `start` is the first product of the page that was submitted.
    """

    by_name: Mapping[str, str]
    withdraw: int | None
    more: int | None
    start: int


async def read_fields(request: Request, own_host: str, spool: Path) -> Fields:
    """`spool` is the folder for bodies too large for memory, which are refused before they would go there. Raises
    NotTaken."""
    if _comes_from_elsewhere(request, own_host):
        raise NotTaken(403, "elsewhere")
    try:
        by_name = await _read_form(request, spool)
    except BodyTooLarge as error:
        with suppress(SenderGone):
            await pass_over(request.receive, 16 * LARGEST_FORM)
        raise NotTaken(413, "large") from error
    except UnknownMediaType as error:
        raise NotTaken(415, "unreadable") from error
    except (MalformedBody, SenderGone) as error:
        raise NotTaken(400, "unreadable") from error
    asked = {name: number(by_name[name]) for name in ("withdraw", "more") if name in by_name}
    return Fields(by_name, asked.get("withdraw"), asked.get("more"), number(by_name.get("from", "")))


def _comes_from_elsewhere(request: Request, own_host: str) -> bool:
    """Whether the browser says that another site's page submitted this. Our pages send no referrer (Referrer-Policy),
    so browsers without Sec-Fetch-Site send `Origin: null` for them."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in FROM_OUR_PAGE
    origin = request.headers.get("origin", "null")
    return origin != "null" and origin.partition("://")[2] not in (own_host, request.headers.get("host"))


async def _read_form(request: Request, spool: Path) -> dict[str, str]:
    """Raises BodyTooLarge, SenderGone, UnknownMediaType, MalformedBody."""
    content_type = request.headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in (MULTIPART, URLENCODED):
        raise UnknownMediaType(f"a form is {MULTIPART} or {URLENCODED}")
    length = request.headers.get("content-length")
    body = await read_body(request.receive, int(length) if length else None, LARGEST_FORM, spool)
    assert isinstance(body, bytes)
    return read_form(kind, content_type.encode("latin-1"), body)


def number(text: str) -> int:
    """Parses a small number from a form field; 0 if it is not one."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 8 else 0
