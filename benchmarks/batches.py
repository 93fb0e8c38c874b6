"""b: batches of 1,000 orders over HTTP from four clients, against a loop of prepared inserts of the same rows.

The bodies are made before the clock starts. Each client first sends one that is not counted, since the processes that
read large bodies start with the first one. The limit inserts the rows of the database that our run filled, 1,000
orders per transaction, with the same pragmas, and does nothing else.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path

import apsw

from afterword.store.engine.sqlite_connection import SqliteConnection
from benchmarks.ground import (
    Ground,
    WrongResultError,
    apart,
    count,
    count_orders,
    example_order,
    form,
    say,
    settings_of,
)
from benchmarks.serving import AFTERWORD, Client, sampled, serving
from benchmarks.table import Measured, Needed, Report, in_turn
from benchmarks.watching import samples_folder, watching
from benchmarks.watching_postgres import watching_server

BATCH = 1_000
CLIENTS = 4
TABLES = ("orders", "messages")


def measure(ground: Ground, runs: int) -> Report:
    """Raises WrongResultError if an order is not stored."""
    bodies = bodies_of(ground)
    ours, limits = in_turn(
        runs,
        lambda: import_bodies(ground, bodies),
        lambda: apart(_insert, ground.folder / "batches", ground.fresh("bare")),
    )
    return Report(
        name="b",
        title=f"batches of {BATCH:,} orders, {CLIENTS} clients, multipart",
        measured=[
            Measured(
                what="orders imported",
                unit="orders/s",
                limit_is=f"a loop of prepared inserts of the same rows, {BATCH:,} orders a transaction",
                ours=ours,
                limits=limits,
                needed=Needed(0.5),
            )
        ],
        dominates=dominates(ground, bodies),
    )


def bodies_of(ground: Ground) -> list[list[bytes]]:
    """The bodies of each client; the first one warms up the server."""
    batches = 8 if ground.quick else 160
    starts = iter(range(1, 10**9, BATCH))
    return [
        [
            form(ground.key, [example_order(number) for number in range(start, start + BATCH)])
            for start, _ in zip(starts, range(batches // CLIENTS + 1), strict=False)
        ]
        for _ in range(CLIENTS)
    ]


def import_bodies(ground: Ground, bodies: list[list[bytes]]) -> float:
    """Orders per second of one run on a new database."""
    data = ground.fresh("batches")
    with serving(AFTERWORD, data) as served, clients_of(served.port, bodies) as send_rest:
        seconds = send_rest()
    _check(data, bodies)
    return sum(len(each) - 1 for each in bodies) * BATCH / seconds


def dominates(ground: Ground, bodies: list[list[bytes]]) -> dict[str, dict[str, str]]:
    say("  one more run, sampled")
    data, samples = ground.fresh("batches"), samples_folder(ground.folder)
    with (
        serving(sampled(samples), data) as served,
        clients_of(served.port, bodies) as send_rest,
        watching(served.pid, samples) as watched,
        watching_server(ground.server) as server,
    ):
        send_rest()
    _check(data, bodies)
    orders = sum(len(each) - 1 for each in bodies) * BATCH
    return watched.dominates(orders, "an order") | server.dominates(orders, "an order")


@contextmanager
def clients_of(port: int, bodies: list[list[bytes]]) -> Iterator[Callable[[], float]]:
    """Clients that have sent their first body. Yields a function that sends the others and returns the seconds
    taken."""
    clients = [Client(port) for _ in bodies]
    with ThreadPoolExecutor(CLIENTS) as threads:

        def send_rest() -> float:
            started = time.perf_counter()
            list(threads.map(_send, clients, (each[1:] for each in bodies)))
            return time.perf_counter() - started

        list(threads.map(_send, clients, (each[:1] for each in bodies)))
        yield send_rest
    for client in clients:
        client.close()


def _check(data: Path, bodies: list[list[bytes]]) -> None:
    sent = sum(map(len, bodies)) * BATCH
    stored = count_orders(data)
    if stored != sent:
        raise WrongResultError(f"{sent} orders were acknowledged and {stored} are stored")


def _send(client: Client, bodies: list[bytes]) -> None:
    for body in bodies:
        client.send(body, BATCH)


def _insert(from_data: Path, to_data: Path) -> float:
    """Orders per second when copying the rows of a database into an empty one, in the order in which they were
    stored."""
    source = apsw.Connection(str(settings_of(from_data).database_path))
    rows = {table: source.execute(f"SELECT * FROM {table} ORDER BY 2").fetchall() for table in TABLES}
    source.close()
    path = settings_of(to_data).database_path
    assert path is not None
    target = SqliteConnection(path).raw
    inserts = [
        (f"INSERT INTO {table} VALUES ({','.join(repeat('?', len(rows[table][0])))})") for table in TABLES
    ]
    started = time.perf_counter()
    _insert_all(target, inserts, list(zip(*rows.values(), strict=True)))
    took = time.perf_counter() - started
    target.close()
    stored = count(to_data, "SELECT count(*) FROM orders")
    if stored != len(rows["orders"]):
        raise WrongResultError(f"{len(rows['orders'])} rows were inserted and {stored} are stored")
    return stored / took


def _insert_all(
    target: apsw.Connection, inserts: list[str], rows: list[tuple[tuple[object, ...], ...]]
) -> None:
    execute = target.cursor().execute
    insert_order, insert_invitation = inserts
    for start in range(0, len(rows), BATCH):
        execute("BEGIN IMMEDIATE")
        for order, invitation in rows[start : start + BATCH]:
            execute(insert_order, order)
            execute(insert_invitation, invitation)
        execute("COMMIT")
