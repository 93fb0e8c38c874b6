"""Processes, clocks and ports of tests."""

import random
import socket
import subprocess
from contextlib import closing
from functools import cache
from pathlib import Path

from tests.needs import needs


def children_of(pid: int) -> list[int]:
    """The child processes of a process, from all its threads."""
    found = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(child) for children in found for child in children]


def spawned_by(pid: int) -> list[int]:
    """Its processes for what takes long."""
    return [
        child for child in children_of(pid) if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


def is_alive(pid: int) -> bool:
    """Whether a process still runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def moved_clock(seconds: float) -> dict[str, str]:
    """Settings for `Server.start` with which the clock is ahead by this many seconds, and runs at normal speed.

    Only faketime's library is used, since its command would be a process between the test and the server. Monotonic
    clocks are not changed: they do not jump in reality either.
    """
    moved = {"LD_PRELOAD": _faketime_library(), "FAKETIME": f"{seconds:+.3f}"}
    return moved | {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}


@cache
def _faketime_library() -> str:
    """The value of LD_PRELOAD, as the faketime command sets it.

    The command names a semaphore after its process id, and fails if a killed process with that id left one behind;
    the next try has another id.
    """
    needs("faketime")
    for _ in range(20):
        shown = subprocess.run(["faketime", "-f", "+0", "env"], capture_output=True, text=True)
        for line in shown.stdout.splitlines():
            if line.startswith("LD_PRELOAD="):
                return line.partition("=")[2]
    raise RuntimeError(f"faketime does not say where its library is: {shown.stderr}")


def free_port() -> int:
    """An unused port below the range of ephemeral ports.

    Otherwise a client that connects while its server is down could be assigned the server's port.
    """
    while True:
        port = random.randrange(12_000, 32_000)
        with closing(socket.socket()) as line:
            try:
                line.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
