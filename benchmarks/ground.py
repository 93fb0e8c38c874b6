"""The basis of all benchmarks: a folder on a disk, databases with one shop, the API's example order."""

import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from afterword.base.settings import Settings, read_settings
from afterword.domain.shops import DEFAULT_DELAY
from afterword.store.engine.database import Database
from afterword.store.opening import open_database
from afterword.store.shops import add_shop
from tools.postgres_server import PostgresError, PostgresServer

T = TypeVar("T")

BOUNDARY = "------------------------4ebf00fbcf09"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"


class WrongResultError(Exception):
    """A run did not do the work that it was measured for."""


class MissingError(Exception):
    """A program that a benchmark needs is missing."""


class Ground:
    """Where the benchmarks run, and the live key of the one shop in every database that `fresh` makes.

    Rows are in a SQLite file in the data folder, or in a database of `server`, or in the one at `address`. An address
    is stored in the folder, so that the folder identifies the database. What is started here ends with `at_end`.
    """

    def __init__(
        self,
        folder: Path,
        at_end: ExitStack,
        *,
        quick: bool,
        server: PostgresServer | None = None,
        address: str = "",
    ) -> None:
        self.folder = folder
        self.quick = quick
        self.server = server
        self._is_shared = bool(address)
        self._at_end = at_end
        (folder / EMPTY).mkdir()
        if server:
            _make_database(server, folder / EMPTY, template="template0")
        elif address:
            (folder / EMPTY / _ADDRESS).write_text(address)
        self.key = _make_empty(folder / EMPTY)

    @property
    def engine(self) -> str:
        return "PostgreSQL" if self.server else "SQLite"

    @cached_property
    def on_postgres(self) -> "Ground":
        """The same on a temporary PostgreSQL on the same disk, with its default settings, which are durable.

        Raises MissingError if it does not start.
        """
        self.folder.chmod(0o711)  # PostgreSQL runs as another user if we are root
        folder = self.folder / "on-postgresql"
        (folder / "server").mkdir(parents=True)
        try:
            server = PostgresServer(folder / "server")
        except PostgresError as error:
            raise MissingError(f"PostgreSQL does not start in {folder}: {error}") from error
        self._at_end.callback(server.remove)
        return Ground(folder, self._at_end, quick=self.quick, server=server)

    def fresh(self, name: str) -> Path:
        """A new data folder with this name: the schema and one shop. An existing one is replaced. With an `address`,
        the same folder each time, and its database without orders."""
        if self._is_shared:
            return _without_orders(self.folder / EMPTY)
        return self._copy_of_empty(name, template=_database_of(self.folder / EMPTY))

    def bare(self, name: str) -> Path:
        """The same for another program; on PostgreSQL the database has no tables."""
        return self._copy_of_empty(name, template="template0")

    def _copy_of_empty(self, name: str, template: str) -> Path:
        target = self.folder / name
        self.remove(target)
        shutil.copytree(self.folder / EMPTY, target)
        if self.server:
            _make_database(self.server, target, template)
        os.sync()
        return target

    def remove(self, data: Path) -> None:
        """Removes the folder, if it exists, and its database."""
        shutil.rmtree(data, ignore_errors=True)
        if self.server:
            with psycopg.connect(self.server.url, autocommit=True) as connection:
                connection.execute(f'DROP DATABASE IF EXISTS "{_database_of(data)}" WITH (FORCE)')


EMPTY = "empty"
_ADDRESS = "postgresql"
"""The file in a data folder with the address of its database."""


@contextmanager
def ground(parent: Path, *, quick: bool) -> Iterator[Ground]:
    """A folder in `parent` that is removed at the end. Raises MissingError if it is not on a disk."""
    folder = Path(tempfile.mkdtemp(prefix=".benchmarks-", dir=parent))
    try:
        if filesystem(folder) in ("tmpfs", "ramfs"):
            raise MissingError(f"{parent} is in memory: give --folder a folder on a disk")
        with ExitStack() as at_end:
            yield Ground(folder, at_end, quick=quick)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _make_database(server: PostgresServer, data: Path, template: str) -> None:
    """The database of this folder, a copy of another one.

    The checkpoint prevents one during the measurement.
    """
    name = _database_of(data)
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        connection.execute("CHECKPOINT")
    (data / _ADDRESS).write_text(f"{server.url.rpartition('/')[0]}/{name}")


def _database_of(data: Path) -> str:
    return f"afterword_{data.name}"


def _without_orders(data: Path) -> Path:
    with psycopg.connect(settings_of(data).database, autocommit=True) as connection:
        connection.execute("TRUNCATE orders, messages")
    return data


def _make_empty(data: Path) -> str:
    database = open_data(data)
    key = database.write_now(lambda tx: add_shop(tx, time.time(), **shop_fields("Alba's bakery")))[
        1
    ].private_key
    database.close_now()
    return key


def shop_fields(name: str) -> dict[str, Any]:
    """The arguments of `add_shop`."""
    return {
        "name": name,
        "lang": "en",
        "site": "https://alba.example/",
        "timezone": "Europe/Paris",
        "email": "hello@alba.example",
        "delay": DEFAULT_DELAY,
    }


def open_data(data: Path) -> Database:
    return open_database(settings_of(data))


def settings_of(data: Path, **more: str) -> Settings:
    return read_settings(environment_of(data, **more))


def environment_of(data: Path, **more: str) -> dict[str, str]:
    """The environment of a process that works on this folder, without other settings."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("AFTERWORD_")}
    ours = {"DATA": str(data), **more}
    if (data / _ADDRESS).exists():
        ours["DATABASE_FILE"] = str(data / _ADDRESS)
    return others | {f"AFTERWORD_{name}": value for name, value in ours.items()}


def count(data: Path, sql: str) -> int:
    """The number that a query of the folder's database returns."""
    database = open_data(data)
    try:
        return int(database.read_now(lambda tx: tx.rows(sql))[0][0])
    finally:
        database.close_now()


def count_orders(data: Path) -> int:
    """The orders stored with their invitations. Names the shop in the join, as Citus needs."""
    return count(
        data,
        "SELECT count(*) FROM orders o JOIN messages i ON i.shop_id = o.shop_id AND i.message_id = o.order_id",
    )


def apart(work: Callable[..., T], *given: Any) -> T:
    """Runs `work` in a new process, and returns its result."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(work, *given).result()


def example_order(number: int) -> dict[str, Any]:
    """The order of the published example, with this number in the fields that must be unique."""
    return {
        "id_order": f"{number}",
        "order_date": "2019-01-01 12:00:00",
        "firstname": "John",
        "lastname": "Doe",
        "email": f"john.doe.{number}@example.com",
        "reference": f"R{number}",
        "products": [
            {
                "id": "100",
                "name": "My Product 100",
                "category_id": "cat1",
                "category_name": "Category 1",
                "qty": "1",
                "unit_price": "25.90",
                "mpn": "MPN100",
                "ean13": "1234567890123",
                "sku": "SKU100",
                "upc": "UPCCODE",
                "url": "",
            }
        ],
    }


def form(key: str, orders: list[dict[str, Any]]) -> bytes:
    """The body that PHP's cURL makes of a key and orders."""
    parts = {"api_key": key, "orders": json.dumps(orders, separators=(",", ":"))}
    fields = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in parts.items()
    )
    return "".join((*fields, f"--{BOUNDARY}--\r\n")).encode()


def filesystem(path: Path) -> str:
    """The kind of file system that holds this path, or `unknown` where /proc does not say."""
    try:
        mounts = [line.split()[1:3] for line in Path("/proc/self/mounts").read_text().splitlines()]
    except OSError:
        return "unknown"
    holding = [(point, kind) for point, kind in mounts if path.resolve().is_relative_to(point)]
    return max(holding, default=("", "unknown"), key=lambda mount: len(mount[0]))[1]


def say(sentence: str) -> None:
    """Shows progress."""
    print(sentence, file=sys.stderr, flush=True)
