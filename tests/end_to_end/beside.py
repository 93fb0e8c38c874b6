"""Processes beside a server, on the same data: more servers and dispatchers, to be killed and started again."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress

from tests.processes import children_of, free_port, is_alive
from tests.server import PROJECT, Server


class Beside:
    """`afterword` with these words, on the data of a server, but with a port of its own."""

    def __init__(self, server: Server, *words: str, **settings: str) -> None:
        self._line = [sys.executable, "-m", "afterword", *words]
        self._environment = server.environment(AFTERWORD_PORT=str(free_port())) | settings
        self._said = server.data.with_name("beside.log")
        self._left: list[int] = []
        self._start()

    def _start(self) -> None:
        with self._said.open("ab") as said:
            self._process = subprocess.Popen(
                self._line,
                cwd=PROJECT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )

    @property
    def said(self) -> str:
        return self._said.read_text("utf-8")

    def kill(self, draw: random.Random) -> None:
        """SIGKILL to one of its processes: the one that was started, or one below it."""
        family = _family(self._process.pid)
        with suppress(ProcessLookupError):
            os.kill(draw.choice(family), signal.SIGKILL)
        self._left = family

    def see_to_it(self) -> None:
        """Started again when it has ended, as whoever watches over services does, once all of it is gone."""
        if self._process.poll() is not None:
            _wait_until_gone(self._left)
            self._start()

    def close(self) -> None:
        """SIGKILL to all of it."""
        family = _family(self._process.pid)
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        _wait_until_gone(family)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self._process.terminate()
        return self._process.wait(60)


def _family(pid: int) -> list[int]:
    found = [pid]
    for each in found:
        found += children_of(each)
    return found


def _wait_until_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + 30
    while any(map(is_alive, pids)):
        assert time.monotonic() < deadline, f"{pids} live on"
        time.sleep(0.02)
