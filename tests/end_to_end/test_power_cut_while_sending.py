"""The power is cut while messages of every kind go out: no e-mail that was accepted before goes again, and no
delivery that was not taken is forgotten."""

from collections import Counter
from pathlib import Path

from afterword.store.opening import open_sqlite
from tests.end_to_end.mailing import CONNECTIONS, KINDS, Mailing, Taken, mailing, messages
from tests.needs import scale
from tests.powercut.disk import Cut, cuts
from tests.powercut.launch import command

CUTS = 40 * scale()
SERVED = 2 * scale()
"""Cuts after which a real server goes on with what is left."""

SHOPS = 40
SEED = 20_260_311


def test_what_was_accepted_before_the_cut_is_never_sent_again(tmp_path: Path) -> None:
    with mailing(tmp_path, 0.0, 0.0) as sent:
        sent.cause(SHOPS)
        sent.server.start(command(tmp_path / "recorded", "afterword", "serve"))
        sent.relay.wait_for(SHOPS * 12, 60)
        sent.server.kill(all_at_once=True)
        sent.server.wait_until_gone()
        taken, last = sent.taken, sent.count()
        delivered = []
        for number, cut in enumerate(cuts(tmp_path / "recorded", tmp_path / "cuts", CUTS, SEED)):
            before = [one for one in taken if cut.promised(one.at)]
            delivered.append(Counter(sent.expected[one.fingerprint] for one in before))
            sent.server.settings |= {
                "AFTERWORD_DATA": str(cut.folder),
                "AFTERWORD_DATABASE": str(cut.folder / "afterword.db"),
            }
            check_rows(sent, cut, before)
            if number % (CUTS // SERVED) == CUTS // SERVED - 1:
                sent.relay.taken.clear()
                sent.receiver.taken.clear()
                sent.settle(CONNECTIONS, before)
    for kind in KINDS:
        assert any(0 < each[kind] < last[kind] for each in delivered), f"no cut lies amid the {kind}s"
    assert delivered[-1] == last
    print(f"\n{CUTS} cuts; delivered at the middle one {dict(delivered[CUTS // 2])}, in all {dict(last)}")


def check_rows(sent: Mailing, cut: Cut, before: list[Taken]) -> None:
    """What the next start finds: an e-mail that arrived does not wait to be sent, what is sent or settled arrived."""
    where = f"cut {cut.folder.name} at {cut.at}, seed {cut.seed}"
    database = open_sqlite(cut.folder / "afterword.db", cut.folder / "send.journal")
    assert not database.is_held, where
    database.close_now()
    assert sent.server.read(lambda tx: tx.rows("PRAGMA integrity_check")) == [("ok",)], where
    arrived, left = {one.fingerprint for one in before}, messages(sent.server)
    for named, kind in sent.expected.items():
        _, state = left.get(named, (kind, "sent"))
        if kind != "webhook" and named in arrived:
            assert state in ("sending", "in_doubt", "sent"), (where, kind, state)
        assert state != "sent" or named in arrived, (where, kind)
    assert sum(state in ("sending", "in_doubt") for _, state in left.values()) <= CONNECTIONS, where
