"""m: the peak memory of each process of `afterword serve`, under a load of single orders, batches of 1,000 and
e-mails at the same time, with few and with 2 million invitations waiting.

The system's own figure (`VmHWM`), in MB of 10^6 bytes, without PostgreSQL's processes. It runs once, however
many runs are asked for.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks import batches, one_order
from benchmarks.batches import BATCH, CLIENTS
from benchmarks.ground import Ground, MissingError, count_orders, say
from benchmarks.one_order import CONNECTIONS
from benchmarks.sending import SENDER
from benchmarks.serving import HOST, serving
from benchmarks.sink import sink
from benchmarks.table import Fact, Needed, Report
from benchmarks.waiting import fill
from benchmarks.watching import peaks_of

FEW, MANY = 1_000, 2_000_000
MOST = 300
"""Maximum MB per process."""


def measure(ground: Ground, runs: int) -> Report:
    """One run of each, however many were requested: a peak does not depend on what else the machine does.

    Raises MissingError without wrk, PostgreSQL or /proc, WrongResultError if an order is not stored.
    """
    if not Path("/proc/self/status").exists():
        raise MissingError("the memory of a process is read in /proc, which is not there")
    many = MANY // 100 if ground.quick else MANY
    facts: list[Fact] = []
    dominates: dict[str, dict[str, str]] = {}
    for here in (ground, ground.on_postgres):
        for word, waiting in (("few", FEW), ("many", many)):
            what = f"{here.engine}: {word} waiting"
            say(f"  {what}: {waiting:,}")
            peaks = _peaks(here, waiting)
            facts.append(
                Fact(what=what, unit="MB", values=[max(peaks.values())], needed=Needed(MOST, at_most=True))
            )
            dominates[f"{what}, the most of each"] = {name: f"{peak:.0f} MB" for name, peak in peaks.items()}
    return Report(
        name="m",
        title=f"resident memory of a process: single orders over {CONNECTIONS} connections, batches of {BATCH:,} "
        f"from {CLIENTS} clients and messages, all at once, with {FEW:,} and with {many:,} waiting",
        measured=[],
        facts=facts,
        dominates=dominates,
    )


def _peaks(ground: Ground, waiting: int) -> dict[str, float]:
    """In MB, by role."""
    data = ground.fresh("memory")
    fill(data, orders=waiting, due=waiting // 100, scattered=False, now=int(time.time()))
    bodies = batches.bodies_of(ground)
    with sink(ground.folder) as taker:
        mail = {"SMTP": f"smtp://{HOST}:{taker.port}?tls=none", "FROM": SENDER}
        with serving(("afterword", "serve"), data, **mail) as served, ThreadPoolExecutor(1) as beside:
            singly = beside.submit(one_order.send_singly, ground, served.port)
            with batches.clients_of(served.port, bodies) as send_rest:
                send_rest()
            load = singly.result()
            peaks = peaks_of(served.pid)
    stored = count_orders(data)
    load.check(stored - waiting - sum(map(len, bodies)) * BATCH)
    return peaks
