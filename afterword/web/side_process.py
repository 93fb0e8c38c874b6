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
from typing import ParamSpec, TypeVar

from afterword.base.errors import StoreUnavailable

P = ParamSpec("P")
T = TypeVar("T")

NICENESS = 15
"""Beside a huge batch the single orders of others waited 13 ms with 0 and 8 with 5 (medians). Anyone can have large
bodies read: under such an attack the slowest of them waited 15 ms with 10, and 9 with 15."""


class SideProcess:
    """One process, which starts with the first call, does one call at a time, and may keep something for the next.

    Spawned and not forked, so that it inherits neither connections nor locks.
    """

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Calls a function of a module there, in a new process if the last one was lost.

        Raises what it raises, and StoreUnavailable if the process is lost during the call.
        """
        return await result_of(self._submit(function, *args, **kwargs))

    def call_again(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The same in the process of the last call; for `result_of`. Raises StoreUnavailable if that was lost."""
        assert self._pool is not None
        with _loss_is_unavailable():
            return self._pool.submit(function, *args, **kwargs)

    def _submit(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        with suppress(BrokenProcessPool):  # lost since the last call
            if self._pool is not None:
                return self._pool.submit(function, *args, **kwargs)
        self._pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _prepare)
        return self._pool.submit(function, *args, **kwargs)

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
