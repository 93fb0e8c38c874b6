"""The rows of webhooks: programs of a shop that are notified of events of its reviews."""

from collections import Counter
from collections.abc import Callable

import msgspec

from afterword.base.errors import Refused
from afterword.domain.shops import Shop
from afterword.store.engine.database import Transaction
from afterword.store.numbers import next_number
from afterword.store.queries import query

MOST_WEBHOOKS = 20
"""Of one shop: each of them is a delivery for each event."""


class Webhook(msgspec.Struct, frozen=True):
    """A program that is notified of a shop's live, or its test, reviews. `answered_at` is when it last took something
    (epoch seconds); `stopped` says why nothing is sent to it any more."""

    shop_id: int
    id: int
    live: bool
    url: str
    secret: str
    created_at: int
    answered_at: int | None = None
    stopped: str | None = None


def add_webhook(tx: Transaction, shop: Shop, url: str, secret: str, *, live: bool, now: float) -> Webhook:
    """Raises Refused when the shop has as many as there can be."""
    if len(webhooks_of(tx, shop.id)) >= MOST_WEBHOOKS:
        raise Refused(f"{shop.name} has {MOST_WEBHOOKS} webhooks, which is the limit")
    webhook = Webhook(shop.id, next_number(tx, "webhooks"), live, url, secret, int(now))
    row = {"shop_id": shop.id, "webhook_id": webhook.id, "live": int(live), "url": url, "secret": secret}
    tx.run(query("insert_webhook"), row | {"created_at": int(now)})
    return webhook


def webhooks_of(tx: Transaction, shop_id: int) -> list[Webhook]:
    """A shop's webhooks, of both modes."""
    return [_webhook(*row) for row in tx.rows(query("webhooks_of_shop"), {"shop_id": shop_id})]


def webhook_of(tx: Transaction, shop_id: int, webhook_id: int) -> Webhook | None:
    """This shop's webhook of that number."""
    for row in tx.rows(query("webhook_of_shop"), {"shop_id": shop_id, "webhook_id": webhook_id}):
        return _webhook(*row)
    return None


def find_webhook(tx: Transaction, webhook_id: int) -> Webhook:
    """Of whichever shop. Raises Refused when there is none."""
    for row in tx.rows(query("webhook_by_id"), {"webhook_id": webhook_id}):
        return _webhook(*row)
    raise Refused(f"there is no webhook {webhook_id}")


def stopped_webhooks(tx: Transaction) -> list[Webhook]:
    """Those of all shops that get nothing any more; reads every row."""
    return [_webhook(*row) for row in tx.rows(query("stopped_webhooks"))]


def remove_webhook(tx: Transaction, webhook_id: int) -> Webhook:
    """Nothing more is sent to it, not even what is scheduled. Raises Refused when there is none."""
    webhook = find_webhook(tx, webhook_id)
    key = {"shop_id": webhook.shop_id, "webhook_id": webhook_id}
    tx.run(query("delete_webhook"), key)
    tx.run(query("delete_deliveries"), key)
    return webhook


def note_answer(tx: Transaction, shop_id: int, webhook_id: int, now: float) -> None:
    """It took something: it works, and goes on if it was stopped."""
    tx.run(query("webhook_answered"), {"shop_id": shop_id, "webhook_id": webhook_id, "now": int(now)})


def stop_webhook(tx: Transaction, shop_id: int, webhook_id: int, why: str, *, since: int) -> bool:
    """Sends nothing more to it, unless it has taken something `since`. Returns whether it is stopped."""
    values = {"shop_id": shop_id, "webhook_id": webhook_id, "why": why, "since": since}
    return tx.run(query("stop_webhook"), values) == 1


def deliveries_by_webhook(tx: Transaction, shop_id: int) -> Callable[[int], dict[str, int]]:
    """How many of a shop's deliveries to a webhook wait, and how many were given up."""
    amounts: Counter[tuple[int, bool]] = Counter()
    for webhook_id, state, amount in tx.rows(query("count_deliveries"), {"shop_id": shop_id}):
        amounts[webhook_id, state == "failed"] += amount
    return lambda webhook_id: {"waiting": amounts[webhook_id, False], "failed": amounts[webhook_id, True]}


def _webhook(shop_id: int, webhook_id: int, live: int, *rest: str | int | None) -> Webhook:
    return Webhook(*(shop_id, webhook_id, bool(live), *rest))  # type: ignore[arg-type]
