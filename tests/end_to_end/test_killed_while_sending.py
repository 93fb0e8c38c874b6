"""kill -9, again and again, while messages of every kind go out: no e-mail goes twice, and nothing is forgotten."""

import random
import time
from collections import Counter
from pathlib import Path

from tests.end_to_end.mailing import (
    CONNECTIONS,
    KINDS,
    LEASE_AND_ROUND,
    Interrupted,
    WatchedReceiver,
    WatchedRelay,
    cause_every_kind,
    check_once,
    count_kinds,
    import_orders,
    invitations,
    is_settled,
    mailing_server,
)
from tests.needs import scale
from tests.processes import moved_clock

KILLS = 10 * scale()
SHOPS = 16 * KILLS
LETTERS = 220 * KILLS


def test_no_e_mail_goes_twice_and_no_message_is_forgotten(tmp_path: Path, place: dict[str, str]) -> None:
    """In doubt is at most one e-mail for each open connection and kill."""
    draw = random.Random(KILLS)
    interrupted = Interrupted()
    with WatchedRelay(seconds=0.03) as relay, WatchedReceiver(seconds=0.1) as receiver:
        alba = mailing_server(tmp_path, relay, **place)
        expected = cause_every_kind(alba, receiver, SHOPS)
        with alba:
            expected |= invitations(alba, import_orders(alba, LETTERS))
            alba.wait_until(lambda: count_kinds(expected, relay, receiver).keys() == KINDS)
            for kill in range(KILLS):
                if kill:
                    alba.start()
                time.sleep(draw.uniform(0.0, 0.3))
                alba.kill(all_at_once=draw.random() < 0.5)
                interrupted.note(alba)
            before = count_kinds(expected, relay, receiver)
            relay.seconds = receiver.seconds = 0.0
            alba.start(**moved_clock(LEASE_AND_ROUND))
            alba.wait_until(lambda: is_settled(alba), 120 * scale())
            alba.stop()
            in_doubt = check_once(alba, [*relay.taken, *receiver.taken], expected, KILLS * CONNECTIONS)
    print(f"\n{KILLS} kills: of {dict(Counter(expected.values()))} went between them {dict(before)}")
    print(f"in doubt in the end {dict(+in_doubt)}, delivered again {receiver.repeats()}")
    interrupted.check(KILLS * 0.8)
    assert receiver.repeats(), "no delivery was interrupted"
