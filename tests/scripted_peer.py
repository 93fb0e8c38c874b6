"""An SMTP server that answers, stalls or dies at any step or byte, according to a script."""

import asyncio
import enum
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from tests.peers import Counted, Peer, Received


class Line(enum.Enum):
    """What a scripted peer can do instead of answering."""

    CUT = "close the connection"
    STALL = "say nothing more"


Answer = str | Line | Callable[[], "str | Line"]
"""A reply without CRLF, another action, or a function (called in the peer's thread) that returns either."""


class Cut(NamedTuple):
    """Where a connection breaks: after this many bytes sent, or received, by the peer."""

    sent: int | None = None
    received: int | None = None


class ScriptedPeer(Peer):
    """A mail server that answers by `script`, and well where the script says nothing.

    The script's steps are `greeting`, each command's verb (EHLO, AUTH, MAIL, RCPT, DATA, RSET, QUIT) and `letter`,
    the answer to the final dot. A step has one answer, or a list of answers that is used up; the script may be
    changed while the peer runs. `cuts` is used up too, one for each new connection; None does not cut that
    connection. After a 421 the peer waits for the client to disconnect. `dialogue` contains the commands received.
    """

    def __init__(
        self,
        script: dict[str, Answer | list[Answer]] | None = None,
        *,
        extensions: tuple[str, ...] = ("8BITMIME", "SMTPUTF8"),
        cuts: list[Cut | None] | None = None,
    ) -> None:
        super().__init__("none")
        self.script = script or {}
        self.extensions = extensions
        self.cuts = cuts or []
        self.dialogue: list[str] = []

    def _protocol(self) -> asyncio.Protocol:
        return _CountedStream(self)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        cut = self.cuts.pop(0) if self.cuts else None
        wire = _Wire(reader, writer, cut or Cut())
        with suppress(_GoneError, ConnectionError):
            await self._answer(wire, "greeting", "220 relay.example ready")
            await self._converse(wire)
        writer.close()

    async def _converse(self, wire: "_Wire") -> None:
        envelope: list[str] = []
        while True:
            line = (await wire.until(b"\r\n")).decode("utf-8", "replace")
            self.dialogue.append(line)
            verb = line.split(" ")[0].upper()
            reply = await self._answer(wire, verb, self._usual(verb, envelope))
            if verb == "QUIT":
                return
            if verb in ("MAIL", "RCPT") and reply.startswith("2"):
                envelope.append(line)
            if reply.startswith("354"):
                await self._take_message(wire, envelope)
            if verb in ("RSET", "EHLO") or reply.startswith("354"):
                envelope.clear()

    def _usual(self, verb: str, envelope: list[str]) -> str:
        if verb == "EHLO":
            return "\r\n".join(
                ["250-relay.example", *(f"250-{each}" for each in self.extensions), "250 HELP"]
            )
        if verb == "MAIL" and envelope:
            return "503 5.5.1 nested MAIL command"
        return {"AUTH": "235 2.7.0 welcome", "DATA": "354 go ahead", "QUIT": "221 bye"}.get(verb, "250 ok")

    async def _take_message(self, wire: "_Wire", envelope: list[str]) -> None:
        content = await wire.message()
        answer = self._scripted("letter", f"250 2.0.0 queued as {len(self.messages) + 1}")
        if isinstance(answer, str) and answer.startswith("2"):
            sender, *options = envelope[0].removeprefix("MAIL FROM:").split(" ")
            recipients = [each.removeprefix("RCPT TO:").strip("<>") for each in envelope[1:]]
            self.accept(Received(sender.strip("<>"), recipients, options, content))
        await _do(wire, answer)

    async def _answer(self, wire: "_Wire", step: str, usual: str) -> str:
        return await _do(wire, self._scripted(step, usual))

    def _scripted(self, step: str, usual: str) -> str | Line:
        answer: Answer | list[Answer] = self.script.get(step, usual)
        if isinstance(answer, list):
            answer = answer.pop(0) if answer else usual
        return answer if isinstance(answer, (str, Line)) else answer()


async def _do(wire: "_Wire", answer: str | Line) -> str:
    if answer is Line.STALL:
        await wire.wait_for_the_end()
    if not isinstance(answer, str):
        raise _GoneError
    await wire.send(answer.encode() + b"\r\n")
    return answer


class _CountedStream(Counted, asyncio.StreamReaderProtocol):
    def __init__(self, peer: ScriptedPeer) -> None:
        self._peer = peer
        super().__init__(asyncio.StreamReader(loop=peer.loop), peer.serve, loop=peer.loop)


class _GoneError(Exception):
    """The connection has ended, by the script or by the client."""


class _Wire:
    """Both directions of a connection, which can be cut after any byte of either."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: Cut) -> None:
        self._reader, self._writer = reader, writer
        self._to_send, self._to_receive = cut.sent, cut.received
        self._heard = b""

    async def send(self, data: bytes) -> None:
        if self._to_send is not None:
            data, self._to_send = data[: self._to_send], max(self._to_send - len(data), 0)
        self._writer.write(data)
        await self._writer.drain()
        if self._to_send == 0:
            raise _GoneError

    async def until(self, end: bytes) -> bytes:
        while end not in self._heard:
            chunk = await self._reader.read(65_536 if self._to_receive is None else self._to_receive)
            if not chunk:
                raise _GoneError
            self._heard += chunk
            if self._to_receive is not None:
                self._to_receive -= len(chunk)
                if self._to_receive == 0:
                    raise _GoneError
        said, self._heard = self._heard.split(end, 1)
        return said

    async def wait_for_the_end(self) -> None:
        while await self._reader.read(65_536):
            pass

    async def message(self) -> bytes:
        """The content before the final dot, without dot-stuffing (RFC 5321 4.5.2)."""
        self._heard = b"\r\n" + self._heard
        content = await self.until(b"\r\n.\r\n") + b"\r\n"
        return content.replace(b"\r\n..", b"\r\n.")[2:]
