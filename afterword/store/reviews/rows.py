"""Reads reviews in pages: published, waiting, or recently changed ones.

A page begins after the last review of the previous page, so none is skipped or repeated while new ones arrive.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from afterword.domain.reviews.review import Review
from afterword.store.engine.database import Transaction
from afterword.store.queries import query

Sorting = Literal["newest", "oldest"]


class Cursor(NamedTuple):
    """Where a page begins: after the review with this time (epoch seconds) and id."""

    at: int
    review_id: int


class PublicReview(NamedTuple):
    """The public part of a review. Times are epoch seconds."""

    id: int
    author: str
    rating: int
    text: str
    published_at: int
    experience_date: str
    reply: str | None
    replied_at: int | None
    lang: str
    imported_from: str | None


OLDEST_START = Cursor(-(2**62), -1)
"""The cursor before all reviews, oldest first."""

NEWEST_START = Cursor(2**62, 2**62)
"""The cursor before all reviews, newest first."""


def published_reviews(
    tx: Transaction,
    shop_id: int,
    scope: str,
    *,
    live: bool,
    order: Sorting = "newest",
    stars: Sequence[int] = (),
    behind: Cursor | None = None,
    most: int = 1_000,
) -> list[Review]:
    """Published reviews of one scope (`site`, or a product's id) by time of publication. With `stars`, only those
    with these ratings, in this order, newest first within a rating; `behind` is then a cursor among the first rating.
    Each rating is one index lookup, nothing is sorted, and no more rows are read than are returned."""
    start = NEWEST_START if order == "newest" or stars else OLDEST_START
    values = {"shop_id": shop_id, "live": int(live), "scope": scope, "most": most, **_after(behind or start)}
    if not stars:
        return _reviews(tx, "newest_reviews" if order == "newest" else "oldest_reviews", values)
    found: list[Review] = []
    for rating in stars:
        found += _reviews(tx, "reviews_of_rating", values | {"rating": rating, "most": most - len(found)})
        if len(found) == most:
            break
        values |= _after(start)
    return found


def _after(cursor: Cursor) -> dict[str, int]:
    return {"published_at": cursor.at, "review_id": cursor.review_id}


def shown_reviews(tx: Transaction, shop_id: int, scope: str, *, live: bool, most: int) -> list[PublicReview]:
    """The newest published reviews of one scope, with their public columns only; fast for a thousand at once."""
    values = {"shop_id": shop_id, "live": int(live), "scope": scope, "most": most}
    return [PublicReview(*row) for row in tx.rows(query("shown_reviews"), values)]


def waiting_reviews(
    tx: Transaction, shop_id: int, *, live: bool, behind: Cursor = OLDEST_START, most: int = 1_000
) -> list[Review]:
    """Reviews that wait for a person, oldest first."""
    values = {"shop_id": shop_id, "live": int(live), "most": most}
    return _reviews(tx, "waiting_reviews", values | {"written_at": behind.at, "review_id": behind.review_id})


def changed_reviews(
    tx: Transaction,
    shop_id: int,
    *,
    live: bool,
    state: str | None = None,
    behind: Cursor = NEWEST_START,
    most: int = 1_000,
) -> list[Review]:
    """Reviews in one state or in any, most recently changed first."""
    values = {"shop_id": shop_id, "live": int(live), "state": state, "most": most}
    name = "changed_reviews" if state in (None, "published") else "changed_unpublished"
    return _reviews(tx, name, values | {"changed_at": behind.at, "review_id": behind.review_id})


def _reviews(tx: Transaction, name: str, values: dict[str, Any]) -> list[Review]:
    return [as_review(row) for row in tx.rows(query(name), values)]


def as_review(row: tuple[Any, ...]) -> Review:
    """Reads a row of the table `reviews`, whose columns are the fields of `Review`, in order."""
    values = dict(zip(Review.__struct_fields__, row, strict=True))
    values |= {name: bool(values[name]) for name in ("live", "wants_reply")}
    values["flags"] = tuple(filter(None, values["flags"].split(",")))
    return Review(**values)


def as_row(review: Review) -> dict[str, Any]:
    """The row's columns and their values."""
    values = msgspec.structs.asdict(review)
    values["review_id"] = values.pop("id")
    flags = ",".join(review.flags)
    return values | {"live": int(review.live), "wants_reply": int(review.wants_reply), "flags": flags}
