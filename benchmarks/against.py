"""h: Afterword against the stack that a Python team would choose by default, at the same work with the same
durability: single orders over 64 connections, and batches of 1,000 from four clients, on SQLite and on
PostgreSQL.

The rival (`default_stack`) is FastAPI, pydantic, SQLAlchemy and uvicorn, on SQLite with `synchronous=FULL` or
on PostgreSQL with psycopg. It validates each order, finds duplicates by unique keys, commits once per request,
and inserts a request's rows together, the fastest of the usual methods; tests check that it answers as Afterword
does. It gets the same bodies, and a quarter of the batches.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from benchmarks import batches, one_order
from benchmarks.batches import BATCH, CLIENTS
from benchmarks.default_stack.prepared import address_of, count_stored, prepare
from benchmarks.ground import Ground, WrongResultError, settings_of
from benchmarks.one_order import CONNECTIONS
from benchmarks.serving import Served, serving
from benchmarks.table import Measured, Needed, Report, in_turn
from benchmarks.watching import Watched, seconds_of
from benchmarks.watching_postgres import settings_of_server

DEFAULT_STACK = ("benchmarks.default_stack",)
THEIRS = "the same over FastAPI, pydantic, SQLAlchemy and uvicorn, on {} with the same durability"

Parts = dict[str, dict[str, str]]


class Theirs(NamedTuple):
    """The rival's server: its database, its address, and the CPU time that it used, once it has ended."""

    address: str
    served: Served
    spent: Watched


def measure(ground: Ground, runs: int) -> Report:
    """Raises MissingError without wrk or PostgreSQL, WrongResultError if either has not stored what it
    acknowledged."""
    dominates: Parts = {}
    measured = _compared_on(ground, runs, dominates)
    measured += _compared_on(ground.on_postgres, runs, dominates)
    dominates |= settings_of_server(ground.on_postgres.server)
    return Report(
        name="h",
        title="beside the stack that a Python team would write by default, fsync before each answer",
        measured=measured,
        dominates=dominates,
    )


def _compared_on(ground: Ground, runs: int, dominates: Parts) -> list[Measured]:
    return [_one_by_one(ground, runs, dominates), _in_batches(ground, runs, dominates)]


def _one_by_one(ground: Ground, runs: int, dominates: Parts) -> Measured:
    def theirs() -> float:
        with _theirs(ground) as started:
            load = one_order.send_singly(ground, started.served.port)
        load.check(count_stored(started.address))
        dominates.update(
            started.spent.dominates(load.requests, f"of theirs on {ground.engine}, an order alone")
        )
        return load.rate

    figures = in_turn(runs, lambda: one_order.import_singly(ground).rate, theirs)
    return _compared(ground, f"one a request, {CONNECTIONS} connections", *figures)


def _in_batches(ground: Ground, runs: int, dominates: Parts) -> Measured:
    """The rival gets a quarter of the batches: enough for several seconds."""
    bodies = batches.bodies_of(ground)
    fewer = [each[: 1 + max(1, len(each) // 4)] for each in bodies]

    def theirs() -> float:
        with _theirs(ground) as started, batches.clients_of(started.served.port, fewer) as send_rest:
            seconds = send_rest()
        sent, stored = sum(map(len, fewer)) * BATCH, count_stored(started.address)
        if stored != sent:
            raise WrongResultError(f"{sent} orders were acknowledged and {stored} are stored")
        dominates.update(
            started.spent.dominates(stored, f"of theirs on {ground.engine}, an order in a batch")
        )
        return (sent - len(fewer) * BATCH) / seconds

    figures = in_turn(runs, lambda: batches.import_bodies(ground, bodies), theirs)
    return _compared(ground, f"batches of {BATCH:,}, {CLIENTS} clients", *figures)


@contextmanager
def _theirs(ground: Ground) -> Iterator[Theirs]:
    """Runs the rival's server on a new database. Raises WrongResultError."""
    data = ground.bare("default")
    address = address_of(settings_of(data))
    prepare(address, ground.key)
    with serving(DEFAULT_STACK, data) as served:
        started = Theirs(address, served, Watched())
        before = seconds_of(served.pid)
        yield started
        started.spent.seconds = dict(seconds_of(served.pid) - before)


def _compared(ground: Ground, what: str, ours: list[float], theirs: list[float]) -> Measured:
    return Measured(
        what=f"{ground.engine}: {what}",
        unit="orders/s",
        limit_is=THEIRS.format(ground.engine),
        ours=ours,
        limits=theirs,
        needed=Needed(10),
    )
