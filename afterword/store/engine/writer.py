"""A committer in a thread of its own, for a process that has one event loop and writes now and then."""

import asyncio
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import Any, NamedTuple, Protocol, TypeVar

from afterword.base.errors import StoreUnavailable
from afterword.base.metrics import Metrics
from afterword.store.engine.committer import Call, Committer, each
from afterword.store.engine.database import Transaction

T = TypeVar("T")

MOST_IN_A_GROUP = 128
MOST_WAITING = 4_096
"""Writes that may wait for their turn; more than that and the machine cannot keep up."""


class Writer(Protocol):
    """Where the writes of a process go."""

    def put(self, call: Call) -> asyncio.Future[Any]:
        """What the call answers for its item, once it is durable. Raises what the call raises, and
        StoreUnavailable."""
        ...

    def put_now(self, work: Callable[[Transaction], T]) -> T:
        """One write by itself, for a process without an event loop."""
        ...

    @property
    def is_held(self) -> bool: ...

    @property
    def waiting(self) -> int:
        """How many writes are not on the disk yet."""
        ...

    @property
    def migrated(self) -> list[int]: ...

    async def until_lost(self) -> None:
        """Returns when nothing can be written any more, whatever is done."""
        ...

    def close(self) -> None:
        """Returns when everything that waits is written."""
        ...


class PendingWrite(NamedTuple):
    """A call, and who waits for its result."""

    call: Call
    done: asyncio.Future[Any]


class WriterThread:
    """See `Writer`. The thread starts with the first write from an event loop."""

    def __init__(self, committer: Committer, metrics: Metrics) -> None:
        self.committer = committer
        self.migrated = committer.migrated
        self._metrics = metrics
        self._committing = 0
        self._waiting: SimpleQueue[PendingWrite | None] = SimpleQueue()
        self._turn = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def is_held(self) -> bool:
        return self.committer.is_held

    @property
    def waiting(self) -> int:
        return self._waiting.qsize() + self._committing

    def put(self, call: Call) -> asyncio.Future[Any]:
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._waiting.qsize() >= MOST_WAITING:
            done.set_exception(StoreUnavailable("too many writes are waiting"))
            return done
        if self._thread is None:
            self._thread = threading.Thread(target=self._write_all, name="writer", daemon=True)
            self._thread.start()
        self._waiting.put(PendingWrite(call, done))
        return done

    def _write_all(self) -> None:
        """What came while one group was on its way to the disk is the next group."""
        while group := self._next_group():
            results = self._commit([waiting.call for waiting in group])
            try:
                group[0].done.get_loop().call_soon_threadsafe(settle, group, results)
            except RuntimeError:
                continue  # the loop is closed: no one waits any more

    def _next_group(self) -> list[PendingWrite]:
        """What waits now, or else the next that comes; nothing when the end has come."""
        first = self._waiting.get()
        group = [] if first is None else [first]
        while group and len(group) < MOST_IN_A_GROUP:
            try:
                waiting = self._waiting.get_nowait()
            except Empty:
                break
            if waiting is None:
                self._waiting.put(None)
                break
            group.append(waiting)
        return group

    def put_now(self, work: Callable[[Transaction], T]) -> T:
        [result] = self._commit([(each, work)])
        if isinstance(result, Exception):
            raise result
        return result  # type: ignore[no-any-return]

    def _commit(self, calls: list[Call]) -> list[Any]:
        with self._turn:
            self._committing = len(calls)
            begun = perf_counter()
            results = self.committer.commit(calls)
            self._metrics.count_commit(len(calls), perf_counter() - begun)
            self._committing = 0
        return results

    async def until_lost(self) -> None:
        await asyncio.Event().wait()  # a thread is not lost before its process

    def close(self) -> None:
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join()
        self.committer.close()


def settle(group: list[PendingWrite], results: list[Any]) -> None:
    """Answers those who wait, on their own loop."""
    for waiting, result in zip(group, results, strict=True):
        if waiting.done.done():
            continue
        if isinstance(result, Exception):
            waiting.done.set_exception(result)
        else:
            waiting.done.set_result(result)
