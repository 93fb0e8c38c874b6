"""PostgreSQL under several dispatchers: processes are killed, the server crashes and comes back, and still nobody
gets two letters and nobody is forgotten."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from afterword.cli.workers import SOON
from tests.needs import scale
from tests.postgres import PostgresServer, new_database
from tests.server import PROJECT, SERVE, Server, an_order, children_of, moved_clock
from tests.stories.mailing import (
    CONNECTIONS,
    LEASE_AND_ROUND,
    WatchedRelay,
    check_once,
    import_orders,
    is_settled,
    mailing_server,
)

ROUNDS = 6 * scale()
LETTERS = 300 * ROUNDS


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """One of our own, which writes as durably as it does by default."""
    folder = Path(mkdtemp(prefix="afterword-postgres-"))
    folder.chmod(0o755)
    started = PostgresServer(folder, fsync="on")
    try:
        yield started
    finally:
        started.remove()


class Dispatcher:
    """`afterword dispatch` beside a server, on the same data."""

    def __init__(self, alba: Server) -> None:
        self._alba = alba
        self._log = alba.data.with_name("dispatch.log").open("ab")
        self.start()

    def start(self) -> None:
        line = [sys.executable, "-m", "afterword", "dispatch"]
        self._process = subprocess.Popen(
            line, cwd=PROJECT, env=self._alba.environment(), stdout=self._log, stderr=self._log
        )

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


def test_whatever_is_killed_nobody_gets_two_letters_and_nobody_is_forgotten(
    server: PostgresServer, tmp_path: Path
) -> None:
    draw = random.Random(ROUNDS)
    with (
        WatchedRelay(seconds=0.03) as relay,
        mailing_server(tmp_path, relay, AFTERWORD_DATABASE=server.url) as alba,
    ):
        ids = import_orders(alba, LETTERS)
        dispatchers = [Dispatcher(alba), Dispatcher(alba)]
        relay.wait_for(1)
        interrupted = 0
        for turn in range(ROUNDS):
            time.sleep(draw.uniform(0.2, 0.8))
            interrupted += "scheduled" in alba.states().values()
            if turn % 3 == 1:
                server.stop("immediate")
                server.start()
            else:
                victim = draw.choice([alba, *dispatchers])
                victim.kill()
                victim.start()
        for dispatcher in dispatchers:
            dispatcher.kill()
        alba.kill()
        before = len(relay.messages)
        alba.start(**moved_clock(LEASE_AND_ROUND))
        alba.wait_until(lambda: is_settled(alba), 120)
        alba.stop()
        in_doubt = check_once(alba, relay, ids, ROUNDS * CONNECTIONS * 3)
        print(
            f"\n{ROUNDS} times: {before} of {LETTERS} letters went meanwhile, {in_doubt} in doubt in the end"
        )
        assert interrupted >= ROUNDS / 2, "the letters ran out before the trouble"


def test_orders_acknowledged_while_the_server_crashes_are_stored_once(
    server: PostgresServer, tmp_path: Path
) -> None:
    """A shop that sends again whatever was not acknowledged has each order stored once."""
    with Server(tmp_path, AFTERWORD_DATABASE=server.url) as alba:
        acknowledged = refused = 0
        for n in range(200 * scale()):
            if n % 60 == 30:
                server.stop("immediate")
            orders = [an_order(f"A-{n}")]
            answer = alba.post_orders(orders)
            if answer.status == 503:
                refused += 1
                assert answer.headers["retry-after"]
                if n % 60 == 33:
                    server.start()
                answer = alba.post_orders(orders) if n % 60 == 33 else answer
            acknowledged += answer.status == 200
        assert refused and acknowledged
        rows = alba.read(lambda tx: tx.rows("SELECT count(*), count(DISTINCT id_order) FROM orders"))
        assert rows == [(acknowledged, acknowledged)]
        assert alba.read(lambda tx: tx.rows("SELECT count(*) FROM invitations")) == [(acknowledged,)]


def test_several_processes_serve_one_port_and_a_lost_one_is_started_again(
    postgres: str, tmp_path: Path
) -> None:
    serve = [*SERVE, "--workers", "2"]
    with new_database(postgres) as url, Server(tmp_path, AFTERWORD_DATABASE=url) as alba:
        alba.stop()
        alba.start(serve)
        assert alba.process is not None
        first = children_of(alba.process.pid)
        assert len(first) == 2
        time.sleep(SOON)
        os.kill(first[1], signal.SIGKILL)
        alba.wait_until(lambda: len(set(children_of(alba.process.pid)) - {first[1]}) == 2)
        ids = import_orders(alba, 40)
        assert len(alba.states()) == len(ids)
        left = children_of(alba.process.pid)
        assert alba.stop() == 0
        assert not [pid for pid in left if Path("/proc", str(pid)).exists()]


def test_the_processes_end_with_the_one_that_watches_over_them(postgres: str, tmp_path: Path) -> None:
    with new_database(postgres) as url, Server(tmp_path, AFTERWORD_DATABASE=url) as alba:
        alba.stop()
        alba.start([*SERVE, "--workers", "2"])
        assert alba.process is not None
        left = children_of(alba.process.pid)
        alba.kill()
        deadline = time.monotonic() + 10
        while [pid for pid in left if Path("/proc", str(pid)).exists()]:
            assert time.monotonic() < deadline, "they live on"
            time.sleep(0.05)
