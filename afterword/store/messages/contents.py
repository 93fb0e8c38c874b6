"""What a claimed message is about, read as it is at this moment."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from afterword.domain.messages import GATHERED, Message, MessageOrder, Recipient
from afterword.domain.orders.order import decode_lines
from afterword.domain.reviews.review import Review
from afterword.domain.shops import Shop
from afterword.store.engine.database import Transaction
from afterword.store.messages.claims import Claim, Delivery
from afterword.store.messages.steps import end
from afterword.store.queries import query, row_of
from afterword.store.reviews.pages import Selection, count_selected
from afterword.store.reviews.rows import waiting_reviews
from afterword.store.reviews.writing import review_of
from afterword.store.webhooks import webhook_of

MOST_LISTED = 10
"""Reviews that a digest names."""

_Row = row_of("claimed_message")


def read_message(values: tuple[Any, ...], shop: Shop) -> Message:
    """A row of `claimed_message`."""
    row = _Row._make(values)
    if row.order_id is None:
        order, recipient = None, Recipient(row.email or "", shop.lang)
    else:
        lines = decode_lines(row.lines)
        order = MessageOrder(row.order_id, row.id_order, row.reference, row.order_date, lines, row.voided)
        recipient = Recipient(row.email, row.lang, row.firstname, row.lastname)
    details = _details(row) if row.payload else {}
    times = (row.tries, row.first_try_at, row.due_at, row.created_at)
    return Message(row.id, shop.id, bool(row.live), row.kind, *times, recipient, order, details)


def message_of(tx: Transaction, shop: Shop, number: int) -> Message:
    """The message with this number, which this shop has."""
    [row] = tx.rows(query("claimed_message"), {"shop_id": shop.id, "message_id": number})
    return read_message(row, shop)


def _details(row: Any) -> dict[str, Any]:
    """Where a delivery goes and its whole body, or what is kept of another kind, and the review that it is about."""
    if row.kind == "webhook":
        return {"webhook": row.webhook_id, "body": row.payload}
    details: dict[str, Any] = msgspec.json.decode(row.payload)
    return details | {"review": row.review_id}


def completed(tx: Transaction, claims: Sequence[Claim]) -> Iterator[Claim]:
    """Each with what it is about; what there is no reason to send any more ends here instead."""
    for claim in claims:
        if claim.message.kind == "webhook":
            found = _with_delivery(tx, claim)
        elif claim.message.kind == "digest":
            found = _with_waiting_reviews(tx, claim)
        elif claim.message.kind == "sign_in":
            found = claim
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
    waiting = count_selected(tx, Selection(message.shop_id, message.live, states=("waiting",)))
    if not waiting:
        end(tx, claim, "cancelled", None)
        return None
    tx.run(query("remove_other_digests"), claim.key | {"live": int(message.live)})
    first = waiting_reviews(tx, message.shop_id, live=message.live, most=MOST_LISTED)
    return claim._replace(message=replace(message, waiting=waiting, reviews=tuple(first)))


def _with_reviews(tx: Transaction, claim: Claim) -> Claim | None:
    message = claim.message
    found = [review_of(tx, message.shop_id, number) for number in _reviews_of(message)]
    reviews = tuple(review for review in found if review is not None and _is_still_so(message, review))
    if message.order is None or not reviews:
        end(tx, claim, "cancelled", None)
        return None
    return claim._replace(message=replace(message, reviews=reviews))


def _reviews_of(message: Message) -> list[int]:
    """The ids of the reviews that it is about."""
    if message.kind in GATHERED:
        [gathered] = (value for name, value in message.details.items() if name != "review")
        return [each["review"] for each in gathered]
    return [message.details["review"]]


def _is_still_so(message: Message, review: Review) -> bool:
    if message.kind == "rejection":
        return review.state == "rejected"
    if message.kind == "withdrawal":
        return review.state == "withdrawn"
    if message.kind == "reply":
        return review.state == "published" and review.reply is not None
    return review.state != "erased"
