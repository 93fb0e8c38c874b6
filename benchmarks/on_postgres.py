"""e: on PostgreSQL, one order a request against the constant answer, and batches of 1,000 against raw inserts of
the same rows.

The server is a temporary one with default, durable settings, on the same disk. Its database is recreated before each
run, followed by a checkpoint. The limit for batches is one psycopg connection that sends each column as an array,
`INSERT … SELECT * FROM unnest(…) ON CONFLICT DO NOTHING` and COMMIT per thousand, into the same tables with the same
indexes. That is the usual way but not the fastest, since psycopg formats arrays value by value, in Python.
"""

import time
from pathlib import Path

import psycopg

from benchmarks import batches, one_order
from benchmarks.batches import BATCH, CLIENTS, TABLES
from benchmarks.ground import Ground, WrongResultError, apart, count_orders, settings_of
from benchmarks.one_order import CONNECTIONS, Load
from benchmarks.table import Fact, Measured, Needed, Report, in_turn
from benchmarks.watching_postgres import settings_of_server


def measure(ground: Ground, runs: int) -> Report:
    """Raises MissingError without wrk or PostgreSQL, WrongResultError when an order is not stored."""
    loads: list[Load] = []
    here = ground.on_postgres
    bodies = batches.bodies_of(here)
    singly = one_order.beside_a_constant(here, runs, loads, Needed(0.35))
    singly.what = "one a request"
    together = _beside_raw_inserts(here, runs, bodies)
    parts = {"singly": one_order.dominates(here), "in batches": batches.dominates(here, bodies)}
    return Report(
        name="e",
        title=f"on PostgreSQL: one order a request over {CONNECTIONS} connections, "
        f"batches of {BATCH:,} from {CLIENTS} clients",
        measured=[singly, together],
        facts=[
            Fact(what="median latency", unit="ms", values=[load.p50 for load in loads]),
            Fact(what="99th percentile", unit="ms", values=[load.p99 for load in loads]),
        ],
        dominates=settings_of_server(here.server)
        | {f"{how}, {what}": shares for how, each in parts.items() for what, shares in each.items()},
    )


def _beside_raw_inserts(ground: Ground, runs: int, bodies: list[list[bytes]]) -> Measured:
    ours, limits = in_turn(
        runs,
        lambda: batches.import_bodies(ground, bodies),
        lambda: apart(_insert, ground.folder / "batches", ground.fresh("bare")),
    )
    return Measured(
        what=f"batches of {BATCH:,}",
        unit="orders/s",
        limit_is=f"psycopg, one connection: INSERT … SELECT FROM unnest of the same rows, {BATCH:,} a transaction",
        ours=ours,
        limits=limits,
        needed=Needed(0.7),
    )


def _insert(from_data: Path, to_data: Path) -> float:
    """Orders a second when the rows of one database go into an empty one, in the order in which they were stored."""
    with psycopg.connect(settings_of(from_data).database) as source:
        inserts = {table: _insert_of(source, table) for table in TABLES}
        rows = {
            table: source.execute(f"SELECT * FROM {table} ORDER BY order_id").fetchall() for table in TABLES
        }
    orders = len(rows["orders"])
    steps = [
        [
            (inserts[table], [*map(list, zip(*rows[table][start : start + BATCH], strict=True))])
            for table in TABLES
        ]
        for start in range(0, orders, BATCH)
    ]
    with psycopg.connect(settings_of(to_data).database) as target:
        started = time.perf_counter()
        for step in steps:
            for insert, columns in step:
                target.execute(insert, columns)
            target.commit()
        took = time.perf_counter() - started
    stored = count_orders(to_data)
    if stored != orders:
        raise WrongResultError(f"{orders} rows were inserted and {stored} are stored")
    return stored / took


def _insert_of(source: psycopg.Connection, table: str) -> str:
    """Sends each column as an array, from which the server makes rows."""
    types = source.execute(_TYPES, (table,)).fetchall()
    arrays = ", ".join(f"%s::{name}[]" for (name,) in types)
    return f"INSERT INTO {table} SELECT * FROM unnest({arrays}) ON CONFLICT DO NOTHING"


_TYPES = """
SELECT format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
