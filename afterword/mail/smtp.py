"""The SMTP transport: pooled connections to one mail server, and one message a transaction (RFC 5321)."""

import asyncio
import re
import ssl
from base64 import b64encode
from collections import deque
from contextlib import suppress
from ipaddress import ip_address

import aiosmtplib

from afterword.domain.messages import Outcome
from afterword.mail.smtp_address import SmtpAddress
from afterword.mail.smtp_connection import BROKEN, Connection, NotListening, printable
from afterword.mail.smtp_trouble import why_not_usable
from afterword.mail.transport import ComposedMessage, Mark, TransportTrouble

MESSAGES_A_CONNECTION = 100
"""Many servers cut a session after some hundred messages; a new one in time costs less than the cut."""

LONGEST_IDLE = 30.0
"""Seconds after which an unused connection is not trusted any more: servers begin to close at sixty."""

_FITS_A_COMMAND = re.compile(r"[^\s\x00-\x1f\x7f<>\ud800-\udfff]+")


class SmtpTransport:
    """Carries messages to one mail server over at most `connections` connections; further messages wait.

    `timeout` is in seconds and covers each of: opening a connection, each answer before the message, and the
    message with its answer. So a message is settled at most twice `timeout` after its mark.

    Certificates are verified against the system's trust store, or by `tls_context`. A password is never
    sent without TLS, except to the machine itself.
    """

    def __init__(
        self,
        address: SmtpAddress,
        *,
        connections: int = 16,
        timeout: float = 60.0,
        local_hostname: str | None = None,
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        self._address = address
        self._timeout = timeout
        self._local_hostname = local_hostname
        self._tls_context = tls_context
        if tls_context is None and address.tls != "none":
            self._tls_context = ssl.create_default_context()
        self._slots = asyncio.Semaphore(connections)
        self._idle: deque[Connection] = deque()
        self._closed = False

    async def deliver(self, message: ComposedMessage, mark: Mark) -> Outcome:
        """See `Transport.deliver`. An idle connection that the server has given up is replaced silently."""
        if not _FITS_A_COMMAND.fullmatch(message.sender):
            raise TransportTrouble("the sender's address cannot be written in an SMTP command")
        if not _FITS_A_COMMAND.fullmatch(message.recipient):
            return Outcome("failed", "this address cannot be written in an SMTP command")
        async with self._slots:
            idle = self._take()
            if idle is not None:
                with suppress(NotListening):
                    return await self._carry(idle, message, mark)
            return await self._carry(await self._open(), message, mark)

    async def check(self) -> None:
        """Connect, secure the line, log in and leave. Raises TransportTrouble when any of it fails."""
        connection = await self._open()
        await connection.quit()

    async def close(self) -> None:
        """QUIT on every idle connection, two seconds at most; those in use are left after their message."""
        self._closed = True
        idle, self._idle = self._idle, deque()
        await asyncio.gather(*(connection.quit() for connection in idle))

    def _take(self) -> Connection | None:
        """The connection used last, so that in quiet times the others grow old and are left."""
        oldest = asyncio.get_running_loop().time() - LONGEST_IDLE
        while self._idle and self._idle[0].used_at < oldest:
            self._idle.popleft().leave()
        return self._idle.pop() if self._idle else None

    async def _carry(self, connection: Connection, message: ComposedMessage, mark: Mark) -> Outcome:
        try:
            outcome = await connection.carry(message, mark)
        except BaseException:
            connection.cut()
            raise
        self._put_back(connection)
        return outcome

    def _put_back(self, connection: Connection) -> None:
        connection.used_at = asyncio.get_running_loop().time()
        if self._closed or connection.messages >= MESSAGES_A_CONNECTION:
            connection.leave()
        elif connection.is_open:
            self._idle.append(connection)

    async def _open(self) -> Connection:
        address = self._address
        if address.password and address.tls == "none" and not _is_loopback(address.host):
            raise TransportTrouble(f"no password is sent to {address.host} without TLS: use starttls or tls")
        client = aiosmtplib.SMTP(
            hostname=address.host,
            port=address.port,
            username=address.user,
            password=address.password,
            local_hostname=self._local_hostname,
            timeout=None,
            use_tls=address.tls == "tls",
            start_tls=address.tls == "starttls",
            tls_context=self._tls_context,
        )
        error = await _connect(client, self._timeout)
        if error is not None:
            where = f"{address.host}:{address.port}"
            reason = printable(_without_secret(why_not_usable(error, address.tls), address))
            raise TransportTrouble(f"the mail server {where} cannot be used: {reason}")
        self._local_hostname = client.local_hostname  # asking for it can mean a DNS query
        return Connection(client, self._timeout)


async def _connect(client: aiosmtplib.SMTP, timeout: float) -> Exception | None:
    """What went wrong, or None. It is not raised any further, since it may quote the password."""
    try:
        async with asyncio.timeout(timeout):
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await client.ehlo()
    except BaseException as error:
        client.close()
        if isinstance(error, BROKEN):
            return error
        raise
    return None


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def _without_secret(text: str, address: SmtpAddress) -> str:
    """The text without the password, plain or as AUTH PLAIN and LOGIN send it, should a server echo it."""
    if address.user and address.password:
        user, password = address.user.encode(), address.password.encode()
        sent = (b"\0%b\0%b" % (user, password), password)
        for secret in (*(b64encode(each).decode() for each in sent), address.password):
            text = text.replace(secret, "…")
    return text
