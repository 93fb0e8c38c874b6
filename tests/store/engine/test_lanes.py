"""Several writers in one process, on PostgreSQL: a shop always has the same one, and none is left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import new_database
from tests.processes import children_of, is_alive
from tests.store.engine.fresh import said_by, said_by_work

OPENED = """
import asyncio, os, sys, time
from pathlib import Path
from afterword.store.opening import open_postgres
from afterword.store.engine.postgres import LANES

folder = Path(sys.argv[2])

def who(tx, items):
    return [os.getpid() for _ in items]

def meet(tx, items):
    (folder / f"{os.getpid()}.writes").touch()
    deadline = time.monotonic() + 10
    while len(list(folder.glob("*.writes"))) < LANES:
        assert time.monotonic() < deadline, "the other writer does not begin before this one is done"
        time.sleep(0.01)
    return who(tx, items)

def alone(tx):
    return os.getpid()

database = open_postgres(sys.argv[1], folder / "send.journal", apart=True)
"""


@pytest.fixture
def url(postgres: str) -> Iterator[str]:
    with new_database(postgres) as url:
        yield url


def test_a_shop_has_always_the_same_writer_and_another_shop_does_not_wait_for_it(
    url: str, tmp_path: Path
) -> None:
    work = """
one, two, three = await asyncio.gather(*(database.write_together(meet, 0, shop) for shop in (1, 2, 3)))
assert LANES == 2 and one == three != two, (one, two, three)
again = await database.write_together(who, 0, 2)
others = [await database.write(alone) for _ in range(3)]
assert again == two and len(set(others)) == 1
assert await database.write_together(who, 0, 0) == others[0]
print("well")
"""
    assert said_by_work(OPENED, work, url, tmp_path) == "well\n"


@pytest.mark.parametrize("which", [0, 1])
def test_the_server_learns_that_one_of_its_writers_is_lost(url: str, tmp_path: Path, which: int) -> None:
    work = f"""
lost = asyncio.create_task(database.until_lost())
victim = await database.write_together(who, 0, {which})
assert not lost.done()
os.kill(victim, 9)
await asyncio.wait_for(lost, 10)
print("lost")
"""
    assert said_by_work(OPENED, work, url, tmp_path) == "lost\n"


def test_no_writer_outlives_the_process_that_it_writes_for(url: str, tmp_path: Path) -> None:
    waits = "print('ready', flush=True); time.sleep(60)"
    command = [sys.executable, "-c", OPENED + waits, url, str(tmp_path)]
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
    script = """
import afterword.store.engine.committer as committer
from afterword.base.errors import StoreUnavailable
opened = committer.Committer.__init__

def refuse(self, connect, keeper):
    if type(keeper) is committer.Keeper:
        raise StoreUnavailable("no second one")
    opened(self, connect, keeper)

database.close_now()
committer.Committer.__init__ = refuse
try:
    open_postgres(sys.argv[1], folder / "send.journal", apart=True)
except StoreUnavailable as error:
    print(error, Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text())
"""
    assert said_by(OPENED + script, url, tmp_path) == "no second one \n"
