"""Messages that a change of a review causes: to its author, to the shop, to the shop's programs.

Each is a row of the transaction of its cause: none is sent of what did not happen, and none is forgotten.
"""

import json
from collections.abc import Mapping

from afterword.domain.messages import MessageKind, queue_of
from afterword.domain.reviews.review import Review
from afterword.domain.reviews.shape import sent_shape
from afterword.domain.shops import Shop
from afterword.domain.values import utc_text
from afterword.store.engine.database import Transaction
from afterword.store.queries import query
from afterword.store.webhooks import webhooks_of

PEACE = 900
"""Seconds between two digests."""


def notify_author(
    tx: Transaction, review: Review, kind: MessageKind, details: Mapping[str, object], *, now: float
) -> None:
    """An e-mail to the author of a review, at its order's address; none where there is no order of ours."""
    row = {"live": review.live, "order_id": review.order_id, "review_id": review.id}
    if _id_order(tx, review) is not None:
        _add(tx, review.shop_id, kind, row | {"payload": json.dumps(details)}, now)


def notify_shop(tx: Transaction, shop: Shop, *, live: bool, now: float) -> None:
    """A digest to the shop, if it has an address: one of all that waits, and none within PEACE of the one before."""
    if not shop.email:
        return
    due_at = int(now)
    for message_id, state, sent_at in tx.rows(query("digests"), {"shop_id": shop.id, "live": int(live)}):
        if state == "scheduled":
            return
        if state in ("claimed", "sending"):
            due_at = int(now) + PEACE
        elif state == "sent":
            due_at = max(due_at, min(sent_at, int(now)) + PEACE)
        if state in ("sent", "failed"):
            tx.run(query("remove_message"), {"shop_id": shop.id, "message_id": message_id})
    _add(tx, shop.id, "digest", {"live": live, "recipient": shop.email, "due_at": due_at}, now)


def enqueue_deliveries(tx: Transaction, review: Review, event: str, *, now: float) -> None:
    """Notifies each webhook of the shop and mode of `review.<event>`, with the review as it is at this moment. There
    is none for a webhook that is stopped."""
    for webhook in webhooks_of(tx, review.shop_id):
        if webhook.live == review.live and webhook.stopped is None:
            payload = {
                "type": f"review.{event}",
                "timestamp": utc_text(int(now)),
                "data": sent_shape(review, _id_order(tx, review)),
            }
            row = {"live": review.live, "review_id": review.id, "webhook_id": webhook.id}
            _add(tx, review.shop_id, "webhook", row | {"payload": json.dumps(payload)}, now)


def _id_order(tx: Transaction, review: Review) -> str | None:
    orders = tx.rows(query("id_order_of"), {"shop_id": review.shop_id, "order_id": review.order_id})
    return orders[0][0] if orders else None


_NOTHING = {"webhook_id": 0, "order_id": None, "review_id": None, "recipient": None, "payload": None}


def _add(tx: Transaction, shop_id: int, kind: MessageKind, row: Mapping[str, object], now: float) -> None:
    """A message that is due now, unless its row says otherwise."""
    [message_id] = tx.new_order_ids(1)
    same = {"shop_id": shop_id, "message_id": message_id, "kind": kind, "queue": int(queue_of(kind))}
    times = {"created_at": int(now), "due_at": int(now)}
    tx.run(query("insert_message"), {**_NOTHING, **same, **times, **row, "live": int(bool(row["live"]))})
