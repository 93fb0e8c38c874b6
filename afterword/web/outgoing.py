"""Large answers go out in pieces, so that a client that reads slowly, or not at all, holds one piece of memory and
not the whole answer."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from starlette.types import Message, Send

LARGEST_PIECE = 64 * 2**10
"""Bytes of an answer that the server is given at once; it holds a few pieces for each connection."""

MOST_OUTGOING = 512
"""Answers above LARGEST_PIECE under way at once, per process. One more is answered 503."""

TIME_TO_TAKE = 30.0
"""Seconds that a client may take for a piece, and for its first LEAST_READING * TIME_TO_TAKE bytes."""

LEAST_READING = 8 * 2**10
"""Bytes per second that a client must take on average, from TIME_TO_TAKE on."""

NOSNIFF = (b"x-content-type-options", b"nosniff")
"""On every answer: no browser takes one for what its type does not say."""

_BUSY = b"too many large answers are being sent: try again later\n"
_BUSY_HEADERS = [
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"cache-control", b"no-store"),
    NOSNIFF,
    (b"retry-after", b"5"),
]


class ClientGone(OSError):
    """The client takes its answer too slowly, or is one of too many. What it gets is over."""


class Outgoing:
    """An answer on its way: takes the messages of ASGI, and waits for the client between pieces."""

    under_way = 0
    """Large answers of this process."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._is_large = False
        self._taken = 0
        self._waited = 0.0

    async def __call__(self, message: Message) -> None:
        """Raises ClientGone."""
        if message["type"] == "http.response.start":
            await self._begin(message)
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        last = max(0, len(body) - 1) // LARGEST_PIECE * LARGEST_PIECE
        for at in range(0, last, LARGEST_PIECE):
            await self._give(body[at : at + LARGEST_PIECE], more=True)
        await self._give(body[last:], more=more)

    def end(self) -> None:
        """Whatever came of it."""
        Outgoing.under_way -= self._is_large
        self._is_large = False

    async def _begin(self, message: Message) -> None:
        length = dict(message["headers"]).get(b"content-length")
        if length is None or int(length) > LARGEST_PIECE:
            if Outgoing.under_way >= MOST_OUTGOING:
                await self._send({"type": message["type"], "status": 503, "headers": _BUSY_HEADERS})
                await self._send({"type": "http.response.body", "body": _BUSY})
                raise ClientGone("too many large answers are being sent")
            Outgoing.under_way += 1
            self._is_large = True
        await self._send(message)

    async def _give(self, piece: bytes, *, more: bool) -> None:
        """Only the time that the client takes counts: what makes the answer may take its own."""
        begun = monotonic()
        try:
            async with asyncio.timeout(TIME_TO_TAKE):
                await self._send({"type": "http.response.body", "body": piece, "more_body": more})
        except TimeoutError as error:
            raise ClientGone("the client takes nothing of its answer") from error
        self._waited += monotonic() - begun
        self._taken += len(piece)
        if self._taken < LEAST_READING * (self._waited - TIME_TO_TAKE):
            raise ClientGone("the client takes its answer too slowly")


@contextmanager
def outgoing(send: Send) -> Iterator[Outgoing]:
    """`send` for one answer. A client that is gone ends it quietly."""
    answer = Outgoing(send)
    try:
        yield answer
    except ClientGone:
        pass
    finally:
        answer.end()


async def give_large(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """An answer whose body is above LARGEST_PIECE; `headers` are without its length."""
    length = (b"content-length", b"%d" % len(body))
    with outgoing(send) as answer:
        await answer({"type": "http.response.start", "status": status, "headers": [*headers, length]})
        await answer({"type": "http.response.body", "body": body})
