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
    signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
    processes = _Processes(work)
    if any(processes.start(number) for number in range(workers)):
        return
    stopping = failed = False
    while processes.begun:
        if signal.sigwait(_HEARD) != signal.SIGCHLD:
            stopping = True
            processes.end()
        for number, seconds, status in processes.ended():
            if stopping or failed:
                continue
            if seconds < SOON:
                failed = True
                processes.end()
            else:
                log.error("serving process lost", process=number, status=status)
                if processes.start(number):
                    return
    if failed:
        raise StoreUnavailable("one of the serving processes could not start")


class _Processes:
    """Those that were forked: their numbers, and when they began."""

    def __init__(self, work: Callable[[int, int], None]) -> None:
        self._work = work
        self._lifeline, self._held = os.pipe()
        self.begun: dict[int, tuple[int, float]] = {}

    def start(self, number: int) -> bool:
        """True in the new process, once it has ended."""
        pid = os.fork()
        if pid:
            self.begun[pid] = number, time.monotonic()
            return False
        os.close(self._held)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
        self._work(number, self._lifeline)
        return True

    def end(self) -> None:
        for pid in self.begun:
            os.kill(pid, signal.SIGTERM)

    def ended(self) -> list[tuple[int, float, int]]:
        """The numbers of those that have ended, how long they ran, and how they ended."""
        ended = []
        for pid in list(self.begun):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                number, since = self.begun.pop(pid)
                ended.append((number, time.monotonic() - since, os.waitstatus_to_exitcode(status)))
        return ended
