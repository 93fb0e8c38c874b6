"""citus: one order a request, and batches of 1,000, on a Citus cluster, against the same on plain PostgreSQL.

The cluster is the one whose coordinator AFTERWORD_TEST_CITUS names; without it `make bench` leaves this out. The rows
are in a schema of their own there, spread over 32 shards a table. The limit's are in a new database of the
coordinator's server, without the extension. Both lose their orders before each run.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg

from afterword.store.transfer.citus import distribute
from benchmarks import batches, one_order
from benchmarks.batches import BATCH, CLIENTS
from benchmarks.ground import Ground, MissingError, open_data
from benchmarks.one_order import CONNECTIONS
from benchmarks.table import Measured, Needed, Report, in_turn

CLUSTER = os.environ.get("AFTERWORD_TEST_CITUS", "")
SHARDS = 32


def measure(ground: Ground, runs: int) -> Report:
    """Raises MissingError without wrk or a cluster, WrongResultError when an order is not stored."""
    if not CLUSTER:
        raise MissingError("AFTERWORD_TEST_CITUS does not name the coordinator of a cluster")
    with ExitStack() as at_end:
        spread, plain = (
            Ground(_folder(ground, name), at_end, quick=ground.quick, address=at_end.enter_context(made()))
            for name, made in (("spread", _schema), ("plain", _database))
        )
        _spread(spread.fresh("empty"))
        return Report(
            name="citus",
            title=f"on a cluster: one order a request over {CONNECTIONS} connections, "
            f"batches of {BATCH:,} from {CLIENTS} clients",
            measured=[_singly(spread, plain, runs), _in_batches(spread, plain, runs)],
        )


def _singly(spread: Ground, plain: Ground, runs: int) -> Measured:
    ours, limits = in_turn(
        runs,
        lambda: one_order.import_singly(spread).rate,
        lambda: one_order.import_singly(plain).rate,
    )
    return _measured("one a request", ours, limits, Needed(0.5))


def _in_batches(spread: Ground, plain: Ground, runs: int) -> Measured:
    to_spread, to_plain = batches.bodies_of(spread), batches.bodies_of(plain)
    ours, limits = in_turn(
        runs,
        lambda: batches.import_bodies(spread, to_spread),
        lambda: batches.import_bodies(plain, to_plain),
    )
    return _measured(f"batches of {BATCH:,}", ours, limits, Needed(0.9))


def _measured(what: str, ours: list[float], limits: list[float], needed: Needed) -> Measured:
    limit_is = "the same on plain PostgreSQL: a database of the coordinator's server"
    return Measured(what=what, unit="orders/s", limit_is=limit_is, ours=ours, limits=limits, needed=needed)


def _folder(ground: Ground, name: str) -> Path:
    folder = ground.folder / f"citus-{name}"
    folder.mkdir()
    return folder


def _spread(data: Path) -> None:
    database = open_data(data)
    try:
        distribute(database)
    finally:
        database.close_now()


@contextmanager
def _schema() -> Iterator[str]:
    """The address of an empty schema in the cluster's database."""
    name = f"afterword_bench_{os.getpid()}"
    _run(f"CREATE SCHEMA {name}")
    try:
        options = quote(f"-csearch_path={name} -ccitus.shard_count={SHARDS}")
        yield f"{CLUSTER}{'&' if '?' in CLUSTER else '?'}options={options}"
    finally:
        _run(f"DROP SCHEMA {name} CASCADE")


@contextmanager
def _database() -> Iterator[str]:
    """The address of an empty database of the coordinator's server, which is not part of the cluster."""
    name = f"afterword_bench_{os.getpid()}"
    _run(f"CREATE DATABASE {name} TEMPLATE template0")
    try:
        yield urlunsplit(urlsplit(CLUSTER)._replace(path=f"/{name}"))
    finally:
        _run(f"DROP DATABASE {name} WITH (FORCE)")


def _run(sql: str) -> None:
    with psycopg.connect(CLUSTER, autocommit=True) as connection:
        connection.execute(sql)  # type: ignore[call-overload]
