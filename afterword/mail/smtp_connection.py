"""One SMTP connection, logged in, and the transactions on it: one message each (RFC 5321).

Replies are read by their first digit (RFC 5321 4.2.1). Only an answer to RCPT, DATA or the final dot is
about the message, unless its code is about the server; everything else that goes wrong is the transport's trouble.
"""

import asyncio
from contextlib import suppress
from typing import cast

import aiosmtplib
from aiosmtplib import SMTPResponse

from afterword.domain.messages import Outcome
from afterword.mail.transport import ComposedMessage, Mark, TransportTrouble

FAREWELL = 2.0
"""Seconds that a server may take to answer QUIT or RSET before the connection is cut."""

LONGEST_REPLY = 500
"""Characters of a server's answer that are stored."""

BROKEN = (aiosmtplib.SMTPException, OSError, ValueError)
"""What a broken, silent or babbling line raises; a timeout and a failed TLS handshake are OSErrors."""


_ABOUT_THE_SERVER = frozenset((421, 432, 454, 530, 534, 535, 538))
"""Codes that are about the server or the login, whichever command they answer: it is closing (RFC 5321 3.8), or wants
a login or TLS (RFC 4954 6, RFC 3207 4)."""


class NotListening(TransportTrouble):
    """The server did not take MAIL FROM. On a connection that was idle, that says nothing yet."""


class Connection:
    """One connection, logged in, and the messages that went over it.

    The library's own timeouts are off: they cost a timer and a turn of the loop for every answer.
    """

    def __init__(self, client: aiosmtplib.SMTP, timeout: float) -> None:
        self._client = client
        self._timeout = timeout
        self._under_way = False  # whether the server holds a transaction open, which RSET must end
        self.messages = 0
        self.used_at = 0.0

    @property
    def is_open(self) -> bool:
        return self._client.is_connected

    async def carry(self, message: ComposedMessage, mark: Mark) -> Outcome:
        self.messages += 1
        outcome = await self._transact(message, mark)
        if self._under_way:
            await self._reset()
        return outcome

    async def _transact(self, message: ComposedMessage, mark: Mark) -> Outcome:
        """Guarantee 5: once the server has said 354, a line that breaks leaves the message in doubt, wherever it is.

        The client cannot tell a lost message from a lost answer (RFC 1047). Before 354 no byte of it has left.
        """
        refusal = await self._address(message)
        if refusal is not None:
            return refusal
        if not await mark():
            return Outcome("withdrawn")
        answer = await self._ask(TransportTrouble, b"DATA")
        if answer.code // 100 != 3:
            return _refusal(answer, "DATA")
        try:
            async with asyncio.timeout(self._timeout):
                return await self._hand_over(message.content)
        except BROKEN as error:
            self.cut()
            return Outcome("in_doubt", printable(f"the connection broke: {reason_of(error)}"))

    async def _address(self, message: ComposedMessage) -> Outcome | None:
        """MAIL FROM and RCPT TO. An outcome when this message cannot go, None when it can.

        Guarantee 7: an address beyond ASCII fails with a sentence where the server lacks SMTPUTF8 (RFC 6531).
        """
        options = []
        if message.needs_smtputf8:
            if not self._client.supports_extension("smtputf8"):
                return Outcome("failed", "the mail server does not speak SMTPUTF8, which this address needs")
            options.append(b"SMTPUTF8")
        if not message.content.isascii() and self._client.supports_extension("8bitmime"):
            options.append(b"BODY=8BITMIME")
        answer = await self._ask(NotListening, b"MAIL FROM:<%b>" % message.sender.encode(), *options)
        if answer.code // 100 != 2:
            raise NotListening(f"the mail server refused the sender: {_words(answer)}")
        self._under_way = True
        answer = await self._ask(TransportTrouble, b"RCPT TO:<%b>" % message.recipient.encode())
        if answer.code // 100 == 2:
            return None
        return _refusal(answer, "RCPT")

    async def _ask(self, trouble: type[TransportTrouble], *command: bytes) -> SMTPResponse:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._client.execute_command(*command)
        except BROKEN as error:
            reason = printable(reason_of(error))
            raise trouble(f"the connection to the mail server broke: {reason}") from error

    async def _hand_over(self, content: bytes) -> Outcome:
        """The content and the final dot (RFC 5321 4.1.1.4, 4.5.2)."""
        protocol = self._client.protocol
        if protocol is None:
            raise TransportTrouble("the connection to the mail server broke before the message")
        # Straight to the protocol: the library would go over every line end once more. No other task
        # uses this connection and the loop has no turn between the two calls, so the answer is ours.
        protocol.write(_with_dots(content))
        answer = await protocol.read_response()
        self._under_way = False
        if answer.code // 100 in (4, 5):
            return _refusal(answer, "the message")
        if answer.code // 100 == 2:
            return Outcome("sent", _words(answer))
        self.cut()
        return Outcome("in_doubt", f"the mail server gave no answer to the message: {_words(answer)}")

    async def _reset(self) -> None:
        """Make ready for the next message. This one's fate is known: a line that cannot is cut, no more."""
        self._under_way = False
        if not self.is_open:
            return
        with suppress(*BROKEN):
            async with asyncio.timeout(FAREWELL):
                answer = await self._client.execute_command(b"RSET")
            if answer.code // 100 == 2:
                return
        self.cut()

    async def quit(self) -> None:
        with suppress(*BROKEN):
            async with asyncio.timeout(FAREWELL):
                await self._client.quit()
        self.cut()

    def leave(self) -> None:
        """Say QUIT and close without waiting for the answer."""
        protocol = self._client.protocol
        if protocol is not None:
            with suppress(*BROKEN):
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


def _refusal(answer: SMTPResponse, what: str) -> Outcome:
    """What an answer to RCPT, DATA or the message says of the message. Raises TransportTrouble when it says nothing
    of it: then the server has not taken it."""
    if answer.code in _ABOUT_THE_SERVER:
        raise TransportTrouble(f"the mail server takes no messages now: {_words(answer)}")
    if answer.code // 100 not in (4, 5):
        raise TransportTrouble(f"the mail server gave no answer to {what}: {_words(answer)}")
    return Outcome("deferred" if answer.code // 100 == 4 else "failed", _words(answer))


def _words(answer: SMTPResponse) -> str:
    return printable(f"{answer.code} {answer.message}")


def reason_of(error: Exception) -> str:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code} {error.message}"
    return str(error).rstrip(".") or ("no answer in time" if isinstance(error, TimeoutError) else repr(error))


def printable(text: str) -> str:
    text = text[:LONGEST_REPLY]
    return text if text.isprintable() else "".join(one if one.isprintable() else " " for one in text)
