"""PostgreSQL under several servers and dispatchers: processes are killed, it crashes and comes back, and still nobody
gets an e-mail twice and nothing is forgotten."""

import contextlib
import os
import random
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from afterword.cli.serving.workers import SOON
from tests.end_to_end.beside import Beside
from tests.end_to_end.mailing import CONNECTIONS, import_orders, mailing
from tests.needs import scale
from tests.postgres import PostgresServer, new_database, own_server
from tests.processes import children_of
from tests.server import SERVE, Server, an_order

ROUNDS = 6 * scale()
SHOPS = 20 * ROUNDS
SERVING = ("serve", "--workers", "2")


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """One of our own, which writes as durably as it does by default."""
    with own_server(fsync="on") as started:
        yield started


@pytest.mark.parametrize("hosts", ["one host", "five hosts"])
def test_whatever_is_killed_no_e_mail_goes_twice_and_no_message_is_forgotten(
    server: PostgresServer, tmp_path: Path, hosts: str
) -> None:
    """Two `serve --workers 2` and three `dispatch`: five that send, of which any process may be killed.

    Every third turn PostgreSQL goes down instead, by a crash or told to be quick. On several hosts nothing is shared
    but the database and the send journal on a server of its own, and the two servers go down in turn. With
    AFTERWORD_TEST_SCALE=10 there are 16,800 e-mails.
    """
    draw = random.Random(ROUNDS)
    down = {"immediate": 0, "fast": 0}
    settings = {"AFTERWORD_DATABASE": server.url}
    places: list[dict[str, str]] = [{}] * 5
    servers = [server]
    with contextlib.ExitStack() as stack:
        if hosts == "five hosts":
            servers.append(stack.enter_context(own_server(fsync="on")))
            settings |= {"AFTERWORD_JOURNAL": servers[1].url, "AFTERWORD_SECRET": "s" * 32}
            places = [{"AFTERWORD_DATA": str(tmp_path / f"host-{n}")} for n in range(5)]
        sent = stack.enter_context(mailing(tmp_path, 2.0, 3.0, **settings))
        sent.cause(SHOPS)
        with contextlib.ExitStack() as ending:
            lines = (SERVING, SERVING, *[("dispatch",)] * 3)
            cast = [Beside(sent.server, *line, **place) for line, place in zip(lines, places, strict=True)]
            for one in cast:
                ending.callback(one.close)
            sent.relay.wait_for(100, 60)
            for turn in range(ROUNDS):
                time.sleep(draw.uniform(0.5, 1.8))
                sent.note_trouble()
                if turn % 3 == 1:
                    how = "immediate" if turn % 2 else "fast"
                    victim = servers[turn // 3 % len(servers)]
                    victim.stop(how)
                    down[how] += 1
                    victim.start()
                else:
                    draw.choice(cast).kill(draw)
                for one in cast:
                    one.see_to_it()
        print(f"\n{ROUNDS} turns, PostgreSQL down {down}: {dict(sent.count())} went meanwhile")
        sent.settle(ROUNDS * CONNECTIONS * len(cast))
        sent.check_trouble(ROUNDS / 2)
        assert all(down.values())


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
        assert alba.read(lambda tx: tx.rows("SELECT count(*) FROM messages")) == [(acknowledged,)]


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
        for number in range(10):
            assert alba.post_orders([an_order(f"before-{number}")]).status == 200
        time.sleep(SOON)
        os.kill(first[1], signal.SIGKILL)
        alba.wait_until(lambda: len(set(children_of(alba.process.pid)) - {first[1]}) == 2)
        ids = import_orders(alba, 40)
        assert len(alba.states()) == 10 + len(ids)
        assert {imported(alba) for _ in range(20)} == {10 + len(ids)}, (
            "an answer does not tell of all processes"
        )
        left = children_of(alba.process.pid)
        assert alba.stop() == 0
        assert not [pid for pid in left if Path("/proc", str(pid)).exists()]


def imported(alba: Server) -> int:
    """What `/metrics` says, whichever process answers."""
    [value] = re.findall(
        r'^afterword_orders_total{result="imported"} (.+)$',
        alba.get("/metrics").content.decode(),
        re.MULTILINE,
    )
    return int(float(value))


def test_the_processes_end_with_the_one_that_watches_over_them(postgres: str, tmp_path: Path) -> None:
    with new_database(postgres) as url, Server(tmp_path, AFTERWORD_DATABASE=url) as alba:
        alba.stop()
        alba.start([*SERVE, "--workers", "2"])
        assert alba.process is not None
        assert len(children_of(alba.process.pid)) == 2
        alba.kill()
        alba.wait_until_gone()
