"""`serve --workers N`: several processes on one port, and one that supervises them."""

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from mmap import mmap
from typing import NamedTuple

from afterword.base.errors import StoreUnavailable
from afterword.base.log import log_for

SOON = 5.0
"""Seconds; a process that is lost within them is not started again at once."""

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 10.0
"""Seconds before it is: doubled each time."""

_HEARD = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}

log = log_for("workers")


Work = Callable[[int, int | None, Callable[[], None]], None]
"""What a process does: is called with its number, its lifeline, and what to call once it serves. The lifeline is a
descriptor that reaches its end when the process that watches over it does, even by SIGKILL; None without one."""


def watch_over(workers: int, work: Work) -> None:
    """Runs `work` in so many processes, and restarts one that is lost, until SIGTERM or SIGINT; one alone is this.

    None of them ends another, however it is lost: killed, or because the database is away. The processes are forked
    from this one, which therefore has opened nothing yet. Raises StoreUnavailable when one ends by itself and has
    never served: a wrong setting is reported, and not tried for ever.
    """
    if workers == 1:
        work(0, None, lambda: None)
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
    processes = _Processes(workers, work)
    if any(processes.start(number) for number in range(workers)):
        return
    while _listen(processes.until_next()) in (signal.SIGCHLD, None):
        if not all(processes.postpone(lost) for lost in processes.ended()):
            processes.end()
            raise StoreUnavailable("one of the serving processes could not start")
        if any(processes.start(number) for number in processes.to_start()):
            return
    processes.end()


def _listen(seconds: float | None) -> int | None:
    """The signal that came; None when none came within these seconds, if there are any."""
    if seconds is None:
        return signal.sigwait(_HEARD)
    found = signal.sigtimedwait(_HEARD, seconds)
    return found.si_signo if found else None


class _Lost(NamedTuple):
    """A process that has ended: its number, after how many seconds, and how."""

    number: int
    seconds: float
    status: int


class _Processes:
    """Those that were forked: their numbers, and when they began; and those that are to be started again."""

    def __init__(self, workers: int, work: Work) -> None:
        self._work = work
        self._has_served = mmap(-1, workers)  # shared with all of them: a byte each
        self._lifeline, self._held = os.pipe()
        self._begun: dict[int, tuple[int, float]] = {}
        self._pauses: dict[int, float] = {}
        self._due: dict[int, float] = {}

    def start(self, number: int) -> bool:
        """True in the new process, once it has ended."""
        self._due.pop(number, None)
        pid = os.fork()
        if pid:
            self._begun[pid] = number, time.monotonic()
            return False
        os.close(self._held)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
        self._work(number, self._lifeline, partial(self._serves, number))
        return True

    def _serves(self, number: int) -> None:
        self._has_served[number] = 1

    def postpone(self, lost: _Lost) -> bool:
        """Says when it is started again; False if it cannot start: no process of its number has ever served, and it
        ended by itself."""
        if lost.status > 0 and not self._has_served[lost.number]:
            return False
        before = self._pauses.get(lost.number, 0.0)
        pause = min(max(FIRST_PAUSE, before * 2), LONGEST_PAUSE) if lost.seconds < SOON else 0.0
        self._pauses[lost.number] = pause
        self._due[lost.number] = time.monotonic() + pause
        log.error("serving process lost", process=lost.number, status=lost.status, pause=pause)
        return True

    def to_start(self) -> list[int]:
        """The numbers of those whose pause is over."""
        return [number for number, due in self._due.items() if due <= time.monotonic()]

    def until_next(self) -> float | None:
        """Seconds until the next pause is over; None without any."""
        return max(0.0, min(self._due.values()) - time.monotonic()) if self._due else None

    def end(self) -> None:
        """Returns when all have ended."""
        for pid in self._begun:
            os.kill(pid, signal.SIGTERM)
        for pid in self._begun:
            os.waitpid(pid, 0)

    def ended(self) -> list[_Lost]:
        """Those that have ended since the last look."""
        ended = []
        for pid in list(self._begun):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                number, since = self._begun.pop(pid)
                ended.append(_Lost(number, time.monotonic() - since, os.waitstatus_to_exitcode(status)))
        return ended
