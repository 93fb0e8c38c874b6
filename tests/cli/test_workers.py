"""`serve --workers N`: of the processes that one watches over, none that is lost ends another."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.processes import is_alive

PROGRAM = """
import os, signal, sys, time
from itertools import pairwise
from pathlib import Path
from afterword.cli.serving import workers

folder = Path(sys.argv[1])
workers.FIRST_PAUSE, workers.LONGEST_PAUSE = 0.2, 0.8

def work(number, lifeline, serves):
    with (folder / f"{number}.starts").open("a") as starts:
        starts.write(f"{os.getpid()} {time.monotonic()}\\n")
    if (folder / f"{number}.broken").exists():
        sys.exit(1)
    serves()
    (folder / f"{number}.serves").touch()
    signal.pause()

workers.watch_over(2, work)
"""


class Watched:
    """Two processes that do nothing, and the one that watches over them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(folder)])

    def starts(self, number: int) -> list[tuple[int, float]]:
        """The process ids of that number so far, and when each began."""
        file = self._folder / f"{number}.starts"
        lines = file.read_text().splitlines() if file.exists() else []
        return [(int(pid), float(began)) for pid, began in map(str.split, lines)]

    def wait_for_starts(self, number: int, count: int) -> None:
        self.wait_until(lambda: len(self.starts(number)) >= count)

    def wait_until(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + 15
        while not holds():
            assert time.monotonic() < end, "it did not come true"
            time.sleep(0.02)

    def wait_until_they_serve(self) -> None:
        self.wait_until(lambda: all((self._folder / f"{number}.serves").exists() for number in (0, 1)))

    def breaks(self, number: int) -> None:
        """From now on a process of this number ends by itself as soon as it starts, as without its database."""
        (self._folder / f"{number}.broken").touch()

    def heals(self, number: int) -> None:
        (self._folder / f"{number}.serves").unlink()
        (self._folder / f"{number}.broken").unlink()

    def kills(self, number: int) -> None:
        os.kill(self.starts(number)[-1][0], signal.SIGKILL)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    begun = Watched(tmp_path)
    yield begun
    begun.process.terminate()
    begun.process.wait(10)


def test_a_process_that_is_lost_at_once_is_started_again_and_ends_no_other(watched: Watched) -> None:
    watched.wait_until_they_serve()
    for count in (2, 3):
        watched.kills(1)
        watched.wait_for_starts(1, count)
    assert watched.process.poll() is None
    assert len(watched.starts(0)) == 1 and is_alive(watched.starts(0)[0][0])


def test_a_process_that_cannot_start_again_is_tried_with_growing_pauses_until_it_can(
    watched: Watched,
) -> None:
    watched.wait_until_they_serve()
    watched.breaks(1)
    watched.kills(1)
    watched.wait_for_starts(1, 6)
    began = [when for _, when in watched.starts(1)][1:6]
    pauses = [after - before for before, after in pairwise(began)]
    assert pauses[0] >= 0.4 and pauses[1] >= 0.8, pauses
    watched.heals(1)
    watched.wait_until_they_serve()
    assert watched.process.poll() is None
    assert len(watched.starts(0)) == 1 and is_alive(watched.starts(0)[0][0])


def test_a_process_that_has_never_served_and_ends_by_itself_ends_all(tmp_path: Path) -> None:
    (tmp_path / "1.broken").touch()
    refused = Watched(tmp_path)
    assert refused.process.wait(15) == 1
    assert not any(is_alive(pid) for number in (0, 1) for pid, _ in refused.starts(number))


def test_a_pause_does_not_hold_up_the_end(watched: Watched) -> None:
    watched.wait_until_they_serve()
    watched.breaks(1)
    watched.kills(1)
    watched.wait_for_starts(1, 4)
    watched.process.terminate()
    assert watched.process.wait(5) == 0
    assert not any(is_alive(pid) for number in (0, 1) for pid, _ in watched.starts(number))
