"""SIGTERM while letters go out: those in hand are finished, all others wait."""

from collections import Counter
from pathlib import Path

from tests.end_to_end.mailing import (
    WatchedRelay,
    check_once,
    import_orders,
    invitations,
    is_settled,
    mailing_server,
)

LETTERS = 300


def test_sigterm_finishes_the_letters_in_hand_and_keeps_the_others(tmp_path: Path) -> None:
    with WatchedRelay(seconds=0.1) as relay, mailing_server(tmp_path, relay) as alba:
        ids = import_orders(alba, LETTERS)
        relay.wait_for(20)
        assert alba.stop() == 0
        states = Counter(alba.states().values())
        assert states == {"sent": len(relay.messages), "scheduled": LETTERS - len(relay.messages)}
        assert 20 <= states["sent"] < LETTERS
        assert {one.tries for one in alba.invitations() if one.state == "scheduled"} == {0}
        alba.start()
        alba.wait_until(lambda: is_settled(alba))
        check_once(alba, relay.taken, invitations(alba, ids), most_in_doubt=0)
