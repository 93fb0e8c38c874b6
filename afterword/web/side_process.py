"""A process beside the server for work that takes long, which neither the event loop nor another thread then waits
for."""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import ParamSpec, TypeVar

from afterword.base.errors import StoreUnavailable

P = ParamSpec("P")
T = TypeVar("T")

NICENESS = 15
"""Besides SCHED_IDLE, which not every system has. Anyone can have large bodies read: at the 99th percentile single
orders of others waited 13 ms beside bodies of zeros with this alone, and 11 where a processor with such a process
counts as free."""


class SideProcess:
    """One process, which starts with the first call, does one call at a time, and may keep something for the next.

    Spawned and not forked, so that it inherits neither connections nor locks.
    """

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._starting = asyncio.Lock()

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls a function of a module there, in a new process if the last one was lost.

        Raises what it raises, and StoreUnavailable if the process is lost during the call.
        """
        async with self._starting:
            pool = self._pool or await self._start()
            try:
                called = pool.submit(function, *args, **kwargs)
            except BrokenProcessPool:  # lost since the last call
                called = (await self._start()).submit(function, *args, **kwargs)
        return await result_of(called)

    def call_again(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The same in the process of the last call; for `result_of`. Raises StoreUnavailable if that was lost."""
        assert self._pool is not None
        with _loss_is_unavailable():
            return self._pool.submit(function, *args, **kwargs)

    async def _start(self) -> ProcessPoolExecutor:
        self._pool = ProcessPoolExecutor(1, _Context(), _prepare)
        # The first call starts the process, which takes milliseconds.
        await asyncio.to_thread(self._pool.submit, _nothing)
        return self._pool

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)


async def result_of(future: Future[T]) -> T:
    """What such a call returns. Raises what it raises, and StoreUnavailable if the process was lost."""
    with _loss_is_unavailable():
        return await asyncio.wrap_future(future)


@contextmanager
def _loss_is_unavailable() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool as error:
        raise StoreUnavailable("a process beside the server was lost") from error


class _LastInLine(SpawnProcess):
    """Runs when nothing else does, from the start: to load the program takes most of a second of a processor."""

    def start(self) -> None:
        super().start()
        assert self.pid is not None
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, self.pid, NICENESS)
            if hasattr(os, "SCHED_IDLE"):
                os.sched_setscheduler(self.pid, os.SCHED_IDLE, os.sched_param(0))


class _Context(SpawnContext):
    Process = _LastInLine


def _nothing() -> None:
    """What a process is started with."""


def _prepare() -> None:
    """Leaves signals to the parent, and ends when the parent does, however it ended: a pool's process would wait for
    its next call for ever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(0)
