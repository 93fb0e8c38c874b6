"""kill -9, again and again, while shops send orders: what was acknowledged is there, once."""

import random
import time
from pathlib import Path

from tests.end_to_end.crowd import Crowd, check_kept
from tests.needs import scale
from tests.server import Server

KILLS = 10 * scale()


def test_no_acknowledged_order_is_lost_or_there_twice(tmp_path: Path, place: dict[str, str]) -> None:
    draw = random.Random(KILLS)
    alba = Server(tmp_path, **place)
    with alba, Crowd(alba).sending() as crowd:
        for _ in range(KILLS):
            time.sleep(draw.uniform(0.0, 0.35))
            alba.kill(all_at_once=draw.random() < 0.5)
            alba.start()
    assert crowd.acknowledged
    alba.start()
    check_kept(alba, crowd)
    alba.stop()
    print(
        f"\n{KILLS} kills: {len(crowd.sent)} orders sent, {len(crowd.acknowledged)} acknowledged"
        f" in {crowd.answers} answers, {sum(not one.imported for one in crowd.acknowledged)} of them sent again"
    )
