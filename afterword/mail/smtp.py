"""The SMTP courier: pooled connections to one mail server, and one letter a transaction (RFC 5321).

Replies are read by their first digit (RFC 5321 4.2.1). Only an answer to RCPT, DATA or the final dot is
about the letter; everything else that goes wrong is the courier's trouble.
"""

import asyncio
import re
import ssl
from base64 import b64encode
from collections import deque
from contextlib import suppress
from ipaddress import ip_address
from typing import cast

import aiosmtplib
from aiosmtplib import SMTPResponse

from afterword.domain.invitations import Outcome
from afterword.mail.smtp_address import SmtpAddress
from afterword.mail.stationery import Letter
from afterword.mail.transport import CourierTrouble, Mark

LETTERS_A_CONNECTION = 100
"""Many servers cut a session after some hundred letters; a new one in time costs less than the cut."""

LONGEST_IDLE = 30.0
"""Seconds after which an unused connection is not trusted any more: servers begin to close at sixty."""

FAREWELL = 2.0
"""Seconds that a server may take to answer QUIT or RSET before the connection is cut."""

LONGEST_REPLY = 500
"""Characters of a server's answer that are kept."""

_FITS_A_COMMAND = re.compile(r"[^\s\x00-\x1f\x7f<>\ud800-\udfff]+")

_Trouble = (aiosmtplib.SMTPException, OSError, ValueError)
"""What a broken, silent or babbling line raises; a timeout and a failed TLS handshake are OSErrors."""


class SmtpCourier:
    """Carries letters to one mail server over at most `connections` connections; further letters wait.

    `timeout` is in seconds and covers each of: opening a connection, each answer before the mark, and
    everything after the mark. So a letter is settled at most `timeout` after its mark.

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
        self._idle: deque[_Connection] = deque()
        self._closed = False

    async def deliver(self, letter: Letter, mark: Mark) -> Outcome:
        """See `Courier.deliver`. An idle connection that the server has given up is replaced silently."""
        if not _FITS_A_COMMAND.fullmatch(letter.sender):
            raise CourierTrouble("the sender's address cannot be written in an SMTP command")
        if not _FITS_A_COMMAND.fullmatch(letter.recipient):
            return Outcome("failed", "this address cannot be written in an SMTP command")
        async with self._slots:
            idle = self._take()
            if idle is not None:
                with suppress(_NotListening):
                    return await self._carry(idle, letter, mark)
            return await self._carry(await self._open(), letter, mark)

    async def check(self) -> None:
        """Connect, secure the line, log in and leave. Raises CourierTrouble when any of it fails."""
        connection = await self._open()
        await connection.quit()

    async def close(self) -> None:
        """QUIT on every idle connection, two seconds at most; those in use are left after their letter."""
        self._closed = True
        idle, self._idle = self._idle, deque()
        await asyncio.gather(*(connection.quit() for connection in idle))

    def _take(self) -> "_Connection | None":
        """The connection used last, so that in quiet times the others grow old and are left."""
        oldest = asyncio.get_running_loop().time() - LONGEST_IDLE
        while self._idle and self._idle[0].used_at < oldest:
            self._idle.popleft().leave()
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        return None

    async def _carry(self, connection: "_Connection", letter: Letter, mark: Mark) -> Outcome:
        try:
            outcome = await connection.carry(letter, mark)
        except BaseException:
            connection.cut()
            raise
        self._put_back(connection)
        return outcome

    def _put_back(self, connection: "_Connection") -> None:
        connection.used_at = asyncio.get_running_loop().time()
        if self._closed or connection.letters >= LETTERS_A_CONNECTION:
            connection.leave()
        elif connection.is_open:
            self._idle.append(connection)

    async def _open(self) -> "_Connection":
        address = self._address
        if address.password and address.tls == "none" and not _is_loopback(address.host):
            raise CourierTrouble(f"no password is sent to {address.host} without TLS: use starttls or tls")
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
            reason = _printable(_without_secret(_reason(error), address))
            raise CourierTrouble(f"the mail server {where} is of no use: {reason}")
        self._local_hostname = client.local_hostname  # asking for it can mean a DNS query
        return _Connection(client, self._timeout)


async def _connect(client: aiosmtplib.SMTP, timeout: float) -> Exception | None:
    """What went wrong, or None. It is not raised any further, since it may quote the password."""
    try:
        async with asyncio.timeout(timeout):
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await client.ehlo()
    except BaseException as error:
        client.close()
        if isinstance(error, _Trouble):
            return error
        raise
    return None


class _NotListening(CourierTrouble):
    """The server did not take MAIL FROM. On a connection that lay idle that says nothing yet."""


class _Connection:
    """One connection, logged in, and the letters that went over it.

    The library's own timeouts are off: they cost a timer and a turn of the loop for every answer.
    """

    def __init__(self, client: aiosmtplib.SMTP, timeout: float) -> None:
        self._client = client
        self._timeout = timeout
        self._under_way = False  # whether the server holds a transaction open, which RSET must end
        self.letters = 0
        self.used_at = 0.0

    @property
    def is_open(self) -> bool:
        return self._client.is_connected

    async def carry(self, letter: Letter, mark: Mark) -> Outcome:
        self.letters += 1
        outcome = await self._transact(letter, mark)
        if self._under_way:
            await self._reset()
        return outcome

    async def _transact(self, letter: Letter, mark: Mark) -> Outcome:
        """Guarantee 5: once marked, a line that breaks leaves the letter in doubt, wherever it broke.

        The client cannot tell a lost letter from a lost answer (RFC 1047).
        """
        refusal = await self._address(letter)
        if refusal is not None:
            return refusal
        if not await mark():
            return Outcome("withdrawn")
        try:
            async with asyncio.timeout(self._timeout):
                return await self._hand_over(letter.content)
        except _Trouble as error:
            self.cut()
            return Outcome("in_doubt", _printable(f"the connection broke: {_reason(error)}"))

    async def _address(self, letter: Letter) -> Outcome | None:
        """MAIL FROM and RCPT TO. An outcome when this letter cannot go, None when it can.

        Guarantee 7: an address beyond ASCII fails with a sentence where the server lacks SMTPUTF8 (RFC 6531).
        """
        options = []
        if letter.needs_smtputf8:
            if not self._client.supports_extension("smtputf8"):
                return Outcome("failed", "the mail server does not speak SMTPUTF8, which this address needs")
            options.append(b"SMTPUTF8")
        if not letter.content.isascii() and self._client.supports_extension("8bitmime"):
            options.append(b"BODY=8BITMIME")
        answer = await self._ask(_NotListening, b"MAIL FROM:<%b>" % letter.sender.encode(), *options)
        if answer.code // 100 != 2:
            raise _NotListening(f"the mail server refused the sender: {_words(answer)}")
        self._under_way = True
        answer = await self._ask(CourierTrouble, b"RCPT TO:<%b>" % letter.recipient.encode())
        if answer.code // 100 == 2:
            return None
        if answer.code // 100 not in (4, 5):
            raise CourierTrouble(f"the mail server gave no answer to RCPT: {_words(answer)}")
        return _refusal(answer)

    async def _ask(self, trouble: type[CourierTrouble], *command: bytes) -> SMTPResponse:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._client.execute_command(*command)
        except _Trouble as error:
            reason = _printable(_reason(error))
            raise trouble(f"the connection to the mail server broke: {reason}") from error

    async def _hand_over(self, content: bytes) -> Outcome:
        """DATA, the content and the final dot (RFC 5321 4.1.1.4, 4.5.2)."""
        protocol = self._client.protocol
        answer = await self._client.execute_command(b"DATA")
        if answer.code // 100 in (4, 5):
            return _refusal(answer)
        if answer.code // 100 != 3 or protocol is None:
            self.cut()
            return Outcome("in_doubt", f"the mail server gave no answer to DATA: {_words(answer)}")
        # Straight to the protocol: the library would go over every line end once more. No other task
        # uses this connection and the loop has no turn between the two calls, so the answer is ours.
        protocol.write(_with_dots(content))
        answer = await protocol.read_response()
        self._under_way = False
        if answer.code == 421:
            self.cut()
        if answer.code // 100 in (4, 5):
            return _refusal(answer)
        if answer.code // 100 == 2:
            return Outcome("sent", _words(answer))
        self.cut()
        return Outcome("in_doubt", f"the mail server gave no answer to the letter: {_words(answer)}")

    async def _reset(self) -> None:
        """Make ready for the next letter. This one's fate is known: a line that cannot is cut, no more."""
        self._under_way = False
        if not self.is_open:
            return
        with suppress(*_Trouble):
            async with asyncio.timeout(FAREWELL):
                answer = await self._client.execute_command(b"RSET")
            if answer.code // 100 == 2:
                return
        self.cut()

    async def quit(self) -> None:
        with suppress(*_Trouble):
            async with asyncio.timeout(FAREWELL):
                await self._client.quit()
        self.cut()

    def leave(self) -> None:
        """Say QUIT and close without waiting for the answer."""
        protocol = self._client.protocol
        if protocol is not None:
            with suppress(*_Trouble):
                protocol.write(b"QUIT\r\n")
        self._client.close()

    def cut(self) -> None:
        """Close at once: what was written and has not left yet must not leave any more."""
        transport = self._client.transport
        if transport is not None:
            cast(asyncio.WriteTransport, transport).abort()
        self._client.close()


def _with_dots(content: bytes) -> bytes:
    """The content as it is written after DATA: dots at a line's start doubled, and the final one."""
    if content.startswith(b"."):
        content = b"." + content
    if b"\r\n." in content:
        content = content.replace(b"\r\n.", b"\r\n..")
    return content + (b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n")


def _refusal(answer: SMTPResponse) -> Outcome:
    return Outcome("deferred" if answer.code // 100 == 4 else "failed", _words(answer))


def _words(answer: SMTPResponse) -> str:
    return _printable(f"{answer.code} {answer.message}")


def _reason(error: Exception) -> str:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code} {error.message}"
    return str(error) or ("no answer in time" if isinstance(error, TimeoutError) else repr(error))


def _printable(text: str) -> str:
    text = text[:LONGEST_REPLY]
    return text if text.isprintable() else "".join(sign if sign.isprintable() else " " for sign in text)


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
