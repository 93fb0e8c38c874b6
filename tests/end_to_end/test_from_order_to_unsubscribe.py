"""The main story: an order over HTTP, its one letter over SMTP, and what the customer does with it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from afterword.store.engine.transaction import Transaction
from tests.end_to_end.letters import SENDER, Read, read_letter, recipients
from tests.peers import RelayPeer
from tests.server import Server, an_order

DELAY = 1
TABLES = ("orders", "messages", "suppressions", "keys", "journals")


@contextmanager
def bakery(folder: Path) -> Iterator[tuple[Server, RelayPeer]]:
    """Alba's bakery, whose letters go after a second, and its mail server."""
    with RelayPeer() as relay:
        server = Server(folder, delay=DELAY, AFTERWORD_SMTP=relay.url, AFTERWORD_FROM=SENDER)
        with server:
            yield server, relay


def first_letter(alba: Server, relay: RelayPeer, **order: object) -> Read:
    assert alba.post_orders([an_order("first", **order)]).counts == (1, 1, 1)
    relay.wait_for(1)
    alba.wait_until(lambda: alba.states()["first"] == "sent")
    return read_letter(relay.messages[0])


def path_of(link: str, alba: Server) -> str:
    """The path of a link; fails when the link leads elsewhere than to this server."""
    assert link.startswith(f"{alba.url}/"), link
    return urlsplit(link).path


def test_an_order_earns_one_letter_when_it_is_due_and_no_other(tmp_path: Path) -> None:
    with bakery(tmp_path) as (alba, relay):
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
    with bakery(tmp_path) as (alba, relay):
        letter = first_letter(alba, relay, **diego)
        alba.post_orders([an_order("on its way", **diego)])
        one_click = alba.request(
            "POST",
            path_of(letter.unsubscribe, alba),
            "List-Unsubscribe=One-Click",
            {"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert one_click.status == 200
        alba.post_orders([an_order("later", **diego | {"email": "Diego@Mail.Example"}), an_order("Clara's")])
        ended = {"first": "sent", "on its way": "cancelled", "later": "cancelled", "Clara's": "sent"}
        alba.wait_until(lambda: alba.states() == ended)
        assert recipients(relay.messages) == ["diego@mail.example", an_order("Clara's")["email"]]


def test_every_link_opens_and_a_scanner_that_opens_them_again_and_again_changes_nothing(
    tmp_path: Path,
) -> None:
    with bakery(tmp_path) as (alba, relay):
        letter = first_letter(alba, relay)
        assert "Alba's bakery" in letter.subject
        assert {letter.review, letter.unsubscribe} == letter.links
        before = everything(alba)
        for path in (path_of(link, alba) for link in letter.links):
            for method in ("GET", "HEAD", "GET", "GET"):
                answer = alba.request(method, path, headers={"User-Agent": "mail scanner"})
                assert answer.status == 200
            assert b"bakery" in answer.content
            assert alba.get(path[:-1] + "!").status == 404
        assert everything(alba) == before


def everything(alba: Server) -> dict[str, list[tuple[Any, ...]]]:
    def read(tx: Transaction) -> dict[str, list[tuple[Any, ...]]]:
        return {table: tx.rows(f"SELECT * FROM {table}") for table in TABLES}

    return alba.read(read)
