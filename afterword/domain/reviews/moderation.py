"""Moderation: a review is published, or rejected for a reason of a closed list that never looks at the rating
(docs/law.md, "Moderation"). Automatic checks only ever put a review before a person."""

from typing import NamedTuple

from afterword.domain.reviews.review import ReviewState

REJECTION_REASONS = (
    "abuse",
    "personal data",
    "off topic",
    "unlawful",
    "advertising",
    "no experience",
    "unreadable",
)
"""The codes of why a review may be rejected. None of them is about how good or bad the review is."""


class Decision(NamedTuple):
    """What becomes of a review as soon as it is written; `publish_at` is when it is published by itself."""

    state: ReviewState
    publish_at: int | None


def decide(mode: str, publish_after: int, flags: tuple[str, ...], now: int) -> Decision:
    """What the checks found (`flags`) waits for a person, in either mode. The stars have no part in it."""
    if flags:
        return Decision("waiting", None)
    if mode == "checks":
        return Decision("published", None)
    return Decision("waiting", now + publish_after)


def check_reason(text: str) -> str:
    """One of REJECTION_REASONS. Raises ValueError."""
    if text not in REJECTION_REASONS:
        raise ValueError(f"{text!r} is no reason to reject a review: {', '.join(REJECTION_REASONS)}")
    return text
