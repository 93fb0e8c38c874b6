"""a: one order a request over 64 connections, each durable before it is answered, against the same server
answering a constant.

`wrk` sends a new order each time, as PHP's cURL writes it, to `afterword serve --no-dispatch` on an empty
database on a disk. Everything is as in production: full validation, and an fsync at least before each answer.
The limit has the same server settings and the same load.
"""

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
    count_orders,
    example_order,
    form,
    say,
)
from benchmarks.serving import AFTERWORD, CONSTANT, HOST, Client, sampled, serving
from benchmarks.table import Fact, Measured, Needed, Report, in_turn
from benchmarks.watching import samples_folder, watching
from benchmarks.watching_postgres import watching_server

CONNECTIONS = 64
LOAD = Path(__file__).with_name("one_order.lua")


class Load(NamedTuple):
    """The result of wrk. Latencies are in milliseconds."""

    requests: int
    seconds: float
    errors: int
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Orders a second."""
        return self.requests / self.seconds

    def check(self, stored: int) -> None:
        """One order is sent before the load, and wrk leaves at most one request per connection unanswered when it
        stops; those may be stored too. Raises WrongResultError."""
        if not self.requests <= stored - 1 <= self.requests + CONNECTIONS:
            raise WrongResultError(f"{self.requests} orders were acknowledged and {stored - 1} are stored")


def measure(ground: Ground, runs: int) -> Report:
    """Raises MissingError without wrk, WrongResultError when an order is not stored."""
    loads: list[Load] = []
    return Report(
        name="a",
        title=f"one order a request, {CONNECTIONS} connections, fsync before each answer",
        measured=[beside_a_constant(ground, runs, loads, Needed(0.5))],
        facts=[
            Fact(what="median latency", unit="ms", values=[load.p50 for load in loads]),
            Fact(
                what="99th percentile",
                unit="ms",
                values=[load.p99 for load in loads],
                needed=Needed(30, True),
            ),
        ],
        dominates=dominates(ground),
    )


def beside_a_constant(ground: Ground, runs: int, loads: list[Load], needed: Needed) -> Measured:
    """Measures our server and the constant answer in turn; adds our runs to `loads`. Raises as `measure`."""

    def orders() -> float:
        loads.append(import_singly(ground))
        return loads[-1].rate

    def constant() -> float:
        with serving(CONSTANT, ground.fresh("constant")) as served:
            return send_singly(ground, served.port).rate

    ours, limits = in_turn(runs, orders, constant)
    return Measured(
        what="orders imported",
        unit="orders/s",
        limit_is="requests/s of the same server when it reads the same bodies and answers a constant",
        ours=ours,
        limits=limits,
        needed=needed,
    )


def import_singly(ground: Ground) -> Load:
    """One run on a new database, which must then contain exactly the acknowledged orders."""
    data = ground.fresh("one")
    with serving(AFTERWORD, data) as served:
        load = send_singly(ground, served.port)
    _check(data, load)
    return load


def dominates(ground: Ground) -> dict[str, dict[str, str]]:
    """Where an extra run, which is not counted, spends its time."""
    say("  one more run, sampled")
    data, samples = ground.fresh("one"), samples_folder(ground.folder)
    with (
        serving(sampled(samples), data) as served,
        watching(served.pid, samples) as watched,
        watching_server(ground.server) as server,
    ):
        load = send_singly(ground, served.port)
    _check(data, load)
    return watched.dominates(load.requests, "an order") | server.dominates(load.requests, "an order")


def _check(data: Path, load: Load) -> None:
    stored = count_orders(data)
    load.check(stored)


def send_singly(ground: Ground, port: int) -> Load:
    """Raises MissingError without wrk, WrongResultError when a request is not answered with 200."""
    if shutil.which("wrk") is None:
        raise MissingError("the load needs wrk (Debian: apt-get install wrk)")
    first = Client(port)
    first.send(form(ground.key, [example_order(0)]), 1)
    first.close()
    threads = min(2, os.cpu_count() or 1)
    command = [
        "wrk",
        f"-t{threads}",
        f"-c{CONNECTIONS}",
        f"-d{1 if ground.quick else 5}s",
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
