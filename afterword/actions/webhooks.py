"""Add, list, remove and test a shop's webhooks."""

import json
import secrets
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from afterword.base.errors import Refused
from afterword.domain.shops import Shop
from afterword.domain.values import utc_text
from afterword.store.engine.database import Database, Transaction
from afterword.store.webhooks import (
    Webhook,
    add_webhook,
    deliveries_by_webhook,
    find_webhook,
    note_answer,
    remove_webhook,
    webhooks_of,
)
from afterword.webhooks.addresses import AddressRefused, Network, reachable, read_url
from afterword.webhooks.sending import Answer, Sender
from afterword.webhooks.signing import new_secret, signed_headers


class ListedWebhook(NamedTuple):
    """A webhook, how many deliveries wait for it, and how many were given up."""

    webhook: Webhook
    waiting: int
    failed: int


def check_url(url: str, allowed: Sequence[Network]) -> None:
    """Raises Refused for an address to which nothing would ever be sent. A name that cannot be resolved now is
    accepted: it is resolved again for each delivery."""
    try:
        target = read_url(url)
        with suppress(OSError):
            reachable(target, allowed)
    except AddressRefused as error:
        raise Refused(f"{url!r} cannot be a webhook: {error}") from error


def add(tx: Transaction, shop: Shop, url: str, now: float, *, live: bool) -> Webhook:
    """With a secret of its own. `check_url` comes first, outside the transaction. Raises Refused."""
    return add_webhook(tx, shop, url, new_secret(), live=live, now=now)


def listed(tx: Transaction, shop: Shop) -> list[ListedWebhook]:
    amounts = deliveries_by_webhook(tx, shop.id)
    return [ListedWebhook(each, **amounts(each.id)) for each in webhooks_of(tx, shop.id)]


def remove(tx: Transaction, webhook_id: int) -> Webhook:
    """Sends nothing more to it, and drops what waits for it. Raises Refused."""
    return remove_webhook(tx, webhook_id)


async def test(database: Database, webhook_id: int, sender: Sender, now: float) -> Answer:
    """Sends a signed `webhook.test`. One that accepts it works: if it was stopped, it is started again.

    Raises Refused.
    """
    webhook = await database.read(partial(find_webhook, webhook_id=webhook_id))
    event = {"type": "webhook.test", "timestamp": utc_text(int(now)), "data": {"webhook": webhook.id}}
    body = json.dumps(event).encode()
    headers = signed_headers(webhook.secret, f"msg_{secrets.token_hex(16)}", body, now)
    answer = await sender.post(webhook.url, headers, body)
    if answer.kind == "taken":
        await database.write(partial(note_answer, shop_id=webhook.shop_id, webhook_id=webhook.id, now=now))
    return answer
