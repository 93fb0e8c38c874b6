"""A letter: the finished message, as bytes, and how it is put together.

The bytes are ours from the first header to the last line end: the standard library's message classes
cost more than all the rest of a letter, and have made header lines out of names (CVE-2024-6923).
"""

from binascii import b2a_qp
from functools import lru_cache
from typing import NamedTuple

from afterword.domain.invitations import Invitation, message_id
from afterword.domain.orders.order import OrderLine
from afterword.domain.shops import Shop
from afterword.domain.values import shown, shown_name, signature
from afterword.i18n.catalogue import catalogues, choose
from afterword.i18n.dates import day
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

LINES_SHOWN = 10
"""Products named in a letter; of more, the rest is only counted. Eleven are all named."""

LONGEST_NAME = 200
"""Characters of a customer's first and last name in To."""


class Links(NamedTuple):
    """The absolute http(s) addresses that a letter leads to, in ASCII."""

    review: str
    unsubscribe: str


class _Face(NamedTuple):
    """What all letters of one shop in one language have in common."""

    origin: str
    """The fields From and Reply-To."""
    subject: str
    fields: tuple[bytes, ...]
    wording: Wording
    values: dict[str, str | bool]


class Composer:
    """Makes letters. Built once: it reads every catalogue and compiles every template at start.

    `sender` is `AFTERWORD_FROM`, and `host` what stands right of the @ in a Message-ID. Raises ValueError
    when one of them cannot stand in a header.
    """

    def __init__(self, sender: str, host: str) -> None:
        self._sender = read_sender(sender)
        self._host = check_host(host)
        self._catalogues = catalogues()
        self._wordings = {lang: compile_wording(found) for lang, found in self._catalogues.items()}
        self._face = lru_cache(maxsize=4096)(self._make_face)

    def compose(self, invitation: Invitation, shop: Shop, links: Links, now: float) -> Letter:
        """The letter of an invitation: the same bytes each time within one second of `now`.

        Guarantee 7: no value adds a header, and any values give a letter, below the 102 KB at which Gmail
        clips. The only addresses in it are the links and the shop's site. Raises AddressError for a
        recipient that no envelope can carry, ValueError for links that are not what `Links` says, and
        HeaderError rather than give out a letter whose header is not exactly as it should be.
        """
        face = self._face(shop, invitation.lang)
        recipient = wire_address(invitation.email)
        ident = message_id(
            shop.salt, live=invitation.live, id_order=_whole(invitation.id_order), host=self._host
        )
        boundary = f"=_{ident[1:33]}"
        to = shown(f"{invitation.firstname} {invitation.lastname}", LONGEST_NAME)
        header = "\r\n".join(
            (
                face.origin,
                mailbox_field("To", to, recipient),
                face.subject,
                date_field(int(now)),
                f"Message-ID: {ident}",
                f"List-Unsubscribe: <{check_link(links.unsubscribe)}>",
                _SAME_IN_ALL.format(boundary=boundary),
            )
        ).encode()
        check_header(header, face.fields)
        body = _body(face, _values(face, invitation, links), boundary.encode("ascii"))
        return Letter(self._sender.address, recipient, ident, b"\r\n".join((header, b"", body)))

    def _make_face(self, shop: Shop, lang: str) -> _Face:
        wording = self._wordings[choose(lang, self._catalogues).lang]
        name = shown(shop.name)
        return _Face(
            origin=self._sender.origin(shop),
            subject=text_field("Subject", wording.subject.render(shop=name)),
            fields=fields_of(shop),
            wording=wording,
            values={
                "shop": name,
                "sender": self._sender.on_behalf_of(shop),
                "site": site_of(shop),
                "answered": bool(reply_to_of(shop)),
            },
        )


_SAME_IN_ALL = """\
List-Unsubscribe-Post: List-Unsubscribe=One-Click
Auto-Submitted: auto-generated
MIME-Version: 1.0
Content-Type: multipart/alternative;
 boundary="{boundary}"
Content-Transfer-Encoding: 7bit""".replace("\n", "\r\n")
"""RFC 8058 3.1 asks for an https link beside List-Unsubscribe-Post. It is sent beside http too, which is only
met in local use."""

_TEXT_PART = b"""\
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: """.replace(b"\n", b"\r\n")

_HTML_PART = b"""\
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: 7bit

""".replace(b"\n", b"\r\n")


def _body(face: _Face, values: dict[str, object], boundary: bytes) -> bytes:
    """Both parts (RFC 2046 5.1.4). The boundary holds 128 bits keyed with the shop's salt, so that nobody
    who chooses a value can know it."""
    html = face.wording.html.render(values).encode("ascii", "xmlcharrefreplace")
    text = face.wording.text.render(values)
    if text.isascii():
        plain = b"7bit\r\n\r\n" + text.encode("ascii")
    else:
        plain = b"quoted-printable\r\n\r\n" + b2a_qp(text.encode())
    mark = b"--" + boundary
    return b"".join(
        (mark, b"\r\n", _TEXT_PART, plain, b"\r\n", mark, b"\r\n", _HTML_PART, html, b"\r\n", mark, b"--\r\n")
    )


def _values(face: _Face, invitation: Invitation, links: Links) -> dict[str, object]:
    firstname = shown_name(invitation.firstname)
    lines, more = _lines(invitation.lines)
    return {
        **face.values,
        "firstname": firstname,
        "signed": signature(firstname, shown_name(invitation.lastname)),
        "order": shown(invitation.reference or invitation.id_order),
        "date": day(invitation.order_date, face.wording.lang),
        "lines": lines,
        "more": more,
        "review": check_link(links.review),
        "unsubscribe": links.unsubscribe,
    }


def _lines(lines: tuple[OrderLine, ...]) -> tuple[list[tuple[str, int]], int]:
    """The products to name, each with its quantity (0 where it goes without saying), and how many more."""
    end = LINES_SHOWN if len(lines) > LINES_SHOWN + 1 else len(lines)
    named = [(shown(line.name), line.qty if line.qty and line.qty > 1 else 0) for line in lines[:end]]
    return named, len(lines) - end


def _whole(text: str) -> str:
    """The text with its lone surrogates, if any, as question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
