"""Counts of reviews. They are updated in the transaction that changes a review, so that readers never count rows."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from afterword.domain.reviews.review import PRODUCTS, SITE, Ratings, Review, ReviewState
from afterword.store.engine.database import Transaction
from afterword.store.queries import query


class Count(NamedTuple):
    """The number of reviews with one state, reason and rating. `reason` is empty unless they are rejected."""

    state: ReviewState
    reason: str
    rating: int
    amount: int


def count(tx: Transaction, before: Review | None, after: Review) -> None:
    """Moves a review from the counts of its former state to those of its new one."""
    change = Counter({_kind(after): 1})
    if before is not None:
        change.subtract([_kind(before)])
    scopes = (after.scope,) if after.scope == SITE else (after.scope, PRODUCTS)
    for (state, reason, rating), amount in change.items():
        for scope in scopes if amount else ():
            key = {"shop_id": after.shop_id, "live": int(after.live), "scope": scope}
            kind = {"state": state, "reason": reason, "rating": rating, "amount": amount}
            tx.run(query("count_reviews"), key | kind)


def _kind(review: Review) -> tuple[str, str, int]:
    return review.state, review.reason or "", review.rating


def counts(tx: Transaction, shop_id: int, scope: str, *, live: bool) -> list[Count]:
    """The counts of one scope: `site`, a product's id, or `products` for all products together."""
    values = {"shop_id": shop_id, "live": int(live), "scope": scope}
    return [Count(*row) for row in tx.rows(query("review_counts"), values) if row[-1]]


def ratings(tx: Transaction, shop_id: int, scope: str, *, live: bool) -> Ratings:
    """The ratings of the published reviews of one scope."""
    return ratings_in(counts(tx, shop_id, scope, live=live))


def ratings_in(counted: Sequence[Count]) -> Ratings:
    """The ratings of the published reviews in these counts."""
    stars = [0] * 5
    for found in counted:
        if found.state == "published":
            stars[found.rating - 1] += found.amount
    return Ratings((stars[0], stars[1], stars[2], stars[3], stars[4]))
