"""h: Afterword beside the stack that a Python team would write by default, at the same work with the same durability:
single orders over 64 connections, and batches of 1,000 from four clients."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks import batches, one_order
from benchmarks.default_stack.prepared import count_stored, prepare
from benchmarks.ground import Ground, MissingError, WrongResultError
from benchmarks.serving import Served, serving
from benchmarks.table import Measured, Needed, Report, in_turn
from benchmarks.watching import Watched, _seconds

DEFAULT_STACK = ("benchmarks.default_stack",)
THEIRS = "the same over FastAPI, pydantic, SQLAlchemy and uvicorn, on SQLite with the same durability"


class Theirs(NamedTuple):
    """Their server: its folder, where it listens, and the processor time that it has taken when it has ended."""

    data: Path
    served: Served
    spent: Watched


def measure(ground: Ground, runs: int) -> Report:
    """Raises MissingError without wrk, WrongResultError when either has not stored what it acknowledged."""
    if shutil.which("wrk") is None:
        raise MissingError("the load needs wrk (Debian: apt-get install wrk)")
    dominates: dict[str, dict[str, str]] = {}
    return Report(
        name="h",
        title="beside the stack that a Python team would write by default, fsync before each answer",
        measured=[_one_by_one(ground, runs, dominates), _in_batches(ground, runs, dominates)],
        dominates=dominates,
    )


def _one_by_one(ground: Ground, runs: int, dominates: dict[str, dict[str, str]]) -> Measured:
    seconds = 2 if ground.quick else 5

    def ours() -> float:
        load = one_order._import(ground, seconds)
        return load.requests / load.seconds

    def theirs() -> float:
        with _theirs(ground) as started:
            load = one_order._load(ground, started.served.port, seconds)
        stored = count_stored(started.data) - 1
        if not load.requests <= stored <= load.requests + one_order.CONNECTIONS:
            raise WrongResultError(f"{load.requests} orders were acknowledged and {stored} are stored")
        dominates.update(started.spent.dominates(stored, "of theirs, an order alone"))
        return load.requests / load.seconds

    figures = in_turn(runs, ours, theirs)
    return _compared(f"one a request, {one_order.CONNECTIONS} connections", *figures)


def _in_batches(ground: Ground, runs: int, dominates: dict[str, dict[str, str]]) -> Measured:
    """Theirs gets a quarter of what ours gets: enough for seconds, where ours needs one for all."""
    bodies = batches._bodies(ground, 24 if ground.quick else 160)
    fewer = [each[: 1 + len(each) // 4] for each in bodies]

    def theirs() -> float:
        with _theirs(ground) as started, batches._clients(started.served.port, fewer) as send_rest:
            seconds = send_rest()
        sent, stored = sum(map(len, fewer)) * batches.BATCH, count_stored(started.data)
        if stored != sent:
            raise WrongResultError(f"{sent} orders were acknowledged and {stored} are stored")
        dominates.update(started.spent.dominates(stored, "of theirs, an order in a batch"))
        return (sent - len(fewer) * batches.BATCH) / seconds

    figures = in_turn(runs, lambda: batches._import(ground, bodies), theirs)
    return _compared(f"batches of {batches.BATCH:,}, {batches.CLIENTS} clients", *figures)


@contextmanager
def _theirs(ground: Ground) -> Iterator[Theirs]:
    """Their server on a new database, which has ended when this does. Raises WrongResultError."""
    data = ground.fresh("default")
    prepare(data, ground.key)
    with serving(DEFAULT_STACK, data) as served:
        started = Theirs(data, served, Watched())
        before = _seconds(served.pid)
        yield started
        started.spent.seconds = dict(_seconds(served.pid) - before)


def _compared(what: str, ours: list[float], theirs: list[float]) -> Measured:
    return Measured(what=what, unit="orders/s", limit_is=THEIRS, ours=ours, limits=theirs, needed=Needed(10))
