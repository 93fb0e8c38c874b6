"""The power is cut while messages of every kind go out: no e-mail that was accepted before goes again, and no
delivery that was not taken is forgotten."""

from collections import Counter
from pathlib import Path

from afterword.store.opening import open_sqlite
from tests.end_to_end.mailing import (
    CONNECTIONS,
    KINDS,
    LEASE_AND_ROUND,
    Expected,
    Taken,
    WatchedReceiver,
    WatchedRelay,
    cause_every_kind,
    check_once,
    import_orders,
    invitations,
    is_settled,
    mailing_server,
    messages,
)
from tests.needs import scale
from tests.powercut.disk import Cut, cuts
from tests.powercut.launch import command
from tests.processes import moved_clock
from tests.server import Server

CUTS = 40 * scale()
SERVED = 2 * scale()
"""Cuts after which a real server goes on with what is left."""

LETTERS = 400
SHOPS = 40
SEED = 20_260_311


def test_what_was_accepted_before_the_cut_is_never_sent_again(tmp_path: Path) -> None:
    delivered = []
    with WatchedRelay() as relay, WatchedReceiver() as receiver:
        alba = mailing_server(tmp_path, relay)
        expected = cause_every_kind(alba, receiver, SHOPS)
        alba.start(command(tmp_path / "recorded", "afterword", "serve"))
        expected |= invitations(alba, import_orders(alba, LETTERS))
        relay.wait_for(len(expected) - 220, 60)
        alba.kill(all_at_once=True)
        alba.wait_until_gone()
        taken = [*relay.taken, *receiver.taken]
        for number, cut in enumerate(cuts(tmp_path / "recorded", tmp_path / "cuts", CUTS, SEED)):
            before = [one for one in taken if cut.promised(one.at)]
            delivered.append(Counter(expected[one.fingerprint] for one in before))
            alba.settings |= {
                "AFTERWORD_DATA": str(cut.folder),
                "AFTERWORD_DATABASE": str(cut.folder / "afterword.db"),
            }
            check_rows(alba, cut, before, expected)
            if number % (CUTS // SERVED) == CUTS // SERVED - 1:
                go_on(alba, receiver, before, expected)
    for kind in KINDS:
        assert any(0 < each[kind] < delivered[-1][kind] for each in delivered), (
            f"no cut lies amid the {kind}s"
        )
    assert delivered[-1].total() == len(taken)
    print(
        f"\n{CUTS} cuts; delivered at the middle one {dict(delivered[CUTS // 2])}, in all {dict(delivered[-1])}"
    )


def check_rows(alba: Server, cut: Cut, before: list[Taken], expected: Expected) -> None:
    """What the next start finds: an e-mail that arrived does not wait to be sent, what is sent or settled arrived."""
    where = f"cut {cut.folder.name} at {cut.at}, seed {cut.seed}"
    database = open_sqlite(cut.folder / "afterword.db", cut.folder / "send.journal")
    assert not database.is_held, where
    database.close_now()
    assert alba.read(lambda tx: tx.rows("PRAGMA integrity_check")) == [("ok",)], where
    arrived, left = {one.fingerprint for one in before}, messages(alba)
    states = Counter(state for _, state in left.values())
    assert states["sending"] + states["in_doubt"] <= CONNECTIONS, where
    for named, kind in expected.items():
        _, state = left.get(named, (kind, "not imported yet" if kind == "invitation" else "sent"))
        if kind != "webhook" and named in arrived:
            assert state in ("sending", "in_doubt", "sent"), (where, kind, state)
        assert state != "sent" or named in arrived, (where, kind)


def go_on(alba: Server, receiver: WatchedReceiver, before: list[Taken], expected: Expected) -> None:
    """Starts a server on what the cut left, a minute later, with an empty mail server."""
    receiver.taken.clear()
    with WatchedRelay() as relay:
        alba.settings["AFTERWORD_SMTP"] = relay.url
        with alba.start(**moved_clock(LEASE_AND_ROUND)):
            alba.wait_until(lambda: is_settled(alba), 60)
        imported = messages(alba).keys()
        there = {named: kind for named, kind in expected.items() if kind != "invitation" or named in imported}
        check_once(alba, [*before, *relay.taken, *receiver.taken], there, CONNECTIONS)
