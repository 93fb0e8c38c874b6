"""Messages that are no invitations: those that a change of a review causes, to its author, to the shop, to the shop's
programs, and those that someone has asked for.

Each is a row of the transaction of its cause: none is sent of what did not happen, and none is forgotten.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from afterword.domain.messages import MessageKind, queue_of
from afterword.domain.people.users import SignIn
from afterword.domain.reviews.review import Review
from afterword.domain.reviews.shape import sent_shape
from afterword.domain.shops import Shop
from afterword.domain.values import utc_text
from afterword.store.engine.database import Transaction
from afterword.store.queries import query
from afterword.store.webhooks import webhooks_of

PEACE = 900
"""Seconds between two digests."""

PEACE_OF_AUTHOR = 3_600
"""Seconds between two messages of a kind in GATHERED about the reviews of one order."""


def notify_author(
    tx: Transaction,
    review: Review,
    kind: MessageKind,
    details: Mapping[str, object],
    *,
    now: float,
    due_at: int = 0,
) -> None:
    """An e-mail to the author of a review, at its order's address; none where there is no order of ours."""
    row = {"live": review.live, "order_id": review.order_id, "review_id": review.id}
    if _id_order(tx, review) is not None:
        due = {"payload": json.dumps(details), "due_at": max(due_at, int(now))}
        _add(tx, review.shop_id, kind, row | due, now)


def gather_for_author(
    tx: Transaction,
    review: Review,
    kind: MessageKind,
    name: str,
    found: Sequence[Mapping[str, Any]],
    *,
    now: float,
) -> None:
    """The same for a kind in GATHERED. Its details have one list, `name`, whose members name their `review`.

    One that still waits takes what is `found`, of each review the last. Otherwise the next is due PEACE_OF_AUTHOR
    after the one before.
    """
    due_at = int(now)
    asked = {"shop_id": review.shop_id, "order_id": review.order_id, "kind": kind}
    for message_id, state, sent_at, payload in tx.rows(query("messages_of_order"), asked):
        key = {"shop_id": review.shop_id, "message_id": message_id}
        if state == "scheduled":
            gathered = {each["review"]: each for each in (*json.loads(payload)[name], *found)}
            if tx.run(query("replace_payload"), key | {"payload": json.dumps({name: [*gathered.values()]})}):
                return
        due_at = max(due_at, _after_peace(state, sent_at, now, PEACE_OF_AUTHOR))
        if state == "sent":
            tx.run(query("remove_message"), key)
    notify_author(tx, review, kind, {name: found}, now=now, due_at=due_at)


def _after_peace(state: str, sent_at: int | None, now: float, peace: int) -> int:
    """When a message may be due after one in this state; one that is on its way may be sent at any moment."""
    if state in ("scheduled", "claimed", "sending"):
        return int(now) + peace
    return min(sent_at, int(now)) + peace if state == "sent" and sent_at is not None else int(now)


def notify_shop(tx: Transaction, shop: Shop, *, live: bool, now: float) -> None:
    """A digest to the shop, if it has an address: one of all that waits, and none within PEACE of the one before."""
    if not shop.email:
        return
    due_at = int(now)
    for message_id, state, sent_at in tx.rows(query("digests"), {"shop_id": shop.id, "live": int(live)}):
        if state == "scheduled":
            return
        due_at = max(due_at, _after_peace(state, sent_at, now, PEACE))
        if state in ("sent", "failed"):
            tx.run(query("remove_message"), {"shop_id": shop.id, "message_id": message_id})
    _add(tx, shop.id, "digest", {"live": live, "recipient": shop.email, "due_at": due_at}, now)


def send_sign_in(tx: Transaction, shop_id: int, link: SignIn, now: float) -> None:
    """An e-mail with a link that signs in, to one of this shop's people."""
    payload = json.dumps({"sign_in": link._asdict()})
    _add(tx, shop_id, "sign_in", {"live": True, "recipient": link.email, "payload": payload}, now)


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
    tx.announce()
