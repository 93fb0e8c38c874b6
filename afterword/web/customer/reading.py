"""What a browser sends with the review form: read, or refused before anything is looked up.

The address is the credential, and there is no cookie: another site's page cannot have a visitor's browser do what it
could not do itself. Still what another site's page sends is refused, so that no browser says what its user did not.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request

from afterword.web.body import IN_MEMORY, BodyTooLarge, SenderGone, pass_over, read_body
from afterword.web.forms import MULTIPART, URLENCODED, MalformedBody, UnknownMediaType, read_form

LARGEST_FORM = IN_MEMORY
"""Bytes of a form that is sent. A page of it with the longest reviews is a quarter of that."""

FROM_OUR_PAGE = ("same-origin", "none")
"""What Sec-Fetch-Site says of our own page, and of a person who is on none."""


class NotTaken(Exception):
    """What was sent is not read further: an HTTP status, and the reason as `refused.html` knows it."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class Fields(NamedTuple):
    """The fields of a form by name, and what they ask for: at most one of the two.

    `withdraw` is the line of the review to be withdrawn, `more` the product from which on the form is to be shown.
    `start` is the product from which on it was shown.
    """

    by_name: Mapping[str, str]
    withdraw: int | None
    more: int | None
    start: int


async def read_fields(request: Request, own_host: str, spool: Path) -> Fields:
    """`spool` is where a body would go that is too large for memory, which none is. Raises NotTaken."""
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
    """Whether the browser says that another site's page sent this. Since our pages do not say where they are
    (Referrer-Policy), a browser that knows no Sec-Fetch-Site says `null` of them."""
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
    """A small number that a page of ours wrote; 0 for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 8 else 0
