"""`serve --workers N`: several processes on one port, and one that supervises them."""

import os
import signal
import time
from collections.abc import Callable

from afterword.base.errors import StoreUnavailable
from afterword.base.log import log_for

SOON = 5.0
"""Seconds; a process that fails earlier cannot start: a wrong setting is reported, and not tried for ever."""

_HEARD = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}

log = log_for("workers")


def watch_over(workers: int, work: Callable[[int, int], None]) -> None:
    """Runs `work(number, lifeline)` in so many processes, and restarts one that is lost, until SIGTERM or SIGINT.

    The processes are forked from this one, which therefore has opened nothing yet. `lifeline` is a descriptor that
    reaches its end when this process does, even by SIGKILL. Raises StoreUnavailable when one cannot start.
    """
    lifeline, held = os.pipe()
    begun: dict[int, tuple[int, float]] = {}

    def start(number: int) -> bool:
        """True in the new process, once it has ended."""
        pid = os.fork()
        if pid:
            begun[pid] = number, time.monotonic()
            return False
        os.close(held)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
        work(number, lifeline)
        return True

    signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
    for number in range(workers):
        if start(number):
            return
    stopping = failed = False
    while begun:
        if signal.sigwait(_HEARD) != signal.SIGCHLD:
            stopping = True
            _end(begun)
        for number, seconds, status in _ended(begun):
            if stopping or failed:
                continue
            if seconds < SOON:
                failed = True
                _end(begun)
            else:
                log.error("serving process lost", process=number, status=status)
                if start(number):
                    return
    if failed:
        raise StoreUnavailable("one of the serving processes could not start")


def _end(begun: dict[int, tuple[int, float]]) -> None:
    for pid in begun:
        os.kill(pid, signal.SIGTERM)


def _ended(begun: dict[int, tuple[int, float]]) -> list[tuple[int, float, int]]:
    """The numbers of those that have ended, how long they ran, and how they ended."""
    ended = []
    for pid in list(begun):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            number, since = begun.pop(pid)
            ended.append((number, time.monotonic() - since, os.waitstatus_to_exitcode(status)))
    return ended
