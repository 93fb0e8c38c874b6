"""Reads a submitted review form, or refuses it.

The URL is the credential, and there are no cookies, so another site cannot make a visitor's browser do anything that
the site could not do itself. Submissions from other sites are refused all the same, so that a browser never submits
what its user did not write.
"""

from contextlib import suppress
from typing import NamedTuple

from starlette.requests import Request

from afterword.base.security import refusals
from afterword.web.body import BodyTooLarge, SenderGone, pass_over, read_small_body
from afterword.web.forms import MULTIPART, URLENCODED, UnknownMediaType, read_fields

LARGEST_FORM = 2**20
"""Maximum bytes of a submitted form. A page with reviews of maximum length is a quarter of that."""

FROM_OUR_PAGE = ("same-origin", "none")
"""Values of Sec-Fetch-Site for requests from our own page, and for those that no page caused."""


class NotTaken(NamedTuple):
    """A submission that is refused, with an HTTP status and a reason code of `refused.html`."""

    status: int
    why: str


class Sent(NamedTuple):
    """A submitted form as it arrived. It is read where it is checked or shown, which may be another process."""

    kind: str
    content_type: str
    body: bytes

    def fields(self) -> dict[str, str]:
        """By name. What is not UTF-8 becomes U+FFFD. Raises MalformedBody."""
        fields = read_fields(self.kind, self.content_type.encode("latin-1"), self.body)
        return {name: value.decode("utf-8", "replace") for name, value in fields.items()}


UNREADABLE = NotTaken(400, "unreadable")


async def read_submission(request: Request, own_host: str) -> Sent | NotTaken:
    """Reads the body of a request from our own page."""
    if _comes_from_elsewhere(request, own_host):
        refusals.post("review")
        return NotTaken(403, "elsewhere")
    try:
        return await _receive(request)
    except BodyTooLarge:
        return NotTaken(413, "large")
    except UnknownMediaType:
        return NotTaken(415, "unreadable")
    except SenderGone:
        return UNREADABLE


def _comes_from_elsewhere(request: Request, own_host: str) -> bool:
    """Whether the browser says that another site's page submitted this. Our pages send no referrer (Referrer-Policy),
    so browsers without Sec-Fetch-Site send `Origin: null` for them."""
    headers = request.headers
    if "sec-fetch-site" in headers:
        return headers["sec-fetch-site"] not in FROM_OUR_PAGE
    if headers.get("origin", "null") == "null":
        return False
    return headers["origin"].partition("://")[2] not in (own_host, headers.get("host"))


async def _receive(request: Request) -> Sent:
    """Raises BodyTooLarge, SenderGone, UnknownMediaType."""
    content_type = request.headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in (MULTIPART, URLENCODED):
        raise UnknownMediaType(f"a form is {MULTIPART} or {URLENCODED}")
    length = request.headers.get("content-length")
    try:
        body = await read_small_body(request.receive, int(length) if length else None, LARGEST_FORM)
    except BodyTooLarge:
        with suppress(SenderGone):
            await pass_over(request.receive, 16 * LARGEST_FORM)
        raise
    return Sent(kind, content_type, body)


def number(text: str) -> int:
    """Parses a small number from a form field; 0 if it is not one."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 8 else 0
