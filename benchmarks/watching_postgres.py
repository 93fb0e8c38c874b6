"""Observes the PostgreSQL server during a run: its settings, its CPU time, and what its connections wait for.

*PostgreSQL's connections are in*, in per cent of the time of those with something to do: `work`; what they wait
for, as PostgreSQL names it; or *waiting for the client, a transaction open*, our own time between two
statements. Four connections can reach 400 per cent.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import psycopg

from benchmarks.table import shares
from benchmarks.watching import seconds_of_all
from tools.postgres_server import PostgresServer

EVERY = 0.02
"""Seconds between observations."""

TOLD = (
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_sync_method",
    "shared_buffers",
    "max_wal_size",
)


class WatchedServer(msgspec.Struct):
    """The observations; complete when `watching_server` ends. `seconds` is CPU time."""

    looks: int = 0
    states: dict[str, int] = {}
    seconds: float = 0.0

    def dominates(self, done: int, what: str) -> dict[str, dict[str, str]]:
        """The important parts, for the table. `done` is the number of orders or messages."""
        if not self.looks:
            return {}
        return {
            "PostgreSQL's connections, in per cent of the time, are in": shares(
                self.states, of={"all": self.looks}
            ),
            f"PostgreSQL's processor time {what}": {
                "all its processes": f"{self.seconds / done * 1e6:.1f} µs"
            },
        }


@contextmanager
def watching_server(server: PostgresServer | None) -> Iterator[WatchedServer]:
    """Observes the server's connections fifty times per second, except idle ones. Observes nothing without a
    server."""
    if server is None:
        yield WatchedServer()
        return
    watched, states, ended = WatchedServer(), Counter[str](), threading.Event()

    def look() -> None:
        with psycopg.connect(server.url, autocommit=True) as connection:
            while not ended.wait(EVERY):
                watched.looks += 1
                states.update(state for (state,) in connection.execute(_STATES))

    thread = threading.Thread(target=look)
    before = seconds_of_all(server.pid)
    thread.start()
    try:
        yield watched
    finally:
        ended.set()
        thread.join()
    time.sleep(0.1)  # processes that have ended are soon counted by their parent
    watched.states = dict(states)
    watched.seconds = seconds_of_all(server.pid) - before


def settings_of_server(server: PostgresServer | None) -> dict[str, dict[str, str]]:
    """For the table."""
    if server is None:
        return {}
    with psycopg.connect(server.url) as connection:
        told = {name: connection.execute(f"SHOW {name}").fetchall()[0][0] for name in TOLD}
        version = connection.info.server_version
    return {f"PostgreSQL {version // 10_000}.{version % 10_000} with its defaults has": told}


_STATES = """
SELECT CASE WHEN wait_event IS NULL THEN 'work'
            WHEN state LIKE 'idle in transaction%' THEN 'waiting for the client, a transaction open'
            ELSE wait_event_type || ' ' || wait_event END
FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND state <> 'idle'
"""
