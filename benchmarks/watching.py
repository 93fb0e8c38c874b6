"""Measures a running program from outside: its CPU time by process, and its samples.

From one more, uncounted run (f and h: the last run). *The event loop is in*: shares of its time by file,
`waiting` is idle. *Beside it a thread is in*: the same of other threads, without those that wait for work. *The
writing process is in*: the committing process by function, where `_read` waits for the next group, `_commit` is
the write-ahead log and its fsync, `append` the send journal and its fsync, `run` and `rows` the statements.
*Processor time*: of one order or message, in each process.
"""

import os
import re
import signal
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from benchmarks.ground import WrongResultError
from benchmarks.sampling import Samples, samples_of
from benchmarks.table import shares

READER = "from multiprocessing."
"""What the command of a process begins with that reads large bodies or checks long forms, and of the one that cleans
up after them: only they are spawned."""


class Watched(msgspec.Struct):
    """The measurements; complete when `watching` ends. `seconds` is CPU time by role."""

    loop: Samples = msgspec.field(default_factory=Samples)
    writer: Samples = msgspec.field(default_factory=Samples)
    seconds: dict[str, float] = {}

    def dominates(self, done: int, what: str) -> dict[str, dict[str, str]]:
        """The important parts, for the table. `done` is the number of orders or messages."""
        spent = {role: f"{seconds / done * 1e6:.1f} µs" for role, seconds in self.seconds.items() if seconds}
        parts = {
            "the event loop is in": shares(self.loop.main),
            "beside it a thread is in": shares(self.loop.others, of=self.loop.main),
            "the writing process is in": shares(self.writer.main),
            f"processor time {what}": spent,
        }
        return {name: part for name, part in parts.items() if part}


@contextmanager
def watching(pid: int, folder: Path) -> Iterator[Watched]:
    """Samples a process that was started with `sampling`, and its writing process, and measures their CPU time."""
    watched = Watched()
    ready = [each for each, role in family_of(pid).items() if role != READER]
    before = seconds_of(pid)
    for each in ready:
        os.kill(each, signal.SIGUSR1)
    try:
        yield watched
    finally:
        watched.seconds = dict(seconds_of(pid) - before)
        for each in ready:
            os.kill(each, signal.SIGUSR2)
    watched.loop = _read(folder, pid)
    for each in ready:
        if each != pid:
            watched.writer = _read(folder, each)


def samples_folder(parent: Path) -> Path:
    return Path(tempfile.mkdtemp(prefix="samples-", dir=parent))


def _read(folder: Path, pid: int) -> Samples:
    path = samples_of(folder, pid)
    for _ in range(200):
        if path.exists():
            return msgspec.json.decode(path.read_bytes(), type=Samples)
        time.sleep(0.02)
    raise WrongResultError(f"process {pid} left no samples")


def seconds_of(pid: int) -> Counter[str]:
    """CPU time so far, by role; empty without /proc."""
    spent = Counter[str]()
    if not Path("/proc/self/task").exists():
        return spent
    for each, role in family_of(pid).items():
        if each != pid:
            spent["bodies' readers" if role == READER else "writing process"] += _ticks(
                Path(f"/proc/{each}/stat")
            )
            continue
        for thread in Path(f"/proc/{pid}/task").iterdir():
            part = "event loop" if thread.name == str(pid) else "other threads"
            spent[part] += _ticks(thread / "stat")
    return Counter({role: ticks / os.sysconf("SC_CLK_TCK") for role, ticks in spent.items()})


def family_of(pid: int) -> dict[int, str]:
    """The process and its children, each with READER if that is its role. The writing process is a fork of it."""
    family, own = {pid: ""}, Path(f"/proc/{pid}/cmdline")
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(_fields(stat)[1])
            command = stat.with_name("cmdline").read_bytes()
            is_spawned = command != own.read_bytes()
        except OSError:
            continue  # it has ended
        if parent == pid:
            family[int(stat.parent.name)] = READER if is_spawned and READER.encode() in command else ""
    return family


def seconds_of_all(pid: int) -> float:
    """CPU time of a process and its children, including those that have ended; empty without /proc."""
    if not Path("/proc/self/stat").exists():
        return 0.0
    ended = sum(map(int, _fields(Path(f"/proc/{pid}/stat"))[13:15]))
    ticks = ended + sum(_ticks(Path(f"/proc/{each}/stat")) for each in family_of(pid))
    return ticks / os.sysconf("SC_CLK_TCK")


def peaks_of(pid: int) -> dict[str, float]:
    """The peak resident memory of the process and each of its children, in MB (10^6 bytes), by role."""
    peaks: dict[str, float] = defaultdict(float)
    for each, role in family_of(pid).items():
        name = "event loop" if each == pid else "a bodies' reader" if role == READER else "writing process"
        peaks[name] = max(peaks[name], peak_of(each))
    return dict(peaks)


def peak_of(pid: int) -> float:
    """The peak resident memory of one process, in MB (10^6 bytes)."""
    [line] = re.findall(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(line) * 1_024 / 1e6


def _ticks(stat: Path) -> int:
    user, system = _fields(stat)[11:13]
    return int(user) + int(system)


def _fields(stat: Path) -> list[str]:
    """The fields after the name, which may contain any characters: state, parent, …"""
    return stat.read_text().rpartition(")")[2].split()
