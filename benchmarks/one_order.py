"""a: one order a request over 64 connections, each durable before it is answered, against the same server answering
a constant."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from benchmarks.ground import (
    BOUNDARY,
    Ground,
    MissingError,
    WrongResultError,
    count,
    example_order,
    form,
    say,
)
from benchmarks.serving import AFTERWORD, CONSTANT, HOST, Client, sampled, serving
from benchmarks.table import Fact, Measured, Needed, Report, in_turn
from benchmarks.watching import samples_folder, watching

CONNECTIONS = 64
LOAD = Path(__file__).with_name("one_order.lua")


class Load(NamedTuple):
    """What wrk saw. Latencies are in milliseconds."""

    requests: int
    seconds: float
    errors: int
    p50: float
    p99: float


def measure(ground: Ground, runs: int) -> Report:
    """Raises MissingError without wrk, WrongResultError when an order is not stored."""
    if shutil.which("wrk") is None:
        raise MissingError("the load needs wrk (Debian: apt-get install wrk)")
    loads: list[Load] = []
    seconds = 2 if ground.quick else 5

    def orders() -> float:
        loads.append(_import(ground, seconds))
        return loads[-1].requests / loads[-1].seconds

    def constant() -> float:
        with serving(CONSTANT, ground.fresh("constant")) as served:
            load = _load(ground, served.port, seconds)
        return load.requests / load.seconds

    ours, limits = in_turn(runs, orders, constant)
    return Report(
        name="a",
        title=f"one order a request, {CONNECTIONS} connections, fsync before each answer",
        measured=[
            Measured(
                what="orders imported",
                unit="orders/s",
                limit_is="requests/s of the same server when it reads the same bodies and answers a constant",
                ours=ours,
                limits=limits,
                needed=Needed(0.5),
            )
        ],
        facts=[
            Fact(what="median latency", unit="ms", values=[load.p50 for load in loads]),
            Fact(
                what="99th percentile",
                unit="ms",
                values=[load.p99 for load in loads],
                needed=Needed(30, True),
            ),
        ],
        dominates=_dominates(ground, seconds),
    )


def _import(ground: Ground, seconds: int) -> Load:
    """One run on a new database, which must then hold exactly the orders that were acknowledged."""
    data = ground.fresh("one")
    with serving(AFTERWORD, data) as served:
        load = _load(ground, served.port, seconds)
    _check(data, load)
    return load


def _dominates(ground: Ground, seconds: int) -> dict[str, dict[str, str]]:
    say("  one more run, sampled")
    data, samples = ground.fresh("one"), samples_folder(ground.folder)
    with serving(sampled(samples), data) as served, watching(served.pid, samples) as watched:
        load = _load(ground, served.port, seconds)
    _check(data, load)
    return watched.dominates(load.requests, "an order")


def _check(data: Path, load: Load) -> None:
    """wrk leaves at most one request a connection unanswered when it stops; those may be stored too."""
    stored = count(data, "SELECT count(*) FROM orders o JOIN invitations i USING (shop_id, order_id)") - 1
    if not load.requests <= stored <= load.requests + CONNECTIONS:
        raise WrongResultError(f"{load.requests} orders were acknowledged and {stored} are stored")


def _load(ground: Ground, port: int, seconds: int) -> Load:
    first = Client(port)
    first.send(form(ground.key, [example_order(0)]), 1)
    first.close()
    threads = min(2, os.cpu_count() or 1)
    command = [
        "wrk",
        f"-t{threads}",
        f"-c{CONNECTIONS}",
        f"-d{seconds}s",
        "-s",
        str(LOAD),
        f"http://{HOST}:{port}",
    ]
    environment = os.environ | {"KEY": ground.key, "BOUNDARY": BOUNDARY}
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    load = Load(**json.loads(said.splitlines()[-1]))
    if load.errors or not load.requests:
        raise WrongResultError(f"{load.errors} of {load.requests} requests were not answered with 200")
    return load
