"""Receipts: an author keeps the hash of the entry that commits to what they wrote, and its salt. With these the chain
holds against the shop itself (docs/verifying.md)."""

from typing import Literal

from afterword.domain.reviews.chain import Entry, fixes, words_of
from afterword.domain.reviews.review import Review, ReviewState
from afterword.domain.reviews.verification import read_details

ReceiptStatus = Literal[ReviewState, "changed", "lost", "other words"]
"""Of what a receipt is about: the state of the review, whose words stand as written; or that its author wrote a newer
version since; or that the review is gone, or is not what was written."""


def is_receipt(entry: Entry) -> bool:
    """Whether it tells that an author wrote something."""
    return entry.kind in ("written", "imported")


def status_of_receipt(entry: Entry, review: Review | None) -> ReceiptStatus:
    """Of the words that this entry commits to, as the review is now."""
    if review is None:
        return "lost"
    if review.state == "erased":
        return "erased"
    if review.version != entry.version:
        return "changed"
    return review.state if has_words(entry, review, review.salt) else "other words"


def has_words(entry: Entry, review: Review, salt: str) -> bool:
    """Whether the entry commits, with this salt, to these words."""
    return fixes(read_details(entry.details).get("commitment"), salt, words_of(review))
