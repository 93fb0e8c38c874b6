"""The rows of notices: who is still to be told what became of a review, a person by mail or a program by webhook.

A notice is a row of the transaction that it tells of, so nobody is told what did not happen, and nobody is forgotten.
"""

import json
from collections.abc import Mapping

from afterword.domain.reviews.review import Review
from afterword.domain.reviews.shape import sent_shape
from afterword.domain.shops import Shop
from afterword.domain.values import utc_text
from afterword.store.engine.database import Transaction
from afterword.store.queries import query
from afterword.store.webhooks import webhooks_of


def tell_programs(tx: Transaction, review: Review, event: str, *, now: float) -> None:
    """Tells each webhook of the shop and world `review.<event>`, with the review as it is at this moment. Nothing is
    kept for one that is stopped."""
    for webhook in webhooks_of(tx, review.shop_id):
        if webhook.live == review.live and webhook.stopped is None:
            payload = {
                "type": f"review.{event}",
                "timestamp": utc_text(int(now)),
                "data": _told(tx, review),
            }
            _add(tx, review, event, payload, webhook_id=webhook.id, recipient="", now=now)


def tell_author(
    tx: Transaction, review: Review, kind: str, details: Mapping[str, object], *, now: float
) -> None:
    """A letter to whoever wrote the review, at the order's address; nobody where there is no order of ours."""
    for (email,) in tx.rows(
        query("address_of_order"), {"shop_id": review.shop_id, "order_id": review.order_id}
    ):
        _add(tx, review, kind, details, webhook_id=0, recipient=email, now=now)


def tell_shop(
    tx: Transaction, shop: Shop, review: Review, kind: str, details: Mapping[str, object], *, now: float
) -> None:
    """A letter to the shop, if it has an address."""
    if shop.email:
        _add(tx, review, kind, details, webhook_id=0, recipient=shop.email, now=now)


def _told(tx: Transaction, review: Review) -> dict[str, object]:
    orders = tx.rows(query("id_order_of"), {"shop_id": review.shop_id, "order_id": review.order_id})
    return sent_shape(review, orders[0][0] if orders else None)


def _add(
    tx: Transaction,
    review: Review,
    kind: str,
    payload: Mapping[str, object],
    *,
    webhook_id: int,
    recipient: str,
    now: float,
) -> None:
    after: int = tx.rows(query("next_ids"), {"name": "notices", "size": 1})[0][0]
    row = {
        "shop_id": review.shop_id,
        "notice_id": after - 1,
        "live": int(review.live),
        "kind": kind,
        "webhook_id": webhook_id,
        "review_id": review.id,
        "recipient": recipient,
        "payload": json.dumps(payload),
        "now": int(now),
    }
    tx.run(query("insert_notice"), row)
