"""Ten days, with the process's own clock moved by libfaketime, running at its real speed."""

import time
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from tests.end_to_end.letters import recipients
from tests.end_to_end.mailing import mailing_server
from tests.peers import Received, RelayPeer
from tests.processes import moved_clock
from tests.server import TEN_DAYS, Server, an_order

WHEN_IT_STARTS = 4.0
"""Seconds before the letters are due."""

ORDERS = [
    an_order("of today", order_date=time.strftime("%Y-%m-%d %H:%M:%S")),
    an_order("of long ago", order_date="1987-06-05 00:00:01"),
    an_order("of days to come", order_date="2038-02-03 04:05:06"),
]


@pytest.mark.alone
def test_letters_go_ten_days_after_receipt_whatever_the_order_date(tmp_path: Path) -> None:
    """At ten days less two seconds there is no letter; at ten days and two seconds exactly one for each order."""
    with RelayPeer() as relay, mailing_server(tmp_path, relay, TEN_DAYS) as alba:
        received_at = time.time()
        assert alba.post_orders(ORDERS).counts == (1, 3, 3)
        [due_at] = {one.due_at for one in alba.invitations()}
        assert received_at + TEN_DAYS <= due_at <= time.time() + TEN_DAYS + 1
        alba.stop()
        shift = start_before(alba, due_at)
        sleep_until(due_at - 2 - shift)
        assert alba.get("/healthz").status == 200
        assert relay.messages == []
        sleep_until(due_at - 0.05 - shift)
        assert relay.messages == []
        sleep_until(due_at + 2 - shift)
        assert sorted(recipients(relay.messages)) == sorted(order["email"] for order in ORDERS)
        sleep_until(due_at + 3 - shift)
        assert len(relay.messages) == 3
        assert all(due_at <= date_of(letter) <= due_at + 2 for letter in relay.messages)


def start_before(alba: Server, due_at: int) -> float:
    """Starts the server some seconds before the due time, and says how far its clock is ahead of ours."""
    shift = round(due_at - WHEN_IT_STARTS - time.time(), 3)
    alba.start(**moved_clock(shift))
    return shift


def sleep_until(moment: float) -> None:
    assert moment > time.time(), "too late: the machine was too slow to look at this moment"
    time.sleep(moment - time.time())


def date_of(letter: Received) -> float:
    """The Date of a letter: the server's own clock when it wrote it."""
    [line] = [one for one in letter.content.split(b"\r\n") if one.startswith(b"Date: ")]
    return parsedate_to_datetime(line[6:].decode()).timestamp()
