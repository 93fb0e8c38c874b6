"""See reviews, and act on one as it was read."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from afterword.base.errors import Refused, ReviewChanged
from afterword.domain.reviews.chain import Entry
from afterword.domain.reviews.checks.flags import COPIED
from afterword.domain.reviews.review import Review
from afterword.domain.shops import Shop
from afterword.store.engine.database import Database, Transaction
from afterword.store.numbers import invitation_ids
from afterword.store.orders import StoredOrder, order_of
from afterword.store.reviews.chain import entries_of_review
from afterword.store.reviews.rows import NEWEST_START, OLDEST_START, Cursor, changed_reviews, waiting_reviews
from afterword.store.reviews.writing import find_review, past_versions, same_text

MOST_COPIES = 3
"""Copies that are named."""


class ReviewDetails(NamedTuple):
    """A review with its history; `order` and the id of its invitation are None where it was imported. `copies` has
    ids of reviews with the same text, where the checks found it copied."""

    review: Review
    shop: Shop
    order: StoredOrder | None
    invitation_id: int | None
    copies: list[int]
    past_versions: list[Review]
    entries: list[Entry]


def listed(database: Database, shop: Shop, state: str | None = None, *, live: bool) -> Iterator[Review]:
    """Last changed first; those that wait, oldest first. Read page after page, so that no snapshot stays open for
    long."""
    waits = state == "waiting"
    behind = OLDEST_START if waits else NEWEST_START

    def page(tx: Transaction) -> list[Review]:
        if waits:
            return waiting_reviews(tx, shop.id, live=live, behind=behind)
        return changed_reviews(tx, shop.id, live=live, state=state, behind=behind)

    while rows := database.read_now(page):
        yield from rows
        behind = Cursor(rows[-1].written_at if waits else rows[-1].changed_at, rows[-1].id)


def found(tx: Transaction, review_id: int) -> ReviewDetails:
    """Raises Refused."""
    shop, review = find_review(tx, review_id)
    order = order_of(tx, shop, review.order_id)
    invitation_id = invitation_ids(tx).shown(order.order_id) if order else None
    entries = entries_of_review(tx, shop.id, review.id)
    past = past_versions(tx, review)
    return ReviewDetails(review, shop, order, invitation_id, copies(tx, review), past, entries)


def copies(tx: Transaction, review: Review) -> list[int]:
    """The oldest reviews with the text of one that was found copied; none for any other."""
    return same_text(tx, review, MOST_COPIES) if COPIED in review.flags else []


@contextmanager
def as_read(tx: Transaction, review_id: int, version: int | None = None) -> Iterator[Review]:
    """The review, to be acted on. Raises Refused when it is no longer this version, or changes at the same moment;
    the transaction then changes nothing. Without a version, the current one is meant."""
    _, review = find_review(tx, review_id)
    try:
        if version not in (None, review.version):
            raise ReviewChanged
        yield review
    except ReviewChanged as error:
        raise Refused(f"review {review_id} has changed since you read it: read it again") from error
