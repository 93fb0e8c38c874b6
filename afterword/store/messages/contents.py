"""What a claimed message is about, read as it is at this moment."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from afterword.domain.messages import Message, MessageOrder, Recipient
from afterword.domain.orders.order import decode_lines
from afterword.domain.reviews.review import PRODUCTS, SITE, Review
from afterword.domain.shops import Shop
from afterword.store.engine.database import Transaction
from afterword.store.messages.claims import Claim, Delivery
from afterword.store.messages.steps import end
from afterword.store.queries import columns_of, query
from afterword.store.reviews.counts import counts
from afterword.store.reviews.rows import waiting_reviews
from afterword.store.reviews.writing import review_of
from afterword.store.webhooks import webhook_of

MOST_LISTED = 10
"""Reviews that a digest names."""

_COLUMNS = columns_of(query("claimed_message"))


def read_message(row: tuple[Any, ...], shop: Shop) -> Message:
    """A row of `claimed_message`; `details` is still the text that a delivery has as its body."""
    of = dict(zip(_COLUMNS, row, strict=True))
    order, recipient = None, Recipient(of["email"] or "", shop.lang)
    if of["order_id"] is not None:
        recipient = Recipient(of["email"], of["lang"], of["firstname"], of["lastname"])
        order = MessageOrder(
            of["order_id"], of["id_order"], of["reference"], of["order_date"], decode_lines(of["lines"])
        )
    return Message(
        id=of["id"],
        shop_id=of["shop_id"],
        live=bool(of["live"]),
        kind=of["kind"],
        tries=of["tries"],
        first_try_at=of["first_try_at"],
        due_at=of["due_at"],
        created_at=of["created_at"],
        recipient=recipient,
        order=order,
        details=_details(of),
    )


def _details(of: dict[str, Any]) -> dict[str, Any]:
    if of["kind"] == "webhook":
        return {"webhook": of["webhook_id"], "body": of["payload"]}
    found: dict[str, Any] = msgspec.json.decode(of["payload"]) if of["payload"] else {}
    return found | {"review": of["review_id"]} if of["review_id"] else found


def completed(tx: Transaction, claims: Sequence[Claim]) -> Iterator[Claim]:
    """Each with what it is about; what there is no reason to send any more ends here instead."""
    for claim in claims:
        if claim.message.kind == "webhook":
            found = _with_delivery(tx, claim)
        elif claim.message.kind == "digest":
            found = _with_waiting_reviews(tx, claim)
        else:
            found = _with_reviews(tx, claim)
        if found is not None:
            yield found


def _with_delivery(tx: Transaction, claim: Claim) -> Claim | None:
    webhook = webhook_of(tx, claim.shop.id, claim.message.details["webhook"])
    if webhook is None or webhook.stopped is not None:
        end(tx, claim, "failed", webhook.stopped if webhook else None)
        return None
    delivery = Delivery(webhook, claim.message.details["body"])
    return claim._replace(message=replace(claim.message, details={}), delivery=delivery)


def _with_waiting_reviews(tx: Transaction, claim: Claim) -> Claim | None:
    message = claim.message
    waiting = sum(
        count.amount
        for scope in (SITE, PRODUCTS)
        for count in counts(tx, message.shop_id, scope, live=message.live)
        if count.state == "waiting"
    )
    if not waiting:
        end(tx, claim, "cancelled", None)
        return None
    tx.run(query("remove_other_digests"), claim.key | {"live": int(message.live)})
    first = waiting_reviews(tx, message.shop_id, live=message.live, most=MOST_LISTED)
    return claim._replace(message=replace(message, waiting=waiting, reviews=tuple(first)))


def _with_reviews(tx: Transaction, claim: Claim) -> Claim | None:
    message = claim.message
    if message.kind == "receipt":
        numbers = [receipt["review"] for receipt in message.details["receipts"]]
    else:
        numbers = [message.details["review"]]
    found = [review_of(tx, message.shop_id, number) for number in numbers]
    reviews = tuple(review for review in found if review is not None and _is_still_so(message, review))
    if message.order is None or not reviews:
        end(tx, claim, "cancelled", None)
        return None
    return claim._replace(message=replace(message, reviews=reviews))


def _is_still_so(message: Message, review: Review) -> bool:
    if message.kind == "rejection":
        return review.state == "rejected"
    if message.kind == "reply":
        return review.state == "published" and review.reply is not None
    return review.state != "erased"
