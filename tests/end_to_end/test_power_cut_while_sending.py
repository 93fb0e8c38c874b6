"""The power is cut while letters go out: what the mail server accepted before is never sent again."""

from pathlib import Path

from afterword.store.opening import open_sqlite
from tests.end_to_end.letters import recipients
from tests.end_to_end.mailing import (
    CONNECTIONS,
    LEASE_AND_ROUND,
    WatchedRelay,
    import_orders,
    is_settled,
    mailing_server,
)
from tests.needs import scale
from tests.powercut.disk import Cut, cuts
from tests.powercut.launch import command
from tests.processes import moved_clock
from tests.server import Server, address_of

CUTS = 40 * scale()
SERVED = 2 * scale()
"""Cuts after which a real server goes on with what is left."""

LETTERS = 400
SEED = 20_260_311


def test_what_was_accepted_before_the_cut_is_never_sent_again(tmp_path: Path) -> None:
    with WatchedRelay() as relay:
        alba = mailing_server(tmp_path, relay)
        alba.start(command(tmp_path / "recorded", "afterword", "serve"))
        ids = import_orders(alba, LETTERS)
        relay.wait_for(LETTERS - 100, 60)
        alba.kill(all_at_once=True)
        alba.wait_until_gone()
    delivered = []
    for number, cut in enumerate(cuts(tmp_path / "recorded", tmp_path / "cuts", CUTS, SEED)):
        before = {recipient for recipient, at in relay.accepted if cut.promised(at)}
        delivered.append(len(before))
        alba.settings |= {
            "AFTERWORD_DATA": str(cut.folder),
            "AFTERWORD_DATABASE": str(cut.folder / "afterword.db"),
        }
        check_rows(alba, cut, before)
        if number % (CUTS // SERVED) == CUTS // SERVED - 1:
            go_on(alba, cut, before)
    assert delivered[0] < delivered[CUTS // 2] < delivered[-1], "the cuts lie all at one end"
    assert delivered[-1] == len(relay.accepted) <= len(ids)
    print(f"\n{CUTS} cuts; at the middle one {delivered[CUTS // 2]} of {LETTERS} letters were delivered")


def check_rows(alba: Server, cut: Cut, before: set[str]) -> None:
    """What the next start finds: a letter that arrived does not wait to be sent, one that is `sent` arrived."""
    where = f"cut {cut.folder.name} at {cut.at}, seed {cut.seed}"
    database = open_sqlite(cut.folder / "afterword.db", cut.folder / "send.journal")
    assert not database.is_held, where
    database.close_now()
    assert alba.read(lambda tx: tx.rows("PRAGMA integrity_check")) == [("ok",)], where
    states = {address_of(one): state for one, state in alba.states().items()}
    assert {states[one] for one in before} <= {"sending", "in_doubt", "sent"}, where
    assert {one for one, state in states.items() if state == "sent"} <= before, where
    assert sum(state in ("sending", "in_doubt") for state in states.values()) <= CONNECTIONS, where


def go_on(alba: Server, cut: Cut, before: set[str]) -> None:
    """Starts a server on what the cut left, a minute later, with an empty mail server."""
    where = f"cut {cut.folder.name} at {cut.at}, seed {cut.seed}"
    with WatchedRelay() as relay:
        alba.settings["AFTERWORD_SMTP"] = relay.url
        with alba.start(**moved_clock(LEASE_AND_ROUND)):
            alba.wait_until(lambda: is_settled(alba), 60)
        after = recipients(relay.messages)
        in_doubt = {address_of(one) for one, state in alba.states().items() if state == "in_doubt"}
        assert len(after) == len(set(after)), where
        assert before.isdisjoint(after), f"{where}: a customer has two letters"
        everybody = {address_of(one) for one in alba.states()}
        assert before | set(after) | in_doubt == everybody, f"{where}: a customer was forgotten"
