import json
from ipaddress import ip_network

import pytest

from afterword.actions import webhooks
from afterword.base.errors import Refused
from afterword.store.engine.database import Database
from afterword.webhooks.sending import Sender
from tests.store.cast import NOW, Member
from tests.store.databases import act, ask, execute, run
from tests.webhooks.receiver import Receiver, status

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1"))


def test_an_address_to_which_nothing_would_be_sent_is_refused() -> None:
    with pytest.raises(Refused, match=r"cannot be a webhook: .*AFTERWORD_WEBHOOK_ALLOW"):
        webhooks.check_url("http://127.0.0.1:8000/", ())
    with pytest.raises(Refused, match=r"cannot be a webhook: .*without a user"):
        webhooks.check_url("https://clara:secret@shop.example/", ())
    webhooks.check_url("http://127.0.0.1:8000/", LOOPBACK)
    webhooks.check_url("https://not-resolved-today.invalid/hook", ())


def test_a_test_is_signed_and_starts_a_stopped_webhook_once_it_is_accepted(
    database: Database, alba: Member
) -> None:
    with Receiver(status(500), status(204)) as receiver:
        webhook = act(database, webhooks.add, alba.shop, receiver.url, NOW, live=True)
        execute(database, "UPDATE webhooks SET stopped = 'it answered 410'")
        answers = [run(webhooks.test(database, webhook.id, Sender(LOOPBACK), NOW)) for _ in range(2)]
        [listed] = ask(database, webhooks.listed, alba.shop)
    assert [answer.says for answer in answers] == ["it answered 500", "it answered 204"]
    assert (listed.webhook.stopped, listed.webhook.answered_at) == (None, NOW)
    assert json.loads(receiver.heard[1].body) == {
        "type": "webhook.test",
        "timestamp": "2026-03-01T14:12:06Z",
        "data": {"webhook": webhook.id},
    }
    assert receiver.heard[1].headers["webhook-signature"].startswith("v1,")


def test_each_shop_lists_its_own_with_what_waits_and_what_failed(
    database: Database, alba: Member, bruno: Member
) -> None:
    webhook = act(database, webhooks.add, alba.shop, "https://alba.example/hook", NOW, live=True)
    row = (
        "INSERT INTO messages (shop_id, message_id, live, kind, queue, webhook_id, state, due_at, next_try_at, "
        "tries) VALUES (:shop, :number, 1, 'webhook', 2, :webhook, :state, 1, 1, 1)"
    )
    for number, state in enumerate(("scheduled", "scheduled", "failed")):
        values = {"shop": alba.shop.id, "number": number, "webhook": webhook.id, "state": state}
        execute(database, row, values)
    assert ask(database, webhooks.listed, alba.shop) == [webhooks.ListedWebhook(webhook, 2, 1)]
    assert ask(database, webhooks.listed, bruno.shop) == []
    act(database, webhooks.remove, webhook.id)
    with pytest.raises(Refused, match=f"there is no webhook {webhook.id}"):
        run(webhooks.test(database, webhook.id, Sender(), NOW))
