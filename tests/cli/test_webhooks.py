"""`afterword webhook`: added with a secret that is shown once, listed, tried, removed; and what doctor says."""

import json

from afterword.store.shops import find_shop
from tests.cli.command import Command
from tests.store.cast import NOW, closing_now
from tests.webhooks.receiver import Receiver, status

ALLOW = {"AFTERWORD_WEBHOOK_ALLOW": "127.0.0.0/8, ::1"}


def test_a_webhook_is_added_listed_tried_and_removed(afterword: Command) -> None:
    afterword.say("shop", "add", "Alba's bakery")
    with Receiver(status(204), status(500)) as receiver:
        added = afterword.json("webhook", "add", "Alba's bakery", receiver.url, "--test", **ALLOW)
        assert added["secret"].startswith("whsec_") and not added["live"]
        tried = afterword.json("webhook", "test", f"{added['id']}", **ALLOW)
        assert tried == {"id": added["id"], "taken": True, "says": "it answered 204"}
        failed = afterword.run("webhook", "test", f"{added['id']}", **ALLOW)
        assert (failed.code, failed.out) == (1, "Webhook 1 has not taken it: it answered 500.\n")
    assert [json.loads(each.body)["type"] for each in receiver.heard] == ["webhook.test"] * 2
    assert receiver.heard[0].headers["webhook-signature"].startswith("v1,")
    [listed] = afterword.json("webhook", "list", "Alba's bakery")
    assert listed["url"] == receiver.url and listed["answered_at"] and listed["stopped"] is None
    assert (listed["waiting"], listed["failed"]) == (0, 0)
    assert added["secret"] not in afterword.say("webhook", "list", "Alba's bakery")
    afterword.say("webhook", "remove", "1")
    assert afterword.json("webhook", "list", "Alba's bakery") == []
    assert afterword.run("webhook", "test", "1").sentence == "there is no webhook 1"


def test_an_address_to_which_nothing_would_be_sent_is_refused(afterword: Command) -> None:
    afterword.say("shop", "add", "Alba's bakery")
    for url, why in (
        ("http://127.0.0.1:8000/", "AFTERWORD_WEBHOOK_ALLOW"),
        ("https://clara:secret@shop.example/", "without user"),
    ):
        sentence = afterword.run("webhook", "add", "1", url).sentence
        assert why in sentence, sentence
    assert (
        "is not a list of networks"
        in afterword.run("webhook", "add", "1", "http://127.0.0.1/", AFTERWORD_WEBHOOK_ALLOW="here").sentence
    )


def test_doctor_tells_of_what_could_not_be_told_and_who_is_stopped(afterword: Command) -> None:
    afterword.say("shop", "add", "Alba's bakery")
    with Receiver() as receiver:
        afterword.say("webhook", "add", "1", receiver.url, **ALLOW)
    row = (
        "INSERT INTO messages (shop_id, message_id, live, kind, queue, webhook_id, state, due_at, next_try_at, "
        "tries, reason) VALUES (1, {0}, 1, 'any', 1 + {1}, {1}, '{2}', 1, 1, {3}, 'no')"
    )
    with closing_now(afterword.database()) as database:
        assert database.read_now(lambda tx: find_shop(tx, "1")) is not None
        for values in (
            (1, 1, "failed", 11),
            (2, 1, "failed", 11),
            (3, 0, "scheduled", 4),
            (4, 1, "scheduled", 1),
        ):
            database.write_now(lambda tx, values=values: tx.run(row.format(*values)))
        stop = f"UPDATE webhooks SET stopped = 'it answered 410', answered_at = {NOW}"
        database.write_now(lambda tx: tx.run(stop))
    said = afterword.run("doctor").out
    assert "LOOK webhooks    Webhook 1 of shop 1 is told nothing any more (it answered 410)." in said
    assert "note messages    2 deliveries to webhook 1 of shop 1 were given up: no" in said
    assert "note messages    1 e-mails about reviews of shop 1 wait, after 4 tries: no" in said
    assert said.count(" messages ") == 2, "what was tried once is not worth a word"
