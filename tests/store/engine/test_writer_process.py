"""Committers in processes of their own: the same promises as in a thread, and none left behind. On PostgreSQL there
are several: a shop always has the same one.

Scripts work in a fresh process, since writing processes are forked before any database is opened.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import indent

import pytest

from tests.postgres import new_database
from tests.processes import children_of, is_alive
from tests.server import Server

Says = Callable[..., str]
"""Runs a coroutine's body, with `database` open, and returns what it prints."""

OPENED = """
import asyncio, os, signal, sys, time
from functools import partial
from pathlib import Path
from afterword.base.errors import Refused, StoreUnavailable
from afterword.base.settings import read_settings
from afterword.store.engine import committer
from afterword.store.engine.postgres.database import LANES
from afterword.store.journal.journal import head_line
from afterword.store.opening import open_database
from afterword.store.shops import list_shops

def same(tx, n):
    return n

def refuse(tx):
    raise Refused("no")

def move(tx, n):
    tx.note("chain", head_line(1, 1, n, 64 * "a"))

def noted():
    lines = Path(database.journal.address).read_text().splitlines()
    return [line.split()[-1] for line in lines if line.startswith("head")]

def wait(tx):
    time.sleep(0.2)

class Unreadable:
    def __reduce__(self):
        return int, ("no number",)

def unreadable(tx):
    return Unreadable()

def alone(tx):
    return os.getpid()

def who(tx, items):
    return [os.getpid() for _ in items]

def meet(tx, items):
    (folder / f"{os.getpid()}.writes").touch()
    deadline = time.monotonic() + 10
    while len(list(folder.glob("*.writes"))) < LANES:
        assert time.monotonic() < deadline, "the other writer does not begin before this one is done"
        time.sleep(0.01)
    return who(tx, items)

def soon(count):
    return [asyncio.ensure_future(database.write(partial(same, n=n))) for n in range(count)]

folder = Path(sys.argv[1])
settings = read_settings({"AFTERWORD_DATA": sys.argv[1], "AFTERWORD_DATABASE": sys.argv[2]})
database = open_database(settings, apart=True)
"""


@pytest.fixture
def says(tmp_path: Path) -> Says:
    def run(work: str, url: str = "") -> str:
        script = f"{OPENED}\nasync def work():\n{indent(work, '    ')}\nasyncio.run(work())"
        command = [sys.executable, "-c", script, str(tmp_path), url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def url(postgres: str) -> Iterator[str]:
    with new_database(postgres) as url:
        yield url


def test_many_writes_at_once_are_each_answered_with_their_own_result(says: Says) -> None:
    assert says("print(await asyncio.gather(*soon(1_000)) == list(range(1_000)))") == "True\n"


def test_one_that_fails_does_not_fail_its_neighbours(says: Says) -> None:
    work = """
writes = [database.write(partial(same, n=1)), database.write(refuse), database.write(partial(same, n=3))]
print(await asyncio.gather(*writes, return_exceptions=True))
"""
    assert says(work) == "[1, Refused('no'), 3]\n"


def test_notes_are_added_soon_after_their_commits_and_before_it_closes(says: Says) -> None:
    work = """
for n in range(5):
    await database.write(partial(move, n=n))
deadline = time.monotonic() + 20
while noted()[-1:] != ["4"]:
    assert time.monotonic() < deadline, noted()
    await asyncio.sleep(0.01)
print(len(noted()) <= 5)
await database.write(partial(move, n=5))
database.close_now()
print(noted()[-1])
"""
    assert says(work) == "True\n5\n"


def test_what_was_accepted_is_written_before_it_closes(says: Says) -> None:
    work = """
writes = soon(500)
await asyncio.sleep(0)
await asyncio.sleep(0)
database.close_now()
print(sum(await asyncio.gather(*writes)))
"""
    assert says(work) == f"{sum(range(500))}\n"


def test_it_reports_how_many_writes_shared_a_commit_and_how_long_that_took(says: Says) -> None:
    work = """
sizes, seconds = database.metrics.totals[2:4]
print(sizes.sum, seconds.sum)
writes = soon(500)
await asyncio.sleep(0)
print(database.writes_waiting)
await asyncio.gather(*writes)
sizes, seconds = database.metrics.totals[2:4]
print(sizes.sum, sum(sizes.counts) == sum(seconds.counts) < 500, seconds.sum > 0, database.writes_waiting)
before = seconds.sum
await database.write(wait)
sizes, seconds = database.metrics.totals[2:4]
print(0.2 <= seconds.sum - before < 20, sizes.sum)
"""
    assert says(work) == "0.0 0.0\n500\n500.0 True True 0\nTrue 501.0\n"


def test_when_it_is_lost_nothing_is_acknowledged_and_reading_goes_on(says: Says) -> None:
    work = """
os.kill(await database.write(alone), signal.SIGKILL)
results = await asyncio.gather(*soon(3), return_exceptions=True)
await database.until_lost()
print([type(result).__name__ for result in results])
print(await database.read(list_shops))
"""
    assert says(work) == f"{['StoreUnavailable'] * 3}\n[]\n"


def test_writes_that_find_it_gone_are_answered(says: Says) -> None:
    work = """
victim = await database.write(alone)
writes = soon(3)
await asyncio.sleep(0)  # they are about to be sent, and the loop has no time to hear of what follows
os.kill(victim, signal.SIGKILL)
time.sleep(0.5)
results = await asyncio.wait_for(asyncio.gather(*writes, return_exceptions=True), 10)
print([type(result).__name__ for result in results])
"""
    assert says(work) == f"{['StoreUnavailable'] * 3}\n"


def test_more_than_it_can_have_unread_is_written_in_turn(says: Says) -> None:
    work = """
texts = [f"{n} " * 500 for n in range(400)]
writes = [asyncio.ensure_future(database.write(partial(same, n=text))) for text in texts]
print(await asyncio.wait_for(asyncio.gather(*writes), 20) == texts)
"""
    assert says(work) == "True\n"


def test_it_leaves_a_signal_to_the_whole_group_to_the_server(says: Says) -> None:
    work = """
for number in (signal.SIGTERM, signal.SIGINT):
    os.kill(await database.write(alone), number)
    time.sleep(0.2)
print(await database.write(partial(same, n=1)))
"""
    assert says(work) == "1\n"


def test_an_answer_that_cannot_be_read_is_given_to_no_write_and_lets_none_wait(says: Says) -> None:
    work = """
writes = [*soon(2), database.write(unreadable), *soon(2)]
results = await asyncio.wait_for(asyncio.gather(*writes, return_exceptions=True), 10)
await asyncio.wait_for(database.until_lost(), 10)
print([type(result).__name__ for result in results])
"""
    assert says(work).endswith(f"{['StoreUnavailable'] * 5}\n")


def test_a_server_that_lost_it_stops_with_a_sentence(tmp_path: Path) -> None:
    with Server(tmp_path) as alba:
        [child] = children_of(alba.process.pid)
        os.kill(child, signal.SIGKILL)
        assert alba.process.wait(10) == 1
        assert "the process that writes to the database was lost" in alba.log
        assert "Traceback" not in alba.log


def test_a_shop_has_always_the_same_writer_and_another_shop_does_not_wait_for_it(
    says: Says, url: str
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
    assert says(work, url) == "well\n"


@pytest.mark.parametrize("which", [0, 1])
def test_the_server_learns_that_one_of_its_writers_is_lost(says: Says, url: str, which: int) -> None:
    work = f"""
lost = asyncio.create_task(database.until_lost())
victim = await database.write_together(who, 0, {which})
assert not lost.done()
os.kill(victim, signal.SIGKILL)
await asyncio.wait_for(lost, 10)
print("lost")
"""
    assert says(work, url) == "lost\n"


def test_no_writer_outlives_the_process_that_it_writes_for(tmp_path: Path, url: str) -> None:
    waits = "print('ready', flush=True); time.sleep(60)"
    process = subprocess.Popen(
        [sys.executable, "-c", OPENED + waits, str(tmp_path), url], stdout=subprocess.PIPE
    )
    assert process.stdout is not None and process.stdout.readline() == b"ready\n"
    writers = children_of(process.pid)
    assert len(writers) == 2
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 10
    while any(map(is_alive, writers)):
        assert time.monotonic() < deadline, "they live on"
        time.sleep(0.02)


def test_what_opening_one_of_them_raises_is_raised_and_leaves_none(says: Says, url: str) -> None:
    work = """
opened = committer.Committer.__init__

def refuse(self, connect, keeper):
    if type(keeper) is committer.Keeper:
        raise StoreUnavailable("no second one")
    opened(self, connect, keeper)

database.close_now()
committer.Committer.__init__ = refuse
try:
    open_database(settings, apart=True)
except StoreUnavailable as error:
    print(error, Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text())
"""
    assert says(work, url) == "no second one \n"
