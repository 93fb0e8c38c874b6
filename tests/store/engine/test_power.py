"""Guarantees 1 and 5 when the power is cut: what was answered is there, and what was marked is never sent again.

Alba's program takes orders and sends messages on a recorded disk; each cut is a data folder as the disk could hold
it, with whatever was not fsynced dropped or torn.
"""

import os
import subprocess
from pathlib import Path

from afterword.store.engine.sqlite import SqliteDatabase
from afterword.store.messages.steps import rescue_lapsed
from tests.needs import scale
from tests.powercut.disk import Cut, cuts
from tests.powercut.launch import command
from tests.server import PROJECT
from tests.store.cast import DUE
from tests.store.databases import act, closing_now, counted, open_database, rows

CUTS = 40 * scale()

ALBA = """
import asyncio, os, sys, time
from pathlib import Path
from tests.store.cast import DUE, new_member, order
from tests.store.databases import open_database

def say(what, name):
    os.write(1, f"{what} {name} {time.monotonic_ns()}\\n".encode())

async def take(n):
    names = [f"{n}-{each}" for each in range(4)]
    await database.write(lambda tx: alba.within(tx).sends_batch(*map(order, names)))
    for name in names:
        say("imported", name)

async def send():
    for one in await database.write(lambda tx: alba.within(tx).claims(most=6)):
        name = one.message.order.id_order
        if await database.write(lambda tx: alba.within(tx).marks(one)):
            say("marked", name)
            await database.write(lambda tx: alba.within(tx).records(one, "sent"))
            say("sent", name)

async def work():
    for n in range(40):
        await asyncio.gather(*(take(f"{n}.{each}") for each in range(5)), *(send() for _ in range(n % 2)))

database = open_database(Path(os.environ["AFTERWORD_DATA"]))
alba = new_member(database, "Alba's bakery")
say("alba", alba.shown.private_key)
asyncio.run(work())
os._exit(0)
"""
"""Says what was answered, and when; it ends without closing anything."""


def recorded(home: Path) -> list[list[str]]:
    """Runs Alba's program; what it said."""
    (home / "data").mkdir()
    (home / "alba.py").write_text(ALBA)
    paths = os.pathsep.join((os.environ.get("PYTHONPATH", ""), str(PROJECT), str(home)))
    environment = {**os.environ, "AFTERWORD_DATA": str(home / "data"), "PYTHONPATH": paths}
    said = subprocess.run(
        command(home / "log", "alba"), env=environment, cwd=home, capture_output=True, text=True, timeout=60
    )
    assert said.returncode == 0, said.stderr
    return [line.split() for line in said.stdout.splitlines()]


def promised(said: list[list[str]], cut: Cut, what: str) -> set[str]:
    return {name for word, name, at in said if word == what and cut.promised(int(at))}


def names(database: SqliteDatabase, condition: str) -> set[str]:
    sql = f"SELECT o.id_order FROM orders o JOIN messages i ON i.message_id = o.order_id WHERE {condition}"
    return {name for (name,) in rows(database, sql)}


def check(database: SqliteDatabase, said: list[list[str]], cut: Cut) -> None:
    where = f"rebuild(log, folder, seed={cut.seed}, at={cut.at}) shows it"
    assert rows(database, "PRAGMA integrity_check") == [("ok",)], where
    assert promised(said, cut, "imported") <= names(database, "1"), where
    different = "(SELECT DISTINCT shop_id, live, id_order FROM orders)"
    counts = [counted(database, table) for table in ("orders", "messages", different)]
    assert len(set(counts)) == 1, where
    assert promised(said, cut, "sent") <= names(database, "i.state = 'sent'"), where
    act(database, rescue_lapsed, frozenset(), now=DUE + 1_000)
    assert promised(said, cut, "marked") <= names(database, "i.state IN ('sent', 'in_doubt')"), where


def test_no_power_cut_loses_what_was_answered_or_sends_a_message_again(tmp_path: Path) -> None:
    said = recorded(tmp_path)
    assert len([line for line in said if line[0] == "imported"]) == 800
    assert len([line for line in said if line[0] == "sent"]) > 60
    for cut in cuts(tmp_path / "log", tmp_path / "cuts", CUTS, seed=1):
        if not (cut.folder / "afterword.db").exists():
            assert promised(said, cut, "alba") == set()
            continue
        with closing_now(open_database(cut.folder)) as database:
            if promised(said, cut, "alba"):
                assert not database.is_held
            check(database, said, cut)
