"""The letters about reviews: to whoever wrote one its receipt, its rejection or a reply to it; to a shop, that
reviews wait.

A subject never has a customer's words in it, and of the words in a letter none can become a header field, a link or
markup: see `letter` and `stationery`. Both parts are encoded, since a review may be one line of five thousand
characters.
"""

from base64 import encodebytes
from binascii import b2a_qp
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import escape

from afterword.domain.reviews.review import LONGEST_REVIEW
from afterword.domain.shops import Shop
from afterword.domain.values import shown, shown_name
from afterword.i18n.catalogue import Catalogue, catalogues, choose, sentence
from afterword.i18n.dates import day
from afterword.i18n.reasons import REASONS_IN_WORDS
from afterword.mail.headers import check_header, date_field, mailbox_field, text_field, wire_address
from afterword.mail.stationery import (
    Letter,
    check_host,
    check_link,
    fields_of,
    read_sender,
    reply_to_of,
    site_of,
)
from afterword.mail.wording import Wording, compile_wording

REVIEWS_SHOWN = 10
"""Reviews in a letter; of more, the rest is only counted."""

OCTETS_OF_WORDS = 60_000
"""Octets that the words of the reviews take in both parts, so that a letter stays below the 102 KB at which Gmail
clips. What is beyond goes with its receipt alone."""

LINES_SHOWN = 200
"""Of a reply; the page has them all."""

HEADINGS = {
    "receipt": sentence("Thank you for your review"),
    "rejected": sentence("Your review was not published"),
    "reply": sentence("A reply to your review"),
    "waiting": sentence("Reviews wait for you"),
}


class Reader(NamedTuple):
    """Who gets a letter. The names are empty for a shop, and so is `unsubscribe`, which it has no use for."""

    email: str
    lang: str
    firstname: str = ""
    lastname: str = ""
    review: str = ""
    """The link to what they wrote."""
    unsubscribe: str = ""


class Kept(NamedTuple):
    """A review with its receipt. `about` is the product's name, empty for the shop; `text` is None when these are not
    the words of the receipt any more."""

    about: str
    rating: int
    text: str | None
    hash: str
    salt: str


class Receipt(NamedTuple):
    """To whoever wrote: what is kept. `verify` is the address of the page that checks a receipt."""

    reviews: Sequence[Kept]
    is_public: bool
    verify: str
    kind: str = "receipt"


class Rejected(NamedTuple):
    """To whoever wrote: it is not published, for this one of REASONS."""

    about: str
    reason: str
    kind: str = "rejected"


class Reply(NamedTuple):
    """To whoever wrote: what the shop says."""

    about: str
    text: str
    kind: str = "reply"


class WaitingReview(NamedTuple):
    """`publish_on` is the local day on which it publishes itself (`YYYY-MM-DD`), or empty."""

    id: int
    about: str
    rating: int
    publish_on: str


class Waiting(NamedTuple):
    """To the shop: how many wait for a person, and the first of them."""

    amount: int
    reviews: Sequence[WaitingReview]
    live: bool = True
    kind: str = "waiting"


Content = Receipt | Rejected | Reply | Waiting


class NoticeComposer:
    """Makes the letters about reviews. Built once, as `letter.Composer` is, with the same arguments and errors."""

    def __init__(self, sender: str, host: str) -> None:
        self._sender = read_sender(sender)
        self._host = check_host(host)
        self._catalogues = catalogues()
        self._wordings = {lang: compile_wording(found, "notice") for lang, found in self._catalogues.items()}

    def compose(self, content: Content, shop: Shop, reader: Reader, fingerprint: str, now: float) -> Letter:
        """The same bytes each time within one second of `now`; `fingerprint` is the notice's, 32 hex digits.

        Guarantee 7 as in `letter.Composer.compose`. Raises AddressError, ValueError for links that cannot stand in
        a letter, HeaderError.
        """
        catalogue = choose(reader.lang, self._catalogues)
        wording = self._wordings[catalogue.lang]
        recipient = wire_address(reader.email)
        ident = f"<{fingerprint}@{self._host}>"
        boundary = f"=_{fingerprint}"
        values = self._values(content, shop, reader, catalogue)
        header = "\r\n".join(
            (
                self._sender.origin(shop),
                mailbox_field("To", _name(shop, reader), recipient),
                text_field("Subject", wording.subject.render(values)),
                date_field(int(now)),
                f"Message-ID: {ident}",
                *_unsubscribe_fields(reader),
                _SAME_IN_ALL.format(boundary=boundary),
            )
        ).encode()
        check_header(header, fields_of(shop, to_customer=bool(reader.unsubscribe)))
        body = _body(wording, values, boundary.encode("ascii"))
        return Letter(self._sender.address, recipient, ident, b"\r\n".join((header, b"", body)))

    def _values(
        self, content: Content, shop: Shop, reader: Reader, catalogue: Catalogue
    ) -> dict[str, object]:
        about_reader = {
            "firstname": shown_name(reader.firstname),
            "review": reader.review and check_link(reader.review),
            "unsubscribe": reader.unsubscribe,
        }
        about_shop = {
            "shop": shown(shop.name),
            "shop_id": shop.id,
            "sender": self._sender.on_behalf_of(shop),
            "site": site_of(shop),
            "answered": bool(reply_to_of(shop)),
        }
        heading = catalogue.gettext(HEADINGS[content.kind])
        values = {"kind": content.kind, "heading": heading, **about_reader, **about_shop}
        return values | _values_of(content, catalogue)


def _values_of(content: Content, catalogue: Catalogue) -> dict[str, object]:
    if isinstance(content, Receipt):
        return {
            "reviews": _with_words(content.reviews[:REVIEWS_SHOWN]),
            "more": max(0, len(content.reviews) - REVIEWS_SHOWN),
            "is_public": content.is_public,
            "verify": check_link(content.verify),
        }
    if isinstance(content, Rejected):
        return {"about": shown(content.about), "reason": catalogue.gettext(REASONS_IN_WORDS[content.reason])}
    if isinstance(content, Reply):
        return {"about": shown(content.about), "reply": _first_lines(content.text)}
    first = [
        (one.id, shown(one.about), _stars(one.rating), day(one.publish_on, catalogue.lang))
        for one in content.reviews[:REVIEWS_SHOWN]
    ]
    more = max(0, content.amount - len(first))
    world = "" if content.live else " --test"
    return {
        "world": world,
        "count": content.amount,
        "reviews": first,
        "more": more,
        "first": first[0][0] if first else "ID",
    }


def _with_words(reviews: Sequence[Kept]) -> list[tuple[str, str, list[str], str, str]]:
    found, room = [], OCTETS_OF_WORDS
    for one in reviews:
        words = _lines(one.text or "")
        room -= _octets(words)
        found.append((shown(one.about), _stars(one.rating), words if room >= 0 else [], one.hash, one.salt))
    return found


def _octets(lines: list[str]) -> int:
    """What lines take in both parts at most, in base64 with its line ends."""
    return sum(len(line.encode()) + len(escape(line).encode()) + 100 for line in lines) * 7 // 5


def _lines(text: str) -> list[str]:
    """A text line by line, each harmless to show."""
    return [shown(line, LONGEST_REVIEW) for line in text.splitlines()]


def _first_lines(text: str) -> list[str]:
    lines = _lines(text)
    return lines if len(lines) <= LINES_SHOWN else [*lines[: LINES_SHOWN - 1], "…"]


def _stars(rating: int) -> str:
    return "★" * rating + "☆" * (5 - rating)


def _name(shop: Shop, reader: Reader) -> str:
    """What stands beside the address in To."""
    if not reader.unsubscribe:
        return shown(shop.name)
    return shown(f"{reader.firstname} {reader.lastname}", 200)


def _unsubscribe_fields(reader: Reader) -> tuple[str, ...]:
    if not reader.unsubscribe:
        return ()
    return (
        f"List-Unsubscribe: <{check_link(reader.unsubscribe)}>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    )


_SAME_IN_ALL = """\
Auto-Submitted: auto-generated
MIME-Version: 1.0
Content-Type: multipart/alternative;
 boundary="{boundary}"
Content-Transfer-Encoding: 7bit""".replace("\n", "\r\n")

_PART = b"""\
Content-Type: text/%b; charset=utf-8
Content-Transfer-Encoding: %b

%b""".replace(b"\n", b"\r\n")


def _body(wording: Wording, values: dict[str, object], boundary: bytes) -> bytes:
    """Both parts (RFC 2046 5.1.4). No encoded line begins as the boundary does: an equals sign and an underline stand
    together in neither encoding."""
    mark = b"--" + boundary
    text = _part(b"plain", wording.text.render(values))
    html = _part(b"html", wording.html.render(values))
    return b"\r\n".join((mark, text, mark, html, mark + b"--", b""))


def _part(kind: bytes, text: str) -> bytes:
    """In the encoding that is shorter for it (RFC 2045 6.7, 6.8)."""
    octets = text.encode()
    quoted, in_base64 = b2a_qp(octets), encodebytes(octets).replace(b"\n", b"\r\n")
    if len(quoted) <= len(in_base64):
        return _PART % (kind, b"quoted-printable", quoted)
    return _PART % (kind, b"base64", in_base64)
