"""Reads request bodies: small ones into memory, large ones into a file, never more than a limit, and all files
together never more than a budget."""

import asyncio
import time
from pathlib import Path
from tempfile import NamedTemporaryFile

from starlette.types import Message, Receive

from afterword.base.errors import StoreUnavailable

IN_MEMORY = 64 * 2**10
"""Maximum bytes of a body in memory while it arrives, for each connection; larger ones go to a file."""

SPOOLED = 2**30
"""Maximum bytes of all files together, per process. What does not fit any more is answered 503."""

MOST_UNPACED = 8
"""Bodies that have a chunk each to be taken, and get no pause."""

PAUSE = 0.001
"""Seconds between two chunks when there are more. With 200 bodies that arrived at once, single orders of others
waited 110 ms at the 99th percentile when all chunks were taken as they came, 16 ms one after the other, 10 with this.
"""

PATIENCE = 60.0
"""Seconds to wait for the next chunk of a body, or a quarter more, and for its first LEAST_PACE * PATIENCE bytes."""

LEAST_PACE = 8 * 2**10
"""Bytes per second that a body must have on average, from PATIENCE on."""


class BodyTooLarge(Exception):
    """HTTP 413; the message names the limit."""


class SenderGone(Exception):
    """The connection broke or stalled before the body was complete, or it came too slowly."""


class Spool:
    """The folder of large bodies. `taken` is the number of bytes in it."""

    def __init__(self, folder: Path, budget: int = SPOOLED) -> None:
        self._folder = folder
        self._budget = budget
        self._turn = asyncio.Lock()
        self._in_line = 0
        self.taken = 0

    def new(self) -> "SpooledBody":
        return SpooledBody(self, self._folder)

    def take(self, size: int) -> None:
        """Raises StoreUnavailable when the budget is spent."""
        if self.taken + size > self._budget:
            raise StoreUnavailable("too many large bodies are being received")
        self.taken += size

    async def turn(self) -> None:
        """Returns to one body in each round of the event loop: other requests never wait for a chunk of each of
        hundreds of bodies (guarantee 11)."""
        self._in_line += 1
        try:
            async with self._turn:
                await asyncio.sleep(PAUSE if self._in_line > MOST_UNPACED else 0)
        finally:
            self._in_line -= 1


class SpooledBody:
    """A body in a file: written while it arrives, then deleted by `remove`."""

    def __init__(self, spool: Spool, folder: Path) -> None:
        self._spool = spool
        self._size = 0
        self._file = NamedTemporaryFile(dir=folder, delete=False, buffering=0)  # noqa: SIM115 (it arrives in pieces)
        self.path = Path(self._file.name)

    def write(self, piece: bytes) -> None:
        """Raises StoreUnavailable, and what the file system raises."""
        self._spool.take(len(piece))
        self._size += len(piece)
        self._file.write(piece)

    def end(self) -> None:
        self._file.close()

    def remove(self) -> None:
        self.end()
        self._spool.taken -= self._size
        self._size = 0
        self.path.unlink(missing_ok=True)


class _Watch:
    """Gives up senders from whom nothing came for PATIENCE. It looks every quarter of that: a timer for each chunk
    would be a tenth of what an order costs the event loop."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._since: dict[asyncio.Task[object], float] = {}

    async def next(self, receive: Receive) -> Message:
        """The next message of a body. Raises SenderGone."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._since = loop, {}
            self._look()
        task = asyncio.current_task(loop)
        assert task is not None
        self._since[task] = loop.time()
        try:
            return await receive()
        except asyncio.CancelledError:
            if task in self._since:
                raise
            task.uncancel()
            raise SenderGone from None
        finally:
            self._since.pop(task, None)

    def _look(self) -> None:
        assert self._loop is not None
        late = self._loop.time() - PATIENCE
        for task, since in list(self._since.items()):
            if since < late:
                del self._since[task]
                task.cancel()
        self._loop.call_later(PATIENCE / 4, self._look)


_watch = _Watch()


class Arriving:
    """A body on its way: what came of it, and whether it comes too slowly."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._began = time.monotonic()
        self.size = 0
        self.is_whole = False

    async def next(self) -> bytes:
        """The next chunk. Raises BodyTooLarge, SenderGone."""
        return self.takes(await _watch.next(self._receive))

    def takes(self, message: Message) -> bytes:
        """The chunk of a message. Raises BodyTooLarge, SenderGone."""
        piece, more = _piece(message)
        self.is_whole = not more
        self.size += len(piece)
        check_size(self.size, self._limit)
        if self.size < LEAST_PACE * (time.monotonic() - self._began - PATIENCE):
            raise SenderGone
        return piece


async def read_small_body(receive: Receive, length: int | None, limit: int) -> bytes:
    """The whole body in memory. Raises BodyTooLarge, SenderGone."""
    check_size(length or 0, limit)
    arriving, pieces = Arriving(receive, limit), []
    while not arriving.is_whole:
        pieces.append(await arriving.next())
    return b"".join(pieces)


async def read_body(receive: Receive, length: int | None, limit: int, spool: Spool) -> bytes | SpooledBody:
    """The body, or the file that contains it, which the caller must remove.

    `length` is the Content-Length, if there is one: a body that arrives in one chunk is returned without waiting for
    the end of the stream. Raises BodyTooLarge, SenderGone, StoreUnavailable.
    """
    check_size(length or 0, limit)
    first = await _watch.next(receive)
    piece, _ = _piece(first)
    if len(piece) == length:
        return piece
    arriving = Arriving(receive, limit)
    pieces = [arriving.takes(first)]
    while not arriving.is_whole:
        if arriving.size > IN_MEMORY:
            return await _spool(arriving, pieces, spool)
        pieces.append(await arriving.next())
        await spool.turn()
    return b"".join(pieces)


async def pass_over(receive: Receive, most: int) -> None:
    """Reads and discards the rest of a body, at most about `most` bytes: browsers show no answer before they have
    sent everything. Raises SenderGone."""
    arriving = Arriving(receive, 2**62)
    while not arriving.is_whole and arriving.size < most:
        await arriving.next()


async def _spool(arriving: Arriving, pieces: list[bytes], spool: Spool) -> SpooledBody:
    body = spool.new()
    try:
        for piece in pieces:
            body.write(piece)
        while not arriving.is_whole:
            piece = await arriving.next()
            await spool.turn()
            body.write(piece)
        body.end()
    except BaseException:
        body.remove()
        raise
    return body


def _piece(message: Message) -> tuple[bytes, bool]:
    """A chunk of the body, and whether more will follow."""
    if message["type"] != "http.request":
        raise SenderGone
    return message.get("body", b""), message.get("more_body", False)


def check_size(size: int, limit: int) -> None:
    """Raises BodyTooLarge."""
    if size > limit:
        raise BodyTooLarge(f"the body is larger than this server's limit of {limit} bytes")
