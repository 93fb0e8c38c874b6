"""What is counted of reviews: changed in the transaction that changes one, so that no reader counts."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from afterword.domain.reviews.review import PRODUCTS, SITE, Ratings, Review, ReviewState
from afterword.store.engine.database import Transaction
from afterword.store.queries import query


class Count(NamedTuple):
    """So many reviews of one kind. `reason` is that of a rejection, else empty."""

    state: ReviewState
    reason: str
    rating: int
    amount: int


def count(tx: Transaction, before: Review | None, after: Review) -> None:
    """Counts a review where it is now, and no longer where it was."""
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
    """What is counted of one scope: `site`, a product's id, or `products`, which is all of them together."""
    values = {"shop_id": shop_id, "live": int(live), "scope": scope}
    return [Count(*row) for row in tx.rows(query("review_counts"), values) if row[-1]]


def ratings(tx: Transaction, shop_id: int, scope: str, *, live: bool) -> Ratings:
    """The stars of what is published of one scope."""
    return ratings_in(counts(tx, shop_id, scope, live=live))


def ratings_in(counted: Sequence[Count]) -> Ratings:
    """The stars of what is published of all that is counted of one scope."""
    stars = [0] * 5
    for found in counted:
        if found.state == "published":
            stars[found.rating - 1] += found.amount
    return Ratings((stars[0], stars[1], stars[2], stars[3], stars[4]))
