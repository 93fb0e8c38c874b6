"""Reads large bodies in processes of their own, so that a batch of any size never holds up the event loop.

A reader takes a body, returns its key, and then, if the key was good, its orders, slice by slice: at most two loads
ahead of the store.
"""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import islice
from pathlib import Path

import msgspec

from afterword.base.errors import StoreUnavailable
from afterword.domain.orders.batch import Batch, parse_slices
from afterword.domain.orders.order import Rules
from afterword.web.forms import media_type
from afterword.web.orders_api.payload import Payload, read_payload

SLICE = 250
"""Orders that are stored in one go: a few milliseconds of the writer, for which all other requests wait."""

LOAD = 8
"""Slices that a reader hands over at once: each way between two processes costs as much as reading sixty orders."""

READERS = 2
NICENESS = 15
"""Of the readers: beside a huge batch the single orders of others waited 13 ms with 0 and 8 with 5 (medians). Anyone
can have large bodies read: under such an attack the slowest of them waited 15 ms with 10, and 9 with 15."""

MOST_WAITING = 256
"""Large bodies that may wait for a reader."""


class Reader:
    """One reading process, which holds one body. It starts with the first one.

    A pool of one, since a body is read where it lies. Spawned and not forked, so that it inherits neither connections
    nor locks.
    """

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    async def read(self, content_type: bytes, body: bytes | Path) -> Payload:
        """What is in a body, in memory or in a file, besides its orders, which stay in the process.

        Raises MalformedBody, UnknownMediaType, StoreUnavailable.
        """
        with _loss_is_unavailable():
            return await asyncio.wrap_future(self._begin(content_type, body))

    async def slices(self, rules: Rules) -> AsyncIterator[bytes]:
        """The orders of that body, each slice a `Batch` as MessagePack. Raises BatchError, StoreUnavailable."""
        assert self._pool is not None
        with _loss_is_unavailable():
            load = await asyncio.wrap_future(self._pool.submit(_first_load, rules))
            while load:
                following = self._pool.submit(_next_load) if len(load) == LOAD else None
                for batch in load:
                    yield batch
                load = await asyncio.wrap_future(following) if following else []

    def _begin(self, content_type: bytes, body: bytes | Path) -> Future[Payload]:
        with suppress(BrokenProcessPool):  # lost since the last body
            if self._pool is not None:
                return self._pool.submit(_read, content_type, body)
        self._pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _prepare)
        return self._pool.submit(_read, content_type, body)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)


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


@contextmanager
def _loss_is_unavailable() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool as error:
        raise StoreUnavailable("the process that reads large bodies was lost") from error


# What follows runs in the reading process.


class _Held:
    """The body that the process holds: its payload, then what is left of its orders."""

    payload: Payload
    slices: Iterator[Batch]


_encode = msgspec.msgpack.Encoder().encode


def _prepare() -> None:
    """Leaves signals to the parent, and ends when the parent does, however it ended: a pool's process would wait for
    its next call for ever."""
    os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(0)


def _read(content_type: bytes, body: bytes | Path) -> Payload:
    whole = body if isinstance(body, bytes) else body.read_bytes()
    _Held.payload = read_payload(media_type(content_type), content_type, whole)
    return Payload(_Held.payload.api_key, b"", _Held.payload.details)


def _first_load(rules: Rules) -> list[bytes]:
    orders, _Held.payload = _Held.payload.orders, Payload()
    _Held.slices = parse_slices(orders, rules, SLICE)
    return _next_load()


def _next_load() -> list[bytes]:
    """Fewer than LOAD at the end."""
    return [_encode(batch) for batch in islice(_Held.slices, LOAD)]
