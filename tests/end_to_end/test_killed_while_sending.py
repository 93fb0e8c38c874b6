"""kill -9, again and again, while letters go out: nobody gets two, and nobody is forgotten."""

import random
import time
from pathlib import Path

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
from tests.processes import moved_clock

KILLS = 10 * scale()
LETTERS = 220 * KILLS


def test_nobody_gets_two_letters_and_nobody_is_forgotten(tmp_path: Path) -> None:
    """In doubt is at most one letter for each open connection and kill."""
    draw = random.Random(KILLS)
    with WatchedRelay(seconds=0.03) as relay, mailing_server(tmp_path, relay) as alba:
        ids = import_orders(alba, LETTERS)
        relay.wait_for(1)
        interrupted = 0
        for kill in range(KILLS):
            if kill:
                alba.start()
            time.sleep(draw.uniform(0.0, 0.3))
            alba.kill(all_at_once=draw.random() < 0.5)
            interrupted += "scheduled" in alba.states().values()
        before = len(relay.messages)
        alba.start(**moved_clock(LEASE_AND_ROUND))
        alba.wait_until(lambda: is_settled(alba), 120)
        alba.stop()
        assert interrupted >= KILLS * 0.8, "the letters ran out before the kills"
        in_doubt = check_once(alba, relay, ids, KILLS * CONNECTIONS)
        print(
            f"\n{KILLS} kills: {before} of {LETTERS} letters went between them, {in_doubt} in doubt in the end"
        )
