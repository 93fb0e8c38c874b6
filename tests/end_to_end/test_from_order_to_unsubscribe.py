"""The main story: an order over HTTP, its one letter over SMTP, and what the customer does with it."""

import time
from pathlib import Path

from tests.end_to_end.letters import read_letter, recipients
from tests.end_to_end.mailing import mailing_server
from tests.peers import RelayPeer
from tests.server import an_order

DELAY = 1


def test_an_order_earns_one_letter_when_it_is_due_and_no_other(tmp_path: Path) -> None:
    with RelayPeer() as relay, mailing_server(tmp_path, relay, DELAY) as alba:
        answer = alba.post_orders([an_order("A-1")], details=True)
        asked_at = time.time()
        relay.wait_for(1)
        arrived_at = time.time()
        [invitation] = alba.invitations()
        assert invitation.due_at <= arrived_at <= invitation.due_at + 2
        assert invitation.due_at <= asked_at + DELAY + 1
        assert answer.body["orders"][0]["invitation"]["id"] == invitation.id
        alba.post_orders([an_order("A-1")])
        time.sleep(DELAY + 1)
        assert recipients(relay.messages) == [an_order("A-1")["email"]]
        alba.wait_until(lambda: alba.states() == {"A-1": "sent"})


def test_after_one_press_diego_gets_no_letter_any_more(tmp_path: Path) -> None:
    """RFC 8058 3.1: the mail program itself posts `List-Unsubscribe=One-Click`."""
    diego = {"firstname": "Diego", "email": "diego@mail.example"}
    with RelayPeer() as relay, mailing_server(tmp_path, relay, DELAY) as alba:
        assert alba.post_orders([an_order("first", **diego)]).counts == (1, 1, 1)
        relay.wait_for(1)
        alba.wait_until(lambda: alba.states()["first"] == "sent")
        letter = read_letter(relay.messages[0])
        assert all(link.startswith(f"{alba.url}/") for link in letter.links)
        alba.post_orders([an_order("on its way", **diego)])
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        path = letter.unsubscribe.removeprefix(alba.url)
        assert alba.request("POST", path, "List-Unsubscribe=One-Click", form).status == 200
        alba.post_orders([an_order("later", **diego | {"email": "Diego@Mail.Example"}), an_order("Clara's")])
        ended = {"first": "sent", "on its way": "cancelled", "later": "cancelled", "Clara's": "sent"}
        alba.wait_until(lambda: alba.states() == ended)
        assert recipients(relay.messages) == ["diego@mail.example", an_order("Clara's")["email"]]
