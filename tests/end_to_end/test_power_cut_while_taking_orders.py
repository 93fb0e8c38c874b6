"""The power is cut while shops send orders: what was acknowledged before the cut is on the disk."""

import time
from collections import Counter
from pathlib import Path

from afterword.base.settings import read_settings
from afterword.store.opening import open_sqlite
from tests.end_to_end.crowd import Crowd
from tests.needs import scale
from tests.powercut.disk import Cut, cuts
from tests.powercut.launch import command
from tests.server import Server, an_order, opened

CUTS = 50 * scale()
SECONDS = 2.0
SEED = 20_260_301


def test_no_power_cut_loses_an_acknowledged_order_or_stores_it_twice(tmp_path: Path) -> None:
    alba = Server(tmp_path)
    log = tmp_path / "recorded"
    alba.start(command(log, "afterword", "serve"))
    with Crowd(alba).sending() as crowd:
        time.sleep(SECONDS)
    alba.kill(all_at_once=True)
    alba.wait_until_gone()
    assert crowd.failures == []
    promised = [check(cut, crowd) for cut in cuts(log, tmp_path / "cuts", CUTS, SEED)]
    assert promised[-1] == len({one.id_order for one in crowd.acknowledged})
    assert 0 < promised[len(promised) // 2] < promised[-1], "the cuts lie all at one end"
    print(f"\n{CUTS} cuts in {len(crowd.acknowledged)} acknowledged orders, {crowd.answers} answers")


def check(cut: Cut, crowd: Crowd) -> int:
    """Opens what a cut left, as the next start does; how many orders had to be there."""
    where = f"cut {cut.folder.name} at {cut.at}, seed {cut.seed}"
    database = open_sqlite(cut.folder / "afterword.db", cut.folder / "send.journal")
    assert not database.is_held, where
    database.close_now()
    promised = {one.id_order for one in crowd.acknowledged if cut.promised(one.at)}
    with opened(read_settings({"AFTERWORD_DATA": str(cut.folder)})) as tx:
        assert tx.rows("PRAGMA integrity_check") == [("ok",)], where
        stored = Counter(id_order for (id_order,) in tx.rows("SELECT id_order FROM orders"))
        invited = tx.rows("SELECT o.id_order FROM messages m JOIN orders o ON o.order_id = m.message_id")
        assert tx.rows("SELECT count(*) FROM messages") == [(len(stored),)], where
    assert promised <= stored.keys() <= crowd.sent, where
    assert set(stored.values()) <= {1}, where
    assert Counter(id_order for (id_order,) in invited) == stored, where
    return len(promised)


def test_a_server_that_starts_after_a_cut_goes_on_where_it_was(tmp_path: Path) -> None:
    alba = Server(tmp_path)
    alba.start(command(tmp_path / "recorded", "afterword", "serve"))
    assert alba.post_orders([an_order("A-1"), an_order("A-2")]).counts == (1, 2, 2)
    alba.kill(all_at_once=True)
    alba.wait_until_gone()
    for cut in cuts(tmp_path / "recorded", tmp_path / "cuts", 1, SEED):
        alba.settings |= {"AFTERWORD_DATA": str(cut.folder)}
        with alba:
            assert alba.post_orders([an_order("A-1"), an_order("A-2"), an_order("A-3")]).counts == (1, 3, 1)
