"""A committer in a thread, for processes that have one event loop and write occasionally."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import Any, NamedTuple, TypeVar

from afterword.base.errors import StoreUnavailable
from afterword.base.metrics import Metrics
from afterword.store.engine.committer import Call, Committer, each, returned
from afterword.store.engine.transaction import Transaction

T = TypeVar("T")

MOST_IN_A_GROUP = 128
MOST_WAITING = 4_096
"""Maximum pending writes. More means that the machine cannot keep up."""


class PendingWrite(NamedTuple):
    """A call, and the future of its result."""

    call: Call
    done: asyncio.Future[Any]


class WriterThread:
    """Commits the writes of a process. The thread starts with the first write from an event loop."""

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
        """How many writes are not durable yet."""
        return self._waiting.qsize() + self._committing

    def put(self, call: Call) -> asyncio.Future[Any]:
        """The call's result for its item, once it is durable. Raises what the call raises, and StoreUnavailable."""
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
        """Commits group after group. Writes that arrive during a commit form the next group."""
        while group := self._next_group():
            results = self._commit([waiting.call for waiting in group])
            try:
                group[0].done.get_loop().call_soon_threadsafe(settle, group, results)
            except RuntimeError:
                continue  # the loop is closed, so no caller waits for the results

    def _next_group(self) -> list[PendingWrite]:
        """The pending writes, or the next one to arrive; empty after `close`."""
        first = self._next()
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

    def _next(self) -> PendingWrite | None:
        while (due := self.committer.notes_due) is not None:
            if due > 0:
                with suppress(Empty):
                    return self._waiting.get(timeout=due)
            with self._turn:
                self.committer.add_notes()
        return self._waiting.get()

    def put_now(self, work: Callable[[Transaction], T]) -> T:
        """Runs one write in its own transaction, for processes without an event loop, which may end after it."""
        results: list[T | Exception] = self._commit([(each, work, None)])
        with self._turn:
            self.committer.add_notes()
        return returned(results[0])

    def _commit(self, calls: list[Call]) -> list[Any]:
        with self._turn:
            self._committing = len(calls)
            begun = perf_counter()
            results = self.committer.commit(calls)
            self._metrics.count_commit(len(calls), perf_counter() - begun)
            self._committing = 0
        return results

    async def until_lost(self) -> None:
        """Returns when writing is permanently impossible: never, since a thread lives as long as its process."""
        await asyncio.Event().wait()

    def close(self) -> None:
        """Returns when all pending writes are durable."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join()
        self.committer.close()


def settle(group: list[PendingWrite], results: list[Any]) -> None:
    """Passes the results to the futures. Must run on their loop."""
    for waiting, result in zip(group, results, strict=True):
        if waiting.done.done():
            continue
        if isinstance(result, Exception):
            waiting.done.set_exception(result)
        else:
            waiting.done.set_result(result)
