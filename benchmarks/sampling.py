"""A sampling profiler: a thousand times per second, it records where each thread of a program is.

`python -m benchmarks.sampling FOLDER serve …` is `afterword serve …`, ready to be sampled, and so is its writing
process, which is forked from it. SIGUSR1 starts sampling; SIGUSR2 stops it and writes the samples to the folder. The
main thread is sampled by a signal handler.
"""

import os
import signal
import sys
import threading
from collections import Counter
from pathlib import Path
from types import FrameType

import msgspec

import afterword

EVERY = 0.001
"""Seconds between samples."""

_HOUSE = str(Path(afterword.__file__).parent) + "/"
_THEIRS = {
    "selectors.py": "waiting",
    "asyncio/": "asyncio, granian",
    "granian/": "asyncio, granian",
    "aiosmtplib/": "aiosmtplib",
    "<template>": "templates",
}


class Samples(msgspec.Struct):
    """The number of samples at each location: in the main thread, and in the other threads."""

    main: dict[str, int] = {}
    others: dict[str, int] = {}


def make_ready(folder: Path) -> None:
    """Installs the signal handlers, for this process and those it forks. Must be called in the main thread."""
    main, others = Counter[str](), Counter[str]()
    parent, me = os.getpid(), threading.get_ident()

    def take(number: int, frame: FrameType | None) -> None:
        main[_place(frame) if os.getpid() == parent else _function(frame) or "others"] += 1
        for thread, other in sys._current_frames().items():
            if thread != me and (function := _function(other)):
                others[function] += 1

    def begin(number: int, frame: FrameType | None) -> None:
        signal.setitimer(signal.ITIMER_REAL, EVERY, EVERY)

    def end(number: int, frame: FrameType | None) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        unfinished = folder / f"{os.getpid()}.part"
        unfinished.write_bytes(msgspec.json.encode(Samples(dict(main), dict(others))))
        unfinished.rename(samples_of(folder, os.getpid()))

    for number, handler in ((signal.SIGALRM, take), (signal.SIGUSR1, begin), (signal.SIGUSR2, end)):
        signal.signal(number, handler)


def samples_of(folder: Path, pid: int) -> Path:
    """The file to which a process writes its samples."""
    return folder / f"{pid}.samples"


def _place(frame: FrameType | None) -> str:
    """Whose work it is: the innermost file of ours, or of a library that is listed separately."""
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(_HOUSE):
            return file[len(_HOUSE) :]
        for part, name in _THEIRS.items():
            if part in file:
                return name
        frame = frame.f_back
    return "others"


def _function(frame: FrameType | None) -> str | None:
    """The innermost function of ours; None for an idle thread."""
    while frame is not None and not frame.f_code.co_filename.startswith(_HOUSE):
        frame = frame.f_back
    return frame and f"{frame.f_code.co_filename[len(_HOUSE) :]} {frame.f_code.co_name}"


def main(folder: str, *command: str) -> None:
    from afterword.cli import main as afterword_command  # forks the writing process

    make_ready(Path(folder))
    afterword_command(command, prog_name="afterword")


if __name__ == "__main__":
    main(*sys.argv[1:])
