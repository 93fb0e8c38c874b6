"""Several writers in one process, on PostgreSQL: a shop always has the same one, and none is left behind."""

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.postgres import new_database
from tests.server import children_of, is_alive

STORY = """
import asyncio, os, sys, time
from functools import partial
from pathlib import Path
from afterword.store.opening import open_postgres
from afterword.store.engine.postgres import LANES


def who(tx, items):
    time.sleep(0.2)
    return [os.getpid() for _ in items]

def alone(tx):
    return os.getpid()

database = open_postgres(sys.argv[1], Path(sys.argv[2]), apart=True)
"""

WAITS = "print('ready', flush=True); time.sleep(60)"


def tell(story: str, url: str, folder: Path) -> str:
    """Runs a story in a fresh process, since the writers are forked before any database is opened."""
    command = [sys.executable, "-c", STORY + story, url, str(folder / "send.journal")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def url(postgres: str, request: pytest.FixtureRequest) -> str:
    stack = ExitStack()
    request.addfinalizer(stack.close)
    return stack.enter_context(new_database(postgres))


def test_a_shop_has_always_the_same_writer_and_another_shop_does_not_wait_for_it(
    url: str, tmp_path: Path
) -> None:
    said = tell(
        """
async def story():
    begun = time.monotonic()
    one, two, three = await asyncio.gather(*(database.write_together(who, 0, shop) for shop in (1, 2, 3)))
    took = time.monotonic() - begun
    assert LANES == 2 and one == three != two, (one, two, three)
    assert took < 0.39, took  # one after the other it would be 0.4
    again = await database.write_together(who, 0, 2)
    others = [await database.write(alone) for _ in range(3)]
    assert again == two and len(set(others)) == 1
    assert await database.write_together(who, 0, 0) == others[0]
    await database.close()
    print("well")
asyncio.run(story())
""",
        url,
        tmp_path,
    )
    assert said == "well\n"


@pytest.mark.parametrize("which", [0, 1])
def test_the_server_learns_that_one_of_its_writers_is_lost(url: str, tmp_path: Path, which: int) -> None:
    said = tell(
        f"""
async def story():
    lost = asyncio.create_task(database.until_lost())
    victim = await database.write_together(who, 0, {which})
    assert not lost.done()
    os.kill(victim, 9)
    await asyncio.wait_for(lost, 10)
    print("told")
    await database.close()
asyncio.run(story())
""",
        url,
        tmp_path,
    )
    assert said == "told\n"


def test_no_writer_outlives_the_process_that_it_writes_for(url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", STORY + WAITS, url, str(tmp_path / "send.journal")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"ready\n"
    writers = children_of(process.pid)
    assert len(writers) == 2
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + 10
    while any(map(is_alive, writers)):
        assert time.monotonic() < deadline, "they live on"
        time.sleep(0.02)


def test_what_opening_one_of_them_raises_is_raised_and_leaves_none(tmp_path: Path, url: str) -> None:
    story = """
import afterword.store.engine.committer as committer
from afterword.base.errors import StoreUnavailable
opened = committer.Committer.__init__

def refuse(self, connect, keeper):
    if isinstance(keeper, committer.NoJournal):
        raise StoreUnavailable("no second one")
    opened(self, connect, keeper)

database.close_now()
committer.Committer.__init__ = refuse
try:
    open_postgres(sys.argv[1], Path(sys.argv[2]), apart=True)
except StoreUnavailable as error:
    print(error, Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text())
"""
    assert tell(story, url, tmp_path) == "no second one \n"
