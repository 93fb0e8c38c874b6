"""Reads large bodies in processes of their own, so that a batch of any size never holds up the event loop.

A reader takes a body, returns its key, and then, if the key was good, its orders, slice by slice: at most two loads
ahead of the store.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path

import msgspec

from afterword.base.errors import StoreUnavailable
from afterword.domain.orders.batch import parse_slices
from afterword.domain.orders.order import Rules
from afterword.web.forms import media_type
from afterword.web.orders_api.answer import Read, complaints_of
from afterword.web.orders_api.payload import Payload, read_payload
from afterword.web.side_process import SideProcess, result_of

SLICE = 250
"""Orders that are stored in one go: a few milliseconds of the writer, for which all other requests wait."""

DETAILED = 64
"""The same of a request that asks for details, which take the writer three times as long to make."""

LOAD = 8
"""Slices that a reader hands over at once: each way between two processes costs as much as reading sixty orders."""

READERS = 2
MOST_WAITING = 256
"""Large bodies that may wait for a reader."""


class Reader:
    """A process that holds one body: it is read where it lies."""

    def __init__(self) -> None:
        self._process = SideProcess()

    async def read(self, content_type: bytes, body: bytes | Path) -> Payload:
        """What is in a body, in memory or in a file, besides its orders, which stay in the process.

        Raises MalformedBody, UnknownMediaType, StoreUnavailable.
        """
        return await self._process.call(_read, content_type, body)

    async def slices(self, rules: Rules) -> AsyncIterator[bytes]:
        """The orders of that body, each slice a `Read` as MessagePack. Raises BatchError, StoreUnavailable."""
        load = await result_of(self._process.call_again(_first_load, rules))
        while load:
            following = self._process.call_again(_next_load) if len(load) == LOAD else None
            for one in load:
                yield one
            load = await result_of(following) if following else []

    def close(self) -> None:
        self._process.close()


class Readers:
    """A few readers, each for one body at a time."""

    def __init__(self) -> None:
        self._all = [Reader() for _ in range(READERS)]
        self._idle: asyncio.LifoQueue[Reader] = asyncio.LifoQueue()
        for reader in self._all:
            self._idle.put_nowait(reader)
        self._waiting = 0

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Reader]:
        """A reader that is free. Raises StoreUnavailable when too many wait for one."""
        if self._waiting >= MOST_WAITING:
            raise StoreUnavailable("too many large bodies are waiting to be read")
        self._waiting += 1
        try:
            reader = await self._idle.get()
        finally:
            self._waiting -= 1
        try:
            yield reader
        finally:
            self._idle.put_nowait(reader)

    def close(self) -> None:
        for reader in self._all:
            reader.close()


# What follows runs in the reading process.


class _Held:
    """The body that the process holds: its payload, then what is left of its orders."""

    payload: Payload
    slices: Iterator[Read]


_encode = msgspec.msgpack.Encoder().encode


def _read(content_type: bytes, body: bytes | Path) -> Payload:
    whole = body if isinstance(body, bytes) else body.read_bytes()
    _Held.payload = read_payload(media_type(content_type), content_type, whole)
    return Payload(_Held.payload.api_key, b"", _Held.payload.details)


def _first_load(rules: Rules) -> list[bytes]:
    payload, _Held.payload = _Held.payload, Payload()
    batches = parse_slices(payload.orders, rules, DETAILED if payload.details else SLICE)
    _Held.slices = (Read(batch, complaints_of(batch, details=payload.details)) for batch in batches)
    return _next_load()


def _next_load() -> list[bytes]:
    """Fewer than LOAD at the end."""
    return [_encode(read) for read in islice(_Held.slices, LOAD)]
