"""Receipts: the hash of the entry that commits to what an author wrote, and its salt. The author keeps them; with
them the chain also proves manipulation by the shop itself (docs/verifying.md)."""

from typing import Literal

from afterword.domain.reviews.chain import Entry, fixes, words_of
from afterword.domain.reviews.review import Review, ReviewState
from afterword.domain.reviews.verification import read_details

ReceiptStatus = Literal[ReviewState, "changed", "lost", "other words"]
"""The state of the review if its text is unchanged; `changed` if its author wrote a newer version; `lost` if the
review is missing; `other words` if its text is not what the author wrote."""


def is_receipt(entry: Entry) -> bool:
    """Whether the entry commits to an author's text."""
    return entry.kind in ("written", "imported")


def status_of_receipt(entry: Entry, review: Review | None) -> ReceiptStatus:
    """The current status of the text that this entry commits to."""
    if review is None:
        return "lost"
    if review.state == "erased":
        return "erased"
    if review.version != entry.version:
        return "changed"
    return review.state if has_words(entry, review, review.salt) else "other words"


def has_words(entry: Entry, review: Review, salt: str) -> bool:
    """Whether the entry commits, with this salt, to the review's text."""
    return fixes(read_details(entry.details).get("commitment"), salt, words_of(review))
