"""Reads large bodies in processes of their own, so that a batch of any size never holds up the event loop.

A reader is given a body, says what is in it besides the orders, and then, if the key was good, hands over the
batch slice by slice; the pipe between the two keeps it from running ahead of the store.
"""

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from afterword.base.errors import StoreUnavailable
from afterword.domain.orders.batch import BatchError, parse_slices
from afterword.web.forms import MalformedBody, UnknownMediaType, media_type
from afterword.web.orders_api.payload import Payload, read_payload

SLICE = 250
"""Orders that are stored in one go: a few milliseconds of the writer, for which everybody else waits."""

READERS = 2
MOST_WAITING = 256
"""Large bodies that may wait for a reader."""

_ERRORS: dict[str, type[Exception]] = {
    error.__name__: error for error in (MalformedBody, UnknownMediaType, BatchError)
}


class Asked(msgspec.Struct, tag=True):
    """A body, in memory or in a file."""

    content_type: bytes
    body: bytes
    path: str | None


class Wanted(msgspec.Struct, tag=True):
    """The rest of the body that was asked for: its orders, in this time zone."""

    zone: str


class Said(msgspec.Struct, tag=True):
    """What is in the body besides its orders."""

    api_key: str
    details: bool


class Slice(msgspec.Struct, tag=True):
    """Some orders of the body: a `Batch` as MessagePack, for whoever stores it."""

    batch: bytes


class Failed(msgspec.Struct, tag=True):
    error: str
    message: str


class End(msgspec.Struct, tag=True):
    """No more slices."""


_question = msgspec.msgpack.Decoder(Asked | Wanted)
_reply = msgspec.msgpack.Decoder(Said | Slice | Failed | End)
_encode = msgspec.msgpack.Encoder().encode


def read_for_parent(pipe: Connection) -> None:
    """The reading process: answers questions until its parent is gone, however it went."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    payload = Payload()
    while True:
        try:
            question = _question.decode(pipe.recv_bytes())
            if isinstance(question, Asked):
                payload = _read(question)
                pipe.send_bytes(_encode(Said(payload.api_key, payload.details)))
            else:
                orders, payload = payload.orders, Payload()
                for batch in parse_slices(orders, ZoneInfo(question.zone), SLICE):
                    pipe.send_bytes(_encode(Slice(_encode(batch))))
                pipe.send_bytes(_encode(End()))
        except (EOFError, OSError):
            return
        except tuple(_ERRORS.values()) as error:
            pipe.send_bytes(_encode(Failed(type(error).__name__, str(error))))


def _read(question: Asked) -> Payload:
    body = question.body if question.path is None else Path(question.path).read_bytes()
    return read_payload(media_type(question.content_type), question.content_type, body)


class Reader:
    """The parent's end of one reading process, which starts with the first question."""

    def __init__(self) -> None:
        self._talk = ThreadPoolExecutor(1, thread_name_prefix="reader")
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._unfinished = False

    async def ask(self, content_type: bytes, body: bytes | Path) -> Said:
        """Raises MalformedBody, UnknownMediaType, StoreUnavailable."""
        in_memory, path = (body, None) if isinstance(body, bytes) else (b"", str(body))
        reply = await self._exchange(Asked(content_type, in_memory, path))
        assert isinstance(reply, Said)
        return reply

    async def slices(self, zone: str) -> AsyncIterator[bytes]:
        """The orders that were asked for, slice by slice. Raises BatchError, StoreUnavailable."""
        reply = await self._exchange(Wanted(zone))
        while isinstance(reply, Slice):
            yield reply.batch
            reply = await self._exchange(None)

    async def _exchange(self, question: Asked | Wanted | None) -> Said | Slice | End:
        self._unfinished = True
        try:
            loop = asyncio.get_running_loop()
            reply = await loop.run_in_executor(self._talk, self._talk_to_process, question)
        except (EOFError, OSError) as error:
            raise StoreUnavailable("the process that reads large bodies was lost") from error
        decoded: Said | Slice | Failed | End = _reply.decode(reply)
        self._unfinished = isinstance(decoded, Slice)
        if isinstance(decoded, Failed):
            raise _ERRORS[decoded.error](decoded.message)
        return decoded

    def _talk_to_process(self, question: Asked | Wanted | None) -> bytes:
        if self._pipe is None:
            self._pipe = self._start()
        if question is not None:
            self._pipe.send_bytes(_encode(question))
        return self._pipe.recv_bytes()

    def _start(self) -> Connection:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", __name__, str(theirs.fileno())]
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)  # noqa: S603
        return Connection(ours.detach())

    def settle(self) -> None:
        """Makes it fit for the next body: one that was left in the middle of its reply is ended."""
        if self._unfinished:
            self.stop()

    def stop(self) -> None:
        """Ends the process; the next question starts another."""
        if self._process is not None and self._pipe is not None:
            self._process.kill()
            self._process.wait()
            self._pipe.close()
            self._process = self._pipe = None
            self._unfinished = False


class Readers:
    """A few readers, each for one body at a time."""

    def __init__(self) -> None:
        self._all = [Reader() for _ in range(READERS)]
        self._idle = list(self._all)
        self._freed = asyncio.Condition()
        self._waiting = 0

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Reader]:
        """A reader of one's own. Raises StoreUnavailable when too many wait for one."""
        if self._waiting >= MOST_WAITING:
            raise StoreUnavailable("too many large bodies are waiting to be read")
        self._waiting += 1
        try:
            async with self._freed:
                await self._freed.wait_for(lambda: bool(self._idle))
                reader = self._idle.pop()
        finally:
            self._waiting -= 1
        try:
            yield reader
        finally:
            reader.settle()
            self._idle.append(reader)
            async with self._freed:
                self._freed.notify()

    def close(self) -> None:
        for reader in self._all:
            reader.stop()


if __name__ == "__main__":
    read_for_parent(Connection(int(sys.argv[1])))
