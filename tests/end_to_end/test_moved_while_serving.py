"""A database is moved to another engine while its server takes orders and sends letters. The command is killed, again
and again, and PostgreSQL crashes: every acknowledged order is there in the end, and nobody gets two letters."""

import json
import os
import pty
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from tests.end_to_end.mailing import (
    CONNECTIONS,
    LEASE_AND_ROUND,
    WatchedRelay,
    check_once,
    import_orders,
    is_settled,
    mailing_server,
)
from tests.needs import scale
from tests.postgres import PostgresServer
from tests.processes import moved_clock
from tests.server import PROJECT, TEN_DAYS, Server, an_order

DUE_NOW = 400 * scale()
"""Orders whose letters go while everything is moved."""

WAITING = 20_000 * scale()
"""Orders of Bruno's books, whose letters go in ten days."""

BREAKS = (
    ("rows copied", False),
    ("rows copied", True),
    ("rows copied", False),
    ("rows compared", False),
    ("rows compared", True),
    ("rows compared", False),
)
"""What the move is doing when it is broken off, and whether it is PostgreSQL that crashes then."""


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


class Customers:
    """They order all the time, one after the other; the shop sends again whatever was not acknowledged."""

    def __init__(self, alba: Server) -> None:
        self._alba = alba
        self._thread = threading.Thread(target=self._order)
        self._stopping = False
        self.acknowledged: list[str] = []
        self.turned_away = 0

    def _order(self) -> None:
        while not self._stopping:
            one = f"D-{len(self.acknowledged)}"
            while not self._is_acknowledged(one):
                time.sleep(0.05)
            self.acknowledged.append(one)
            time.sleep(0.02)

    def _is_acknowledged(self, one: str) -> bool:
        try:
            answer = self._alba.post_orders([an_order(one)])
        except OSError:
            return False
        if answer.status == 503:
            self.turned_away += 1
            assert answer.headers["retry-after"]
        return answer.status == 200

    def __enter__(self) -> "Customers":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        self._thread.join(60)


class Mover:
    """`afterword move` beside the server."""

    def __init__(self, alba: Server, source: str, destination: str) -> None:
        self._alba = alba
        self._line = [
            sys.executable,
            "-m",
            "afterword",
            "move",
            "--from",
            source,
            "--to",
            destination,
            "--json",
        ]

    def finish(self) -> dict[str, Any]:
        environment = self._alba.environment()
        done = subprocess.run(self._line, cwd=PROJECT, env=environment, capture_output=True, encoding="utf-8")
        assert done.returncode == 0, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def break_off(self, at: str, seconds: float, server: PostgresServer | None) -> bool:
        """Kills the command, or crashes the server, so long after it said `at`. False when it had ended before."""
        mine, theirs = pty.openpty()
        environment = self._alba.environment()
        process = subprocess.Popen(
            self._line, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL, stderr=theirs
        )
        os.close(theirs)
        said = b""
        while at.encode() not in said and (piece := read(mine)):
            said += piece
        time.sleep(seconds)
        if server is None:
            process.kill()
        else:
            server.stop("immediate")
        while piece := read(mine):
            said += piece
        os.close(mine)
        ended = process.wait(600)
        if server is not None:
            server.start()
            assert ended == 0 or b"the same command goes on" in said, said[-1_000:]
        return ended != 0


def read(terminal: int) -> bytes:
    """Nothing when nobody writes to it any more."""
    try:
        return os.read(terminal, 1_000)
    except OSError:
        return b""


@pytest.mark.parametrize("way", ["to PostgreSQL", "to SQLite"])
def test_whatever_breaks_every_order_arrives_and_nobody_gets_two_letters(
    server: PostgresServer, tmp_path: Path, way: str
) -> None:
    old, new = str(tmp_path / "data" / "afterword.db"), server.url
    if way == "to SQLite":
        old, new = new, str(tmp_path / "moved.db")
    draw = random.Random(way)
    with (
        WatchedRelay(seconds=0.03) as relay,
        mailing_server(tmp_path, relay, delay=2, AFTERWORD_DATABASE=old) as alba,
    ):
        waiting = order_at_brunos(alba)
        ids = import_orders(alba, DUE_NOW)
        with Customers(alba) as customers:
            relay.wait_for(1)
            mover, broken, begun = Mover(alba, old, new), 0, time.monotonic()
            for doing, crashes in BREAKS:
                seconds = draw.uniform(0.0, 0.1 * scale())
                broken += mover.break_off(doing, seconds, server if crashes else None)
            took = time.monotonic() - begun
            told = mover.finish()
            last = time.monotonic() - begun - took
            alba.stop()
            alba.settings["AFTERWORD_DATABASE"] = new
            alba.start()
            in_time = len(customers.acknowledged)
            alba.wait_until(lambda: len(customers.acknowledged) > in_time + 10)
        alba.stop()
        alba.start(**moved_clock(LEASE_AND_ROUND))
        alba.wait_until(lambda: is_settled(alba), 120 * scale())
        alba.stop()
        ids += customers.acknowledged
        # The move leaves nothing in doubt. A crash of the server that keeps the marks does, as ever.
        in_doubt = check_once(alba, relay, ids, 3 * CONNECTIONS if way == "to SQLite" else 0)
        assert states_at_brunos(alba) == [("scheduled", waiting)]
        print(f"\n{way}: broken off {broken} times in {took:.1f} s, then finished in {last:.1f} s")
        print(f"{len(ids)} letters, {in_doubt} of them in doubt; {customers.turned_away} orders sent again")
        print(json.dumps(told, indent=1))
        assert customers.turned_away, "nobody ordered while it was closed"
        assert broken >= len(BREAKS) - 2, "it was finished before it could be broken off"


def order_at_brunos(alba: Server) -> int:
    key = alba.add_shop("Bruno's books", TEN_DAYS).private_key
    for first in range(0, WAITING, 5_000):
        orders = [an_order(f"W-{number}") for number in range(first, first + 5_000)]
        assert alba.post_orders(orders, key=key).counts == (1, 5_000, 5_000)
    return WAITING


def states_at_brunos(alba: Server) -> list[tuple[str, int]]:
    sql = (
        "SELECT i.state, count(*) FROM invitations i JOIN orders o ON o.shop_id = i.shop_id "
        "AND o.order_id = i.order_id JOIN shops s ON s.shop_id = o.shop_id "
        "WHERE s.name = 'Bruno''s books' GROUP BY i.state"
    )
    return [(str(state), int(count)) for state, count in alba.read(lambda tx: tx.rows(sql))]
