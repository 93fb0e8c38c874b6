"""f: four `afterword dispatch` processes that send from one PostgreSQL, against one such process.

All processes wait for a lock on the table of invitations, which is then released, so that starting them is not
measured. The clock stops when the last message has arrived and is recorded. They share a send journal and the sink
of c.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg

from benchmarks.ground import (
    Ground,
    WrongResultError,
    environment_of,
    settings_of,
)
from benchmarks.sending import PATIENCE, SENDER, arrived
from benchmarks.serving import HOST
from benchmarks.sink import Sink, kind, sink
from benchmarks.table import Measured, Needed, Report, in_turn
from benchmarks.waiting import fill
from benchmarks.watching import seconds_of_all
from benchmarks.watching_postgres import WatchedServer, settings_of_server, watching_server

PROCESSES = 4


class Sent(NamedTuple):
    """One run: its duration, the CPU time of the dispatchers, and what PostgreSQL did during it."""

    messages: int
    seconds: float
    spent: float
    server: WatchedServer

    def dominates(self, processes: int) -> dict[str, dict[str, str]]:
        parts = {
            "processor time a message": {"the dispatchers": f"{self.spent / self.messages * 1e6:.1f} µs"},
            "of all cores' time is spent": {
                "by the dispatchers": self._share(self.spent),
                "by PostgreSQL": self._share(self.server.seconds),
            },
        } | self.server.dominates(self.messages, "a message")
        who = "one process" if processes == 1 else f"{processes} processes"
        return {f"{who}, {what}": shares for what, shares in parts.items()}

    def _share(self, spent: float) -> str:
        return f"{100 * spent / self.seconds / (os.cpu_count() or 1):.0f} %"


def measure(ground: Ground, runs: int) -> Report:
    """Raises MissingError without PostgreSQL, WrongResultError if a message does not arrive, or arrives twice."""
    messages = 500 if ground.quick else 12_000
    here = ground.on_postgres
    dominates = settings_of_server(here.server)
    with sink(here.folder) as taker:

        def rate(processes: int) -> float:
            sent = _send_all(here, taker, messages, processes)
            dominates.update(sent.dominates(processes))
            return sent.messages / sent.seconds

        ours, limits = in_turn(runs, lambda: rate(PROCESSES), lambda: rate(1))
    return Report(
        name="f",
        title=f"messages from one PostgreSQL, {PROCESSES} dispatching processes, to {kind()}",
        measured=[
            Measured(
                what="messages composed, marked, sent, recorded",
                unit="messages/s",
                limit_is="one dispatching process",
                ours=ours,
                limits=limits,
                needed=Needed(1.3),
            )
        ],
        dominates=dominates,
    )


def _send_all(ground: Ground, taker: Sink, messages: int, processes: int) -> Sent:
    """One run on a new database with due invitations; each message must arrive exactly once."""
    data = ground.fresh("messages")
    fill(data, orders=messages, due=messages, now=int(time.time()))
    before = taker.messages()
    with (
        _dispatching(data, taker.port, processes) as started,
        watching_server(ground.server) as server,
    ):
        spent = -sum(map(seconds_of_all, started.pids))
        begun = started.go()
        _wait_for(data, taker, before + messages)
        seconds = time.perf_counter() - begun
        spent += sum(map(seconds_of_all, started.pids))
    found = arrived(taker, before + messages) - before
    if found != messages:
        raise WrongResultError(f"of {messages} messages {found} arrived")
    return Sent(messages, seconds, spent, server)


class _Started:
    """Dispatchers that have started, and wait for a lock that this process holds."""

    def __init__(self, pids: list[int], lock: psycopg.Connection) -> None:
        self.pids = pids
        self._lock = lock

    def go(self) -> float:
        """When the lock was released."""
        begun = time.perf_counter()
        self._lock.commit()
        return begun


@contextmanager
def _dispatching(data: Path, port: int, processes: int) -> Iterator[_Started]:
    """Runs this many dispatchers, and stops them at the end. Raises WrongResultError."""
    environment = environment_of(data, SMTP=f"smtp://{HOST}:{port}?tls=none", FROM=SENDER)
    running: list[subprocess.Popen[bytes]] = []
    with psycopg.connect(settings_of(data).database) as lock, (data / "log").open("wb") as log:
        lock.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
        try:
            for _ in range(processes):
                command = [sys.executable, "-m", "afterword", "dispatch"]
                running.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
            _wait_until_all_wait(lock, processes)
            yield _Started([process.pid for process in running], lock)
            for process in running:
                process.terminate()
            ended = [process.wait(PATIENCE) for process in running]
            if any(ended):
                raise WrongResultError(f"a dispatcher failed: {(data / 'log').read_text()[-1_000:]}")
        finally:
            for process in running:
                process.kill()
                process.wait()


def _wait_until_all_wait(lock: psycopg.Connection, processes: int) -> None:
    """Waits until this many connections wait for the lock, and no more have joined for half a second."""
    waiting, since, deadline = 0, time.monotonic(), time.monotonic() + PATIENCE
    while waiting < processes or time.monotonic() < since + 0.5:
        found = lock.execute(_WAITING).fetchall()[0][0]
        if found != waiting:
            waiting, since = found, time.monotonic()
        if time.monotonic() > deadline:
            raise WrongResultError(f"{waiting} connections wait for the first message, not {processes}")
        time.sleep(0.05)


_WAITING = """
SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database
                                                                WHERE datname = current_database())
"""


def _wait_for(data: Path, taker: Sink, messages: int) -> None:
    """Waits until this many messages have arrived and are recorded. Asks the sink first, which does not load the
    database."""
    deadline = time.monotonic() + PATIENCE
    with psycopg.connect(settings_of(data).database, autocommit=True) as connection:
        while taker.messages() < messages or connection.execute(_UNSENT).fetchall():
            if time.monotonic() > deadline:
                raise WrongResultError(f"the messages are not all sent after {PATIENCE} seconds")
            time.sleep(0.01)


_UNSENT = "SELECT 1 FROM messages WHERE state <> 'sent' LIMIT 1"
