"""Scripts in a fresh process, since writing processes are forked before any database is opened."""

import subprocess
import sys
import time
from collections.abc import Iterable

from tests.processes import is_alive


def said_by(script: str, *arguments: object) -> str:
    """What the script prints."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def wait_until_gone(processes: Iterable[int]) -> None:
    deadline = time.monotonic() + 10
    while any(map(is_alive, processes)):
        assert time.monotonic() < deadline, "they live on"
        time.sleep(0.02)
