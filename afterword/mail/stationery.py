"""What all letters are written on: the finished bytes, who they come from, and what may stand in them at all."""

import re
from typing import NamedTuple

import idna
from markupsafe import escape

from afterword.domain.shops import Shop
from afterword.domain.values import shown
from afterword.mail.headers import AddressError, mailbox_field, parse_mailbox, wire_address

LONGEST_LINK = 900
"""Octets of an address as HTML writes it, where `&` takes five."""

_LINK = re.compile(r"https?://[!#-;=?-~]+")


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


def fields_of(shop: Shop, *, to_customer: bool = True) -> tuple[bytes, ...]:
    """The fields that a letter of this shop has, in their order, and no others."""
    return tuple(
        field
        for field in _FIELDS
        if (field != b"Reply-To" or reply_to_of(shop))
        and (to_customer or not field.startswith(b"List-Unsubscribe"))
    )


class Sender(NamedTuple):
    """Who letters come from: `AFTERWORD_FROM`. `name` may be empty: then each shop's own name stands there."""

    name: str
    address: str

    def origin(self, shop: Shop) -> str:
        """The fields From and, where the shop has an address, Reply-To."""
        name = shown(shop.name)
        fields = [mailbox_field("From", self.name or name, self.address)]
        if reply_to := reply_to_of(shop):
            fields.append(mailbox_field("Reply-To", name, reply_to))
        return "\r\n".join(fields)

    def on_behalf_of(self, shop: Shop) -> str:
        """The name that stands in From where it is not the shop's own, or nothing."""
        return self.name if self.name != shown(shop.name) else ""


def read_sender(text: str) -> Sender:
    """Raises AddressError."""
    name, address = parse_mailbox(text)
    return Sender(shown(name), address)


def check_link(link: str) -> str:
    if not _LINK.fullmatch(link) or len(escape(link)) > LONGEST_LINK:
        raise ValueError("a link cannot stand in a letter: a short http(s) address in ASCII is expected")
    return link


def check_host(host: str) -> str:
    """The host as a dot-atom (RFC 5322 3.6.4); an IPv6 address, which is none, with its colons as hyphens."""
    name = host.strip("[]").replace(":", "-").rstrip(".")
    if not name.isascii():
        name = idna.encode(name, uts46=True).decode("ascii")
    if len(name) > 255 or not re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", name):
        raise ValueError(f"{host!r} is not a host name")
    return name


def reply_to_of(shop: Shop) -> str:
    """Where answers go, or nothing.

    A shop's address that is not ASCII would make each of its letters need SMTPUTF8, so it is left out.
    """
    try:
        address = wire_address(shop.email) if shop.email else ""
    except AddressError:
        return ""
    return address if address.isascii() else ""


def site_of(shop: Shop) -> str:
    """The shop's site where it is http(s) and short enough to stand in one line of a letter, or nothing."""
    site = shop.site or ""
    if not site.startswith(("http://", "https://")) or not site.isprintable() or " " in site:
        return ""
    octets = len(str(escape(site)).encode("ascii", "xmlcharrefreplace"))
    return site if octets <= LONGEST_LINK else ""
