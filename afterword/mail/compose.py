"""A composed message: the finished e-mail, as bytes, and how it is put together, the same for every kind.

The bytes are ours from the first header to the last line end: the standard library's message classes
cost more than all the rest of a message, and have made header lines out of names (CVE-2024-6923).
"""

import secrets
from base64 import encodebytes
from binascii import b2a_qp
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from afterword.domain.messages import Message, message_id
from afterword.domain.people.names import public_name
from afterword.domain.shops import Shop
from afterword.domain.values import shown, shown_name
from afterword.i18n.catalogue import Catalogue, catalogues, choose
from afterword.mail.headers import check_header, date_field, mailbox_field, text_field, wire_address
from afterword.mail.kinds import Kind, kinds
from afterword.mail.links import Links, check_link
from afterword.mail.originator import Originator, check_host, read_originator, reply_to_of, site_of
from afterword.mail.transport import ComposedMessage
from afterword.mail.wording import Wording, compile_wording

LONGEST_NAME = 200
"""Characters of a customer's first and last name in To."""


class _Face(NamedTuple):
    """What all messages of one kind, shop and language have in common."""

    kind: Kind
    origin: str
    """The fields From and Reply-To."""
    subject: str
    last_fields: str
    """Those after List-Unsubscribe, with `%s` for the fingerprint."""
    names: tuple[bytes, ...]
    """Of all header fields, in their order."""
    catalogue: Catalogue
    wording: Wording
    values: dict[str, object]


class Composer:
    """Composes messages. Built once: it reads every catalogue and compiles every template at start.

    `sender` is `AFTERWORD_FROM`, and `host` what is right of the @ in a Message-ID. Raises ValueError
    when one of them cannot be used in a header.
    """

    def __init__(self, sender: str, host: str) -> None:
        self._originator = read_originator(sender)
        self._host = check_host(host)
        self._kinds = kinds()
        self._wordings = {
            (kind, lang): compile_wording(catalogue, kind)
            for kind in self._kinds
            for lang, catalogue in catalogues().items()
        }
        self._face = lru_cache(maxsize=4096)(self._make_face)

    def compose(self, message: Message, shop: Shop, links: Links, now: float) -> ComposedMessage:
        """The e-mail of a message: the same bytes each time within one second of `now`.

        Guarantee 7: no value adds a header field, and any values give an e-mail, below the 102 KB at which Gmail
        clips. No word of a customer is in its subject. The only addresses in it are the links, the shop's site, and
        what authors and the shop wrote in reviews and replies: names and numbers of an order have none
        (`shown_unlinked`, `shown_name`).
        Raises AddressError for a recipient that no envelope can carry, ValueError for links that are not what
        `Links` says, and HeaderError rather than give out an e-mail whose header is not exactly as it should be.
        """
        face = self._face(shop, message.recipient.lang, message.kind, message.waiting)
        recipient = wire_address(message.recipient.email)
        fingerprint = message.fingerprint(shop.salt)
        header = "\r\n".join(
            (
                face.origin,
                mailbox_field("To", _addressee(message, shop), recipient),
                face.subject,
                date_field(int(now)),
                f"Message-ID: {message_id(fingerprint, self._host)}",
                *(() if face.kind.to_shop else (f"List-Unsubscribe: <{check_link(links.unsubscribe)}>",)),
                face.last_fields % fingerprint,
            )
        ).encode()
        check_header(header, face.names)
        body = _body(face, self._values(face, message, shop, links), b"--=_" + fingerprint.encode("ascii"))
        content = b"\r\n".join((header, b"", body))
        id_order = message.order.id_order if message.order else ""
        form = "" if message.live else links.review
        return ComposedMessage(self._originator.address, recipient, fingerprint, content, id_order, form)

    def html(self, message: Message, shop: Shop, links: Links) -> str:
        """The HTML part of the e-mail of a message, to be looked at and not to be sent. Raises ValueError for links
        that are not what `Links` says."""
        face = self._face(shop, message.recipient.lang, message.kind, message.waiting)
        return face.wording.html.render(self._values(face, message, shop, links))

    def _make_face(self, shop: Shop, lang: str, kind: str, waiting: int) -> _Face:
        catalogue = choose(lang, catalogues())
        wording = self._wordings[kind, catalogue.lang]
        has_reply_to = bool(reply_to_of(shop))
        values = {
            "shop": shown(shop.name),
            "shop_id": shop.id,
            "sender": self._originator.name if self._originator.name != shown(shop.name) else "",
            "site": site_of(shop),
            "answered": has_reply_to,
            "waiting": waiting,
        }
        return _Face(
            kind=self._kinds[kind],
            origin=self._originator.fields(shop),
            subject=text_field("Subject", wording.subject.render(values)),
            last_fields=_SAME_IN_ALL if self._kinds[kind].to_shop else _ONE_CLICK + _SAME_IN_ALL,
            names=_names(has_reply_to, to_shop=self._kinds[kind].to_shop),
            catalogue=catalogue,
            wording=wording,
            values=values,
        )

    @staticmethod
    def _values(face: _Face, message: Message, shop: Shop, links: Links) -> dict[str, object]:
        """What the templates show."""
        special = face.kind.values(message, shop, face.catalogue)
        if face.kind.to_shop:
            return face.values | special | {"dashboard": check_link(links.dashboard)}
        to = message.recipient
        return {
            **face.values,
            "firstname": shown_name(to.firstname),
            "signed": public_name(to.firstname, to.lastname) or face.catalogue.gettext("A customer"),
            "review": check_link(links.review),
            "unsubscribe": links.unsubscribe,
            "verify": check_link(links.verify),
            **special,
        }


_FIELDS = (
    b"From",
    b"Reply-To",
    b"To",
    b"Subject",
    b"Date",
    b"Message-ID",
    b"List-Unsubscribe",
    b"List-Unsubscribe-Post",
    b"Auto-Submitted",
    b"MIME-Version",
    b"Content-Type",
    b"Content-Transfer-Encoding",
)


def _names(has_reply_to: bool, *, to_shop: bool) -> tuple[bytes, ...]:
    """The fields that a message has, in their order, and no others."""
    return tuple(
        name
        for name in _FIELDS
        if (has_reply_to or name != b"Reply-To") and not (to_shop and name.startswith(b"List-Unsubscribe"))
    )


_ONE_CLICK = "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
"""RFC 8058 3.1 asks for an https link beside List-Unsubscribe-Post. It is sent beside http too, which is only
met in local use."""

_SAME_IN_ALL = """\
Auto-Submitted: auto-generated
MIME-Version: 1.0
Content-Type: multipart/alternative;
 boundary="=_%s"
Content-Transfer-Encoding: 7bit""".replace("\n", "\r\n")

_PART = b"""\
Content-Type: text/%b; charset=utf-8
Content-Transfer-Encoding: %b

%b""".replace(b"\n", b"\r\n")


def _addressee(message: Message, shop: Shop) -> str:
    """The name beside the address in To: the customer's, or for a message without an order the shop's."""
    reader = message.recipient
    if message.order is None:
        return shown(shop.name)
    return shown(f"{reader.firstname} {reader.lastname}", LONGEST_NAME)


def _body(face: _Face, values: dict[str, object], mark: bytes) -> bytes:
    """Both parts (RFC 2046 5.1.4). No line in them begins as the boundary does: it holds 128 bits keyed with the
    shop's salt, which no one outside can know."""
    text, html = face.wording.text.render(values), face.wording.html.render(values)
    if face.kind.quotes:
        parts = _encoded(b"plain", text), _encoded(b"html", html)
    else:
        parts = _plain_part(text), _PART % (b"html", b"7bit", html.encode("ascii", "xmlcharrefreplace"))
    return b"\r\n".join((mark, parts[0], mark, parts[1], mark + b"--", b""))


def _plain_part(text: str) -> bytes:
    if text.isascii():
        return _PART % (b"plain", b"7bit", text.encode("ascii"))
    return _PART % (b"plain", b"quoted-printable", b2a_qp(text.encode()))


def _encoded(kind: bytes, text: str) -> bytes:
    """A part in the encoding that is shorter for it (RFC 2045 6.7, 6.8)."""
    octets = text.encode()
    quoted, in_base64 = b2a_qp(octets), encodebytes(octets).replace(b"\n", b"\r\n")
    if len(quoted) <= len(in_base64):
        return _PART % (kind, b"quoted-printable", quoted)
    return _PART % (kind, b"base64", in_base64)


TEST_SUBJECT = "Test e-mail from Afterword"

_TEST_TEXT = """\
This is a test e-mail from Afterword, sent with the command "afterword mail test" on {date} UTC.

It came from {sender} through the mail server that AFTERWORD_SMTP names, as e-mails to customers do.
If it is in your spam folder, check SPF, DKIM and DMARC of the sender's domain: afterword doctor.
"""


def compose_test(originator: Originator, recipient: str, host: str, now: float) -> ComposedMessage:
    """The test e-mail of `afterword mail test`: to the operator, about no order, in English like all commands.

    `recipient` is from `wire_address`, and `host` is right of the @ in the Message-ID. Raises ValueError
    for a host that cannot be there.
    """
    fingerprint = secrets.token_hex(16)
    date = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%S")
    header = (
        mailbox_field("From", originator.name or "Afterword", originator.address),
        mailbox_field("To", "", recipient),
        text_field("Subject", TEST_SUBJECT),
        date_field(int(now)),
        f"Message-ID: {message_id(fingerprint, check_host(host))}",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
        _TEST_TEXT.format(date=date, sender=originator.address),
    )
    content = "\r\n".join(header).replace("\r\n", "\n").replace("\n", "\r\n").encode()
    return ComposedMessage(originator.address, recipient, fingerprint, content)
