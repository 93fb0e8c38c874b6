"""kill -9, again and again, while messages of every kind go out: no e-mail goes twice, and nothing is forgotten."""

import random
import time
from pathlib import Path

from tests.end_to_end.mailing import CONNECTIONS, KINDS, mailing
from tests.needs import scale

KILLS = 10 * scale()
SHOPS = 12 * KILLS


def test_no_e_mail_goes_twice_and_no_message_is_forgotten(tmp_path: Path, place: dict[str, str]) -> None:
    """In doubt is at most one e-mail for each open connection and kill."""
    draw = random.Random(KILLS)
    with mailing(tmp_path, 0.1, 0.2, **place) as sent:
        sent.cause(SHOPS)
        with sent.server as alba:
            alba.wait_until(lambda: sent.count().keys() == KINDS)
            for kill in range(KILLS):
                if kill:
                    alba.start()
                sent.relay.wait_for(len(sent.relay.messages) + draw.randrange(40), 60)
                time.sleep(draw.uniform(0.0, 0.1))
                alba.kill(all_at_once=draw.random() < 0.5)
                sent.note_trouble()
            print(f"\n{KILLS} kills: {dict(sent.count())} went between them")
            sent.settle(KILLS * CONNECTIONS)
            sent.check_trouble(KILLS * 0.8)
