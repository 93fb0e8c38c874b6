"""Who e-mails come from: the fields From and Reply-To (RFC 5322 3.6.2), and the shop's own addresses in a message."""

import re
from typing import NamedTuple

import idna
from markupsafe import escape

from afterword.domain.shops import Shop
from afterword.domain.values import shown
from afterword.mail.headers import AddressError, mailbox_field, parse_mailbox, wire_address
from afterword.mail.links import LONGEST_LINK

OUTBOX_SENDER = "reviews@localhost"
"""Who e-mails in the outbox come from when AFTERWORD_FROM is not set."""


class Originator(NamedTuple):
    """Who e-mails come from: `AFTERWORD_FROM`. Where `name` is empty, each shop's own name takes its place."""

    name: str
    address: str

    def fields(self, shop: Shop) -> str:
        """The fields From and, where the shop has an address, Reply-To."""
        name = shown(shop.name)
        fields = [mailbox_field("From", self.name or name, self.address)]
        if reply_to := reply_to_of(shop):
            fields.append(mailbox_field("Reply-To", name, reply_to))
        return "\r\n".join(fields)


def read_originator(text: str) -> Originator:
    """Raises AddressError."""
    name, address = parse_mailbox(text)
    return Originator(shown(name), address)


def check_host(host: str) -> str:
    """The host as a dot-atom (RFC 5322 3.6.4); an IPv6 address, which is none, with its colons as hyphens."""
    name = host.strip("[]").replace(":", "-").rstrip(".")
    if not name.isascii():
        name = idna.encode(name, uts46=True).decode("ascii")
    if len(name) > 255 or not re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", name):
        raise ValueError(f"{host!r} is not a host name")
    return name


def reply_to_of(shop: Shop) -> str:
    """Where replies go, or nothing.

    A shop's address that is not ASCII would make each of its messages need SMTPUTF8, so it is left out.
    """
    try:
        address = wire_address(shop.email) if shop.email else ""
    except AddressError:
        return ""
    return address if address.isascii() else ""


def site_of(shop: Shop) -> str:
    """The shop's site where it is http(s) and short enough for one line of a message, or nothing."""
    site = shop.site or ""
    if not site.startswith(("http://", "https://")) or not site.isprintable() or " " in site:
        return ""
    octets = len(str(escape(site)).encode("ascii", "xmlcharrefreplace"))
    return site if octets <= LONGEST_LINK else ""
