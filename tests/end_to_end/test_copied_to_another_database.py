"""Afterword is stopped, its database is copied to another engine by a command that is killed again and again, and
Afterword is started there; then all of it back. Every acknowledged order arrives, and nobody gets two e-mails."""

import json
import os
import pty
import random
import subprocess
import sys
from pathlib import Path

from tests.end_to_end.mailing import (
    LEASE_AND_ROUND,
    WatchedRelay,
    check_once,
    invitations,
    is_settled,
    mailing_server,
)
from tests.needs import scale
from tests.postgres import new_database
from tests.processes import moved_clock
from tests.server import PROJECT, TEN_DAYS, Server, an_order

DUE_NOW = 200 * scale()
"""Orders before each copy whose e-mails are due at once: some are sent before it, the others after it."""

WAITING = 20_000 * scale()
"""Orders of Bruno's books, which wait for ten days."""

KILLS = ("rows copied", "rows copied", "rows compared")
"""What the command shows when it is killed."""


def test_nothing_is_lost_and_nothing_is_sent_twice(postgres: str, tmp_path: Path) -> None:
    draw = random.Random("copied")
    with (
        new_database(postgres) as there,
        WatchedRelay(seconds=0.03) as relay,
        mailing_server(tmp_path, relay, delay=1) as alba,
    ):
        order_at_brunos(alba)
        ids: list[str] = []
        killed = 0
        for way, new in (("out", there), ("back", str(tmp_path / "back.db"))):
            old = str(alba.database) if way == "out" else there
            ids += import_orders(alba, way)
            relay.wait_for(len(relay.taken) + 1)
            alba.stop()
            for shown in KILLS:
                killed += copy_and_kill(alba, old, new, shown, draw.uniform(0.0, 0.1 * scale()))
            copied = copy(alba, old, new)
            assert copied["orders"]["rows"] == WAITING + len(ids)
            alba.settings["AFTERWORD_DATABASE"] = new
            alba.start()
            assert alba.post_orders([an_order(ids[0])]).counts == (0, 1, 0)
        assert killed >= len(KILLS), "it was finished before it could be killed"
        alba.wait_until(lambda: len(relay.taken) >= len(ids), 60 * scale())
        alba.stop()
        alba.start(**moved_clock(LEASE_AND_ROUND))
        alba.wait_until(lambda: is_settled(alba), 60 * scale())
        alba.stop()
        check_once(alba, relay.taken, invitations(alba, ids), 0)
        assert waiting_at_brunos(alba) == WAITING


def copy_and_kill(alba: Server, old: str, new: str, shown: str, seconds: float) -> bool:
    """Kills the command so long after it has shown that on a terminal. False when it had ended before."""
    mine, theirs = pty.openpty()
    process = subprocess.Popen(
        line(old, new), cwd=PROJECT, env=alba.environment(), stdout=subprocess.DEVNULL, stderr=theirs
    )
    os.close(theirs)
    said = b""
    while shown.encode() not in said and (piece := read(mine)):
        said += piece
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
    os.close(mine)
    return process.wait(60) != 0


def copy(alba: Server, old: str, new: str) -> dict[str, dict[str, int]]:
    done = subprocess.run(
        line(old, new), cwd=PROJECT, env=alba.environment(), capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    tables: dict[str, dict[str, int]] = json.loads(done.stdout)["tables"]
    return tables


def line(old: str, new: str) -> list[str]:
    return [sys.executable, "-m", "afterword", "copy", "--from", old, "--to", new, "--json"]


def read(terminal: int) -> bytes:
    """Nothing when the command has ended."""
    try:
        return os.read(terminal, 1_000)
    except OSError:
        return b""


def import_orders(alba: Server, name: str) -> list[str]:
    ids = [f"{name}-{number}" for number in range(DUE_NOW)]
    assert alba.post_orders([an_order(one) for one in ids]).counts == (1, DUE_NOW, DUE_NOW)
    return ids


def order_at_brunos(alba: Server) -> None:
    key = alba.add_shop("Bruno's books", TEN_DAYS).private_key
    for first in range(0, WAITING, 5_000):
        orders = [an_order(f"W-{number}") for number in range(first, first + 5_000)]
        assert alba.post_orders(orders, key=key).counts == (1, 5_000, 5_000)


def waiting_at_brunos(alba: Server) -> int:
    sql = (
        "SELECT count(*) FROM messages i JOIN shops s ON s.shop_id = i.shop_id "
        "WHERE s.name = 'Bruno''s books' AND i.state = 'scheduled'"
    )
    return int(alba.read(lambda tx: tx.rows(sql))[0][0])
