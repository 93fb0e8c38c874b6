"""The committer in a process of its own: the same promises as in a thread, and none left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.server import Server

STORY = """
import asyncio, os, sys, time
from functools import partial
from pathlib import Path



from afterword.base.errors import Refused
from afterword.store.shops import list_shops
from afterword.store.opening import open_sqlite


def same(tx, n):
    return n

def refuse(tx):
    raise Refused("no")

def wait(tx):
    time.sleep(0.2)

folder = Path(sys.argv[1])
database = open_sqlite(folder / "afterword.db", folder / "send.journal", apart=True)
"""


def tell(story: str, folder: Path) -> str:
    """Runs a story in a fresh process, since the writing process is forked before any database is opened."""
    command = [sys.executable, "-c", STORY + story, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_many_writes_at_once_are_each_answered_with_their_own_result(tmp_path: Path) -> None:
    said = tell(
        """
async def story():
    results = await asyncio.gather(*(database.write(partial(same, n=n)) for n in range(1_000)))
    print(results == list(range(1_000)))
    await database.close()
asyncio.run(story())
""",
        tmp_path,
    )
    assert said == "True\n"


def test_one_that_fails_does_not_fail_its_neighbours(tmp_path: Path) -> None:
    said = tell(
        """
async def story():
    writes = [database.write(partial(same, n=1)), database.write(refuse), database.write(partial(same, n=3))]
    print(await asyncio.gather(*writes, return_exceptions=True))
    await database.close()
asyncio.run(story())
""",
        tmp_path,
    )
    assert said == "[1, Refused('no'), 3]\n"


def test_what_was_accepted_is_written_before_it_closes(tmp_path: Path) -> None:
    said = tell(
        """
async def story():
    writes = [asyncio.ensure_future(database.write(partial(same, n=n))) for n in range(500)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await database.close()
    print(sum(await asyncio.gather(*writes)))
asyncio.run(story())
""",
        tmp_path,
    )
    assert said == f"{sum(range(500))}\n"


def test_it_reports_how_many_writes_shared_a_commit_and_how_long_that_took(tmp_path: Path) -> None:
    said = tell(
        """
async def story():
    sizes, seconds = database.metrics.totals[2:4]
    print(sizes.sum, seconds.sum)
    writes = [asyncio.ensure_future(database.write(partial(same, n=n))) for n in range(500)]
    await asyncio.sleep(0)
    print(database.writes_waiting)
    await asyncio.gather(*writes)
    sizes, seconds = database.metrics.totals[2:4]
    print(sizes.sum, sum(sizes.counts) == sum(seconds.counts) < 500, seconds.sum > 0, database.writes_waiting)
    before = seconds.sum
    await database.write(wait)
    sizes, seconds = database.metrics.totals[2:4]
    print(0.2 <= seconds.sum - before < 20, sizes.sum)
    await database.close()
asyncio.run(story())
""",
        tmp_path,
    )
    assert said == "0.0 0.0\n500\n500.0 True True 0\nTrue 501.0\n"


def test_when_it_is_lost_nothing_is_acknowledged_and_reading_goes_on(tmp_path: Path) -> None:
    said = tell(
        """
import signal
async def story():
    await database.write(partial(same, n=1))
    os.kill(database._writer._child, signal.SIGKILL)
    writes = [database.write(partial(same, n=n)) for n in range(3)]
    results = await asyncio.gather(*writes, return_exceptions=True)
    await database.until_lost()
    print([type(result).__name__ for result in results])
    print(await database.read(list_shops))
asyncio.run(story())
""",
        tmp_path,
    )
    assert said == f"{['StoreUnavailable'] * 3}\n[]\n"


def test_it_ends_when_its_parent_was_killed(tmp_path: Path) -> None:
    with Server(tmp_path) as alba:
        [child] = children_of(alba.process.pid)
        alba.kill()
        wait_until_gone(child)


def test_a_server_that_lost_it_stops_with_a_sentence(tmp_path: Path) -> None:
    with Server(tmp_path) as alba:
        [child] = children_of(alba.process.pid)
        os.kill(child, signal.SIGKILL)
        assert alba.process.wait(10) == 1
        assert "the process that writes to the database was lost" in alba.log
        assert "Traceback" not in alba.log


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and " Z " not in Path(f"/proc/{pid}/stat").read_text():
        assert time.monotonic() < deadline, "it outlived its parent"
        time.sleep(0.02)
