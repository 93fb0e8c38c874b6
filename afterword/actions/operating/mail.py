"""What can be tried of the way that e-mails go: a test e-mail, a visit to the mail server, the sender's domain."""

import asyncio
from collections.abc import Iterator
from typing import NamedTuple

import dns.exception
import dns.resolver

from afterword.actions.operating.backlog import Finding
from afterword.base.errors import Refused, SettingsError
from afterword.base.settings import OUTBOX, Settings
from afterword.domain.messages import Outcome
from afterword.mail.compose import compose_test
from afterword.mail.headers import AddressError, wire_address
from afterword.mail.originator import read_originator
from afterword.mail.smtp import SmtpTransport
from afterword.mail.smtp_address import SmtpAddress, parse_smtp_url
from afterword.mail.transport import ComposedMessage, TransportTrouble

SMTP_TIMEOUT = 10.0
"""Seconds that the mail server may take for each answer in a visit."""

TEST_TIMEOUT = 60.0
"""The same for a test e-mail, which the server may look at for longer."""

DNS_TIMEOUT = 5.0


class Tried(NamedTuple):
    """A test e-mail: where it went, and what the server said."""

    address: SmtpAddress
    outcome: Outcome


def send_test(settings: Settings, recipient: str, now: float) -> Tried:
    """Sends a real e-mail at once, not through the database. Raises SettingsError, Refused."""
    address = server_of(settings)
    try:
        originator = read_originator(settings.sender or "")
    except AddressError as error:
        raise SettingsError(f"AFTERWORD_FROM: {error}") from error
    try:
        message = compose_test(originator, wire_address(recipient), settings.link_host, now)
    except AddressError as error:
        raise Refused(f"ADDRESS: {error}") from error
    try:
        return Tried(address, asyncio.run(_deliver(address, message)))
    except TransportTrouble as error:
        raise Refused(f"nothing was sent: {error}") from error


async def _deliver(address: SmtpAddress, message: ComposedMessage) -> Outcome:
    async def may_go() -> bool:
        return True

    transport = SmtpTransport(address, connections=1, timeout=TEST_TIMEOUT)
    try:
        return await transport.deliver(message, may_go)
    finally:
        await transport.close()


def server(settings: Settings) -> Iterator[Finding]:
    """A whole visit to the mail server, up to the login."""
    if settings.smtp in (None, OUTBOX):
        return
    try:
        address = visit(settings)
        where = f"{address.host}:{address.port}"
        says = f"The mail server {where} accepts e-mails. To send one: afterword mail test ADDRESS"
        yield Finding("mail", "ok", says)
    except (SettingsError, Refused) as error:
        yield Finding("mail", "action", f"{error}.")


def visit(settings: Settings) -> SmtpAddress:
    """Connects to the mail server, secures the line, logs in and leaves. Raises SettingsError, Refused."""
    address = server_of(settings)
    try:
        asyncio.run(SmtpTransport(address, timeout=SMTP_TIMEOUT).check())
    except TransportTrouble as error:
        raise Refused(str(error)) from error
    return address


def server_of(settings: Settings) -> SmtpAddress:
    """Raises SettingsError when there is no mail server."""
    if settings.smtp is None:
        raise SettingsError(
            "AFTERWORD_SMTP is not set, so there is no mail server: AFTERWORD_SMTP="
            "'smtp://user:password@mail.shop.example:587?tls=starttls'"
        )
    if settings.smtp == OUTBOX:
        raise SettingsError(f"AFTERWORD_SMTP={OUTBOX} writes e-mails into files, so there is no mail server")
    try:
        return parse_smtp_url(settings.smtp)
    except ValueError as error:
        raise SettingsError(f"AFTERWORD_SMTP: {error}") from error


def sender_domain(settings: Settings) -> Iterator[Finding]:
    """What lets other servers trust the sender. Nothing of it can be known to be right from here alone."""
    if settings.smtp in (None, OUTBOX):
        return
    try:
        domain = read_originator(settings.sender or "").address.rpartition("@")[2]
        found = look_up(domain)
    except AddressError:  # the composer's finding
        return
    except Refused as error:
        yield Finding("domain", "note", f"SPF and DMARC are unknown: {error}.")
        return
    guide = 'See "Sending mail" in docs/operating.md.'
    if found.spf is None:
        says = f"{domain} has no SPF record, so e-mails may be taken for spam: let one name the mail server. {guide}"
        yield Finding("domain", "action", says)
    if found.dmarc is None:
        says = f"{domain} has no DMARC record, which large mail providers ask for. {guide}"
        yield Finding("domain", "action", says)
    if found.spf and found.dmarc:
        says = f"{domain} has SPF ({found.spf}) and DMARC ({found.dmarc}). "
        says += "Whether the mail server signs with DKIM shows in the headers of: afterword mail test ADDRESS"
        yield Finding("domain", "ok", says)


class Records(NamedTuple):
    """What the DNS says of a sender's domain; None where it says nothing."""

    domain: str
    spf: str | None
    dmarc: str | None


def look_up(domain: str) -> Records:
    """SPF (RFC 7208 3) and DMARC (RFC 7489 6.6.3). Raises Refused when the DNS gives no answer."""
    resolver = dns.resolver.get_default_resolver()
    spf = _text(resolver, domain, "v=spf1")
    # Where a subdomain has no record, that of the domain above it holds; at least two labels are left.
    labels = domain.split(".")
    above = [".".join(labels[place:]) for place in range(max(1, len(labels) - 1))]
    found = (_text(resolver, f"_dmarc.{each}", "v=dmarc1") for each in above)
    return Records(domain, spf, next(filter(None, found), None))


def _text(resolver: dns.resolver.Resolver, name: str, begins: str) -> str | None:
    """The TXT record of this name that begins like that."""
    try:
        answer = resolver.resolve(f"{name}.", "TXT", lifetime=DNS_TIMEOUT)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return None
    except (dns.exception.DNSException, OSError) as error:
        raise Refused(
            f"the DNS gave no answer about {name}: {str(error).rstrip('.') or 'no answer'}"
        ) from error
    texts = (b"".join(record.strings).decode("ascii", "replace") for record in answer)
    return next((text for text in texts if text.lower().partition(";")[0].split()[:1] == [begins]), None)
