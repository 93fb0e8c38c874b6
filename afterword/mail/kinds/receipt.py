"""To the author of reviews: what they wrote, and what proves that it is published unchanged."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from afterword.domain.messages import Message
from afterword.domain.reviews.review import Review
from afterword.domain.shops import Shop
from afterword.domain.values import shown_unlinked
from afterword.i18n.catalogue import Catalogue
from afterword.mail.kinds import Kind
from afterword.mail.quoting import lines_of, octets_of, stars

REVIEWS_SHOWN = 10
"""Reviews that are shown; of more, the rest is only counted."""

OCTETS_OF_WORDS = 60_000
"""Octets that the words of the reviews take in both parts, so that a message stays below the 102 KB at which Gmail
clips. A review beyond that is shown by its receipt alone."""


class _Receipt(NamedTuple):
    """A review with what proves it. `about` is the product's name, empty for the shop."""

    about: str
    stars: str
    words: list[str]
    hash: str
    salt: str


def _values(message: Message, shop: Shop, catalogue: Catalogue) -> dict[str, object]:
    receipts = _receipts(message)
    return {
        "reviews": _within_bounds(receipts[:REVIEWS_SHOWN]),
        "count": len(receipts),
        "more": max(0, len(receipts) - REVIEWS_SHOWN),
        "is_public": all(review.state == "published" for review in message.reviews),
    }


def _receipts(message: Message) -> list[_Receipt]:
    reviews = {review.id: review for review in message.reviews}
    receipts: Sequence[Mapping[str, Any]] = message.details["receipts"]
    return [_receipt(reviews[each["review"]], each) for each in receipts if each["review"] in reviews]


def _receipt(review: Review, receipt: Mapping[str, Any]) -> _Receipt:
    """With the review's words, unless a later version has replaced those of this receipt, or a check has found
    something in them that no person has allowed: a stranger who holds the link must not have the shop send them."""
    is_clean = not review.flags or review.state == "published"
    words = lines_of(review.text) if is_clean and review.version == receipt["version"] else []
    about = shown_unlinked(review.product_name or "")
    return _Receipt(about, stars(review.rating), words, receipt["hash"], receipt["salt"])


def _within_bounds(receipts: list[_Receipt]) -> list[_Receipt]:
    found, room = [], OCTETS_OF_WORDS
    for receipt in receipts:
        room -= octets_of(receipt.words)
        found.append(receipt if room >= 0 else receipt._replace(words=[]))
    return found


KIND = Kind(_values, quotes=True)
