"""The committer in a process of its own: the same promises as in a thread, and none left behind."""

import os
import signal
from pathlib import Path

from tests.processes import children_of
from tests.server import Server
from tests.store.engine.fresh import said_by_work

OPENED = """
import asyncio, os, signal, sys, time
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

def soon(count):
    return [asyncio.ensure_future(database.write(partial(same, n=n))) for n in range(count)]

folder = Path(sys.argv[1])
database = open_sqlite(folder / "afterword.db", folder / "send.journal", apart=True)
"""


def test_many_writes_at_once_are_each_answered_with_their_own_result(tmp_path: Path) -> None:
    work = """
print(await asyncio.gather(*soon(1_000)) == list(range(1_000)))
"""
    assert said_by_work(OPENED, work, tmp_path) == "True\n"


def test_one_that_fails_does_not_fail_its_neighbours(tmp_path: Path) -> None:
    work = """
writes = [database.write(partial(same, n=1)), database.write(refuse), database.write(partial(same, n=3))]
print(await asyncio.gather(*writes, return_exceptions=True))
"""
    assert said_by_work(OPENED, work, tmp_path) == "[1, Refused('no'), 3]\n"


def test_what_was_accepted_is_written_before_it_closes(tmp_path: Path) -> None:
    work = """
writes = soon(500)
await asyncio.sleep(0)
await asyncio.sleep(0)
database.close_now()
print(sum(await asyncio.gather(*writes)))
"""
    assert said_by_work(OPENED, work, tmp_path) == f"{sum(range(500))}\n"


def test_it_reports_how_many_writes_shared_a_commit_and_how_long_that_took(tmp_path: Path) -> None:
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
    assert said_by_work(OPENED, work, tmp_path) == "0.0 0.0\n500\n500.0 True True 0\nTrue 501.0\n"


def test_when_it_is_lost_nothing_is_acknowledged_and_reading_goes_on(tmp_path: Path) -> None:
    work = """
await database.write(partial(same, n=1))
os.kill(database._writer._child, signal.SIGKILL)
results = await asyncio.gather(*soon(3), return_exceptions=True)
await database.until_lost()
print([type(result).__name__ for result in results])
print(await database.read(list_shops))
"""
    assert said_by_work(OPENED, work, tmp_path) == f"{['StoreUnavailable'] * 3}\n[]\n"


def test_a_server_that_lost_it_stops_with_a_sentence(tmp_path: Path) -> None:
    with Server(tmp_path) as alba:
        [child] = children_of(alba.process.pid)
        os.kill(child, signal.SIGKILL)
        assert alba.process.wait(10) == 1
        assert "the process that writes to the database was lost" in alba.log
        assert "Traceback" not in alba.log
