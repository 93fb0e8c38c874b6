"""attacks: what an honest shop notices of an attack, and what memory it takes.

The shop posts an order every 20 ms, each over a new connection. A latency counts from the moment at which the order
was to be posted, so a server that is held up delays all orders that wait. The figure is the 99th percentile during
the attack, the limit that of the seconds before it, on the same server. Beside it is the peak memory of all its
processes together (`VmHWM`). Each attack meets a new server, whose soft limit of open files is 1,024. On SQLite.
"""

import http.client
import math
import multiprocessing
import resource
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from afterword.base.ids import sign_token
from afterword.domain.messages import order_fingerprint
from afterword.store.engine.database import Transaction
from afterword.store.shops import find_shop
from benchmarks.attackers import Known, attack, attacks
from benchmarks.ground import (
    CONTENT_TYPE,
    Ground,
    WrongResultError,
    example_order,
    form,
    open_data,
    say,
    settings_of,
)
from benchmarks.reviewed import fill_reviews
from benchmarks.serving import AFTERWORD, HOST, Client, Served, serving
from benchmarks.table import Fact, Measured, Needed, Report
from benchmarks.waiting import filling
from benchmarks.watching import family_of, peak_of

EVERY = 0.02
"""Seconds between two orders."""

SECONDS = 4.0
"""Of an attack, and of the time before it."""

SHORT = 1 / 16
"""Share of a short run: of the seconds, of bodies and of connections."""

LONGEST = 10.0
"""Seconds after which an order counts as not answered, and this as its latency."""

OPEN_FILES = 1_024
LINKS = 2
LINES = 68

MOST_MEMORY = 1_000
"""Maximum MB of all processes."""


def measure(ground: Ground, runs: int) -> Report:
    """A short run has one server for all."""
    data = ground.fresh("attacked")
    known = _prepare(ground, data)
    share = SHORT if ground.quick else 1.0
    found = [Found(each.what, [], [], []) for each in attacks(known, share)]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn) as shop, ProcessPoolExecutor(1, spawn) as attacker:
        for run in range(runs):
            for group in [range(len(found))] if ground.quick else [[number] for number in range(len(found))]:
                with _few_files(), serving(AFTERWORD, data) as served:
                    name = f"{run}-{group[0]}-w"
                    shop.submit(post_orders, served.port, ground.key, name, 10 * EVERY).result()
                    for number in group:
                        field = Field(shop, attacker, served, ground.key, known, share)
                        found[number].add(*_measure(field, f"{run}-{number}", number))
    return _report(found)


TITLE = f"the 99th percentile of an honest shop's orders, one every {EVERY * 1e3:g} ms, under attack"


class Field(NamedTuple):
    """Where an attack takes place: the processes of both sides, the server, and what they hold."""

    shop: Executor
    attacker: Executor
    served: Served
    key: str
    known: Known
    share: float


class Found(NamedTuple):
    """What was measured of an attack in each run."""

    what: str
    before: list[float]
    during: list[float]
    peaks: list[float]

    def add(self, before: float, during: float, peak: float) -> None:
        say(f"  {self.what}: {during:.1f} ms, before {before:.1f}; {peak:.0f} MB")
        self.before.append(before)
        self.during.append(during)
        self.peaks.append(peak)


def _report(found: Sequence[Found]) -> Report:
    memory = Needed(MOST_MEMORY, at_most=True)
    return Report(
        name="attacks",
        title=TITLE,
        measured=[
            Measured(
                what=each.what,
                unit="ms",
                limit_is="the 99th percentile before the attack",
                ours=each.during,
                limits=each.before,
                needed=Needed(2, at_most=True),
            )
            for each in found
        ],
        facts=[
            Fact(what=f"{each.what}: memory", unit="MB", values=each.peaks, needed=memory) for each in found
        ],
    )


def _prepare(ground: Ground, data: Path) -> Known:
    """An answer of five megabytes, and an order of many products for each link."""
    fill_reviews(data, reviews=2_000, now=int(time.time()))
    with filling(data) as execute:
        execute("UPDATE reviews SET text = number || replace(hex(zeroblob(2490)), '0', 'x')", {"orders": 1})
    line = example_order(0)["products"][0]
    with serving(AFTERWORD, data) as served:
        for number in range(LINKS):
            lines = [line | {"id": 100 * number + product} for product in range(LINES)]
            order = example_order(number) | {"id_order": f"L{number}", "products": lines}
            Client(served.port).send(form(ground.key, [order]), 1)
    secret = settings_of(data).link_secret()

    def read(tx: Transaction) -> Known:
        shop = find_shop(tx, "1")
        assert shop is not None
        links = []
        for order_id, id_order in tx.rows("SELECT order_id, id_order FROM orders WHERE id_order LIKE 'L%'"):
            subject = order_fingerprint(shop.salt, live=True, id_order=id_order)
            links.append(f"/r/1/{sign_token(secret, 'r', order_id, subject)}")
        [[public_key]] = tx.rows("SELECT secret FROM keys WHERE kind = 'public' AND live = 1")
        return Known(ground.key, public_key, links)

    database = open_data(data)
    try:
        return database.read_now(read)
    finally:
        database.close_now()


def _measure(field: Field, name: str, number: int) -> tuple[float, float, float]:
    """The 99th percentile before an attack and during it, in ms, and the peak memory of all processes, in MB."""
    port, seconds = field.served.port, SECONDS * field.share
    begin = min(0.5, seconds)
    before = field.shop.submit(post_orders, port, field.key, f"{name}-b", seconds).result()
    attacking = field.attacker.submit(attack, number, field.known, port, begin + seconds, field.share)
    time.sleep(begin)
    during = field.shop.submit(post_orders, port, field.key, f"{name}-d", seconds).result()
    if not attacking.result():
        raise WrongResultError("the attack did not take place")
    peak = sum(peak_of(pid) for pid in family_of(field.served.pid))
    return percentile(before), percentile(during), peak


@contextmanager
def _few_files() -> Iterator[None]:
    """A server that starts here has the soft limit that a shell gives it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(OPEN_FILES, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def post_orders(port: int, key: str, name: str, seconds: float) -> list[float]:
    """The latencies of one order every EVERY seconds, each over a new connection, in ms. In a process of its own."""
    latencies: list[float] = []
    begun = time.perf_counter()
    for number in range(int(seconds / EVERY)):
        wanted = begun + number * EVERY
        time.sleep(max(0.0, wanted - time.perf_counter()))
        if time.perf_counter() - begun > 2 * seconds + LONGEST:
            break
        order = example_order(number) | {"id_order": f"{name}-{number}", "reference": f"{name}-{number}"}
        _post(port, form(key, [order]))
        latencies.append((time.perf_counter() - wanted) * 1e3)
    return latencies


def _post(port: int, body: bytes) -> None:
    """An order that is not answered in time costs its time. Raises WrongResultError."""
    connection = http.client.HTTPConnection(HOST, port, timeout=LONGEST)
    try:
        connection.request("POST", "/private/v3/orders", body, {"Content-Type": CONTENT_TYPE})
        answer = connection.getresponse()
        answer.read()
    except OSError:
        return
    finally:
        connection.close()
    if answer.status not in (200, 503):
        raise WrongResultError(f"an order was answered {answer.status}")


def percentile(latencies: list[float], share: float = 0.99) -> float:
    return sorted(latencies)[math.ceil(share * len(latencies)) - 1]
