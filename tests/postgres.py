"""A real PostgreSQL for tests: the one named by AFTERWORD_TEST_DATABASE, or a temporary one that is started once."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tools import postgres_server as tool

SETTINGS = {"fsync": "off", "max_connections": "200", "log_min_messages": "warning"}
"""Not durable: the tests that use this server do not simulate power cuts."""


class PostgresServer(tool.PostgresServer):
    """A server that is fast rather than durable, unless `settings` say otherwise."""

    def __init__(self, folder: Path, **settings: str) -> None:
        super().__init__(folder, **SETTINGS | settings)


@contextmanager
def postgres_server() -> Iterator[str]:
    """The address of a server on which databases can be created."""
    if named := os.environ.get("AFTERWORD_TEST_DATABASE"):
        yield named
    else:
        with own_server() as server:
            yield server.url


@contextmanager
def own_server(**settings: str) -> Iterator[PostgresServer]:
    """A server in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="afterword-postgres-"))
    folder.chmod(0o755)
    server = PostgresServer(folder, **settings)
    try:
        yield server
    finally:
        server.remove()


@contextmanager
def new_database(server: str, options: str = "") -> Iterator[str]:
    """The address of an empty database on this server, made with these options."""
    name = f"afterword_test_{os.getpid()}_{time.monotonic_ns()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0 {options}')
        try:
            yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def unreachable(url: str) -> Iterator[None]:
    """Makes a database refuse connections, and closes existing ones."""
    server, _, name = url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')  # type: ignore[call-overload]
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        )
        try:
            yield
        finally:
            connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')  # type: ignore[call-overload]
