"""`serve --workers N`: several processes on one port, and a supervisor."""

import os
import signal
import time
from collections.abc import Callable

from afterword.base.errors import StoreUnavailable
from afterword.base.log import log_for

SOON = 5.0
"""Seconds. A process that fails within them is not restarted, since the cause is probably a wrong setting."""

_HEARD = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}

log = log_for("workers")


def watch_over(workers: int, work: Callable[[int, int], None]) -> None:
    """Runs `work(number, lifeline)` in this many processes, and restarts those that are lost, until SIGTERM or
    SIGINT.

    The processes are forked from this one, which must not have opened any connection. `lifeline` is a file descriptor
    that reaches its end when this process ends, even by SIGKILL. Raises StoreUnavailable if a process cannot start.
    """
    lifeline, held = os.pipe()
    begun: dict[int, tuple[int, float]] = {}

    def start(number: int) -> bool:
        """Forks a process. Returns True in the new process, after its work has ended."""
        pid = os.fork()
        if pid:
            begun[pid] = number, time.monotonic()
            return False
        os.close(held)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
        work(number, lifeline)
        return True

    signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
    if not any(start(number) for number in range(workers)):
        _supervise(begun, start)


def _supervise(begun: dict[int, tuple[int, float]], start: Callable[[int], bool]) -> None:
    """Restarts lost processes until all have ended; also returns in a process that was restarted, after its work."""
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
    """The processes that have ended: number, seconds they ran, and exit code."""
    ended = []
    for pid in list(begun):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            number, since = begun.pop(pid)
            ended.append((number, time.monotonic() - since, os.waitstatus_to_exitcode(status)))
    return ended
