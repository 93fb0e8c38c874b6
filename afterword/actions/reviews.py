"""See, publish, reject, reply to, dispute and erase reviews (docs/moderation.md).

Guarantee 10: no action changes a word that an author wrote; erasing removes all of them. Each raises Refused, and
changes nothing then.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from afterword.base.errors import Refused
from afterword.domain.reviews.chain import Entry, Signer
from afterword.domain.reviews.review import Review
from afterword.domain.shops import Shop
from afterword.store.engine.database import Database, Transaction
from afterword.store.orders import StoredOrder, order_of
from afterword.store.reviews import moderation
from afterword.store.reviews.chain import entries_of_review
from afterword.store.reviews.rows import FIRST, LAST, Place, changed_reviews, waiting_reviews
from afterword.store.reviews.writing import ReviewChanged, find_review, past_versions


class ReviewDetails(NamedTuple):
    """A review with its history; `order` is None where it was imported."""

    review: Review
    shop: Shop
    order: StoredOrder | None
    past_versions: list[Review]
    entries: list[Entry]


class Seen(NamedTuple):
    """Which review is meant, and which version of it somebody has read; None: whichever is there."""

    review_id: int
    version: int | None = None


class Erased(NamedTuple):
    """An erased review, and what was removed with its text and its author's name."""

    review: Review
    had_past_versions: bool
    had_reply: bool
    had_dispute: bool


def listed(database: Database, shop: Shop, state: str | None = None, *, live: bool) -> Iterator[Review]:
    """Last changed first; those that wait, oldest first. Read page after page, so that no snapshot stays open for
    long."""
    waits = state == "waiting"
    behind = FIRST if waits else LAST

    def page(tx: Transaction) -> list[Review]:
        if waits:
            return waiting_reviews(tx, shop.id, live=live, behind=behind)
        return changed_reviews(tx, shop.id, live=live, state=state, behind=behind)

    while rows := database.read_now(page):
        yield from rows
        behind = Place(rows[-1].written_at if waits else rows[-1].changed_at, rows[-1].id)


def found(tx: Transaction, review_id: int) -> ReviewDetails:
    shop, review = find_review(tx, review_id)
    order = order_of(tx, shop, review.order_id)
    entries = entries_of_review(tx, shop.id, review.id)
    return ReviewDetails(review, shop, order, past_versions(tx, review), entries)


def publish(tx: Transaction, seen: Seen, signer: Signer, now: float) -> Review:
    """For one that waits, or that was rejected."""
    with _as_seen(tx, seen) as review:
        return moderation.publish(tx, review, "shop", signer, now)


def reject(tx: Transaction, seen: Seen, reason: str, signer: Signer, now: float) -> Review:
    """For one of the listed reasons, of which the author is notified. Raises ValueError for any other reason."""
    with _as_seen(tx, seen) as review:
        return moderation.reject(tx, review, reason, signer, now)


def reply(tx: Transaction, seen: Seen, text: str | None, signer: Signer, now: float) -> Review:
    """Sets the shop's one public reply, or (None) removes it."""
    with _as_seen(tx, seen) as review:
        return moderation.answer(tx, review, text, signer, now)


def dispute(tx: Transaction, seen: Seen, reason: str, signer: Signer, now: float) -> Review:
    """Shows the shop's reasoned doubt beside the review, which stays as it is."""
    with _as_seen(tx, seen) as review:
        return moderation.doubt(tx, review, reason, signer, now)


def erase(tx: Transaction, seen: Seen, signer: Signer, now: float) -> Erased:
    """Removes words and name permanently. The stars stay, counted as erased; the chain stays intact."""
    with _as_seen(tx, seen) as review:
        new = moderation.erase(tx, review, signer, now)
        return Erased(new, review.version > 1, review.reply is not None, review.doubt is not None)


@contextmanager
def _as_seen(tx: Transaction, seen: Seen) -> Iterator[Review]:
    """The review, if it is as it was read, also when the change is stored."""
    _, review = find_review(tx, seen.review_id)
    try:
        if seen.version not in (None, review.version):
            raise ReviewChanged
        yield review
    except ReviewChanged as error:
        raise Refused(f"review {review.id} has changed since you read it: read it again") from error
