"""A real PgBouncer in transaction mode, in front of a PostgreSQL of the tests."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tests.needs import needs
from tests.processes import free_port
from tools.postgres_server import UNPRIVILEGED

POOL = 3
"""Connections to the server, shared by all clients."""

CONFIG = """
[databases]
* = host={host} port={server_port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
logfile = {folder}/log
pool_mode = transaction
default_pool_size = {pool}
max_client_conn = 200
query_wait_timeout = 10
server_login_retry = 1
"""
"""The last two are recommended by docs/postgresql.md: without them, clients wait minutes if PostgreSQL is down."""


@contextmanager
def pgbouncer(server: str) -> Iterator[str]:
    """The address of a PgBouncer in front of this server: the same user and database, through few connections."""
    needs("pgbouncer")
    parts = urlsplit(server)
    port = free_port()
    folder = Path(tempfile.mkdtemp(prefix="afterword-pgbouncer-"))
    values = {"host": parts.hostname, "server_port": parts.port, "port": port, "folder": folder, "pool": POOL}
    (folder / "ini").write_text(CONFIG.format(**values))
    (folder / "users").write_text(f'"{parts.username}" ""\n')
    owner: dict[str, object] = {}
    if os.geteuid() == 0:  # which PgBouncer refuses to be
        owner = {"user": UNPRIVILEGED, "group": UNPRIVILEGED, "extra_groups": []}
        for path in (folder, *folder.iterdir()):
            os.chown(path, UNPRIVILEGED, UNPRIVILEGED)
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    process = subprocess.Popen(  # type: ignore[call-overload]
        [program, "-q", folder / "ini"], cwd="/", stderr=subprocess.DEVNULL, **owner
    )
    try:
        _wait_until_it_listens(port, process, folder / "log")
        yield urlunsplit(parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}"))
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


def _wait_until_it_listens(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert process.poll() is None and time.monotonic() < deadline, log.read_text("utf-8")
            time.sleep(0.02)
