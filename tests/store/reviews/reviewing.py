"""What the store's tests look at of reviews: the messages that wait, and what is counted."""

import json

from afterword.domain.reviews.review import Review
from afterword.store.engine.database import Transaction
from afterword.store.reviews.chain import entries_of_review


def notified(tx: Transaction) -> list[tuple[str, int, str]]:
    """What waits besides invitations: its kind or a delivery's event, the webhook or 0, and to whom."""
    asked = (
        "SELECT m.kind, m.payload, m.webhook_id, coalesce(m.recipient, o.email, '') FROM messages m "
        "LEFT JOIN orders o ON o.shop_id = m.shop_id AND o.order_id = m.order_id "
        "WHERE m.queue > 0 ORDER BY m.message_id"
    )
    return [
        (json.loads(payload)["type"].removeprefix("review.") if webhook_id else kind, webhook_id, email)
        for kind, payload, webhook_id, email in tx.rows(asked)
    ]


def counted(tx: Transaction, review: Review, scope: str | None = None) -> dict[tuple[str, str, int], int]:
    """What is counted of a scope, by state, reason and stars."""
    asked = "SELECT state, reason, rating, amount FROM review_counts WHERE shop_id = :shop AND scope = :scope"
    values = {"shop": review.shop_id, "scope": scope or review.scope}
    return {tuple(kind): amount for *kind, amount in tx.rows(asked, values) if amount}


def kinds(tx: Transaction, review: Review) -> list[str]:
    """What the chain says that happened to a review."""
    return [entry.kind for entry in entries_of_review(tx, review.shop_id, review.id)]
