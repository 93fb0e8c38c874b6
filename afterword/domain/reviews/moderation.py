"""Moderation: a review is published, or rejected for a listed reason that has nothing to do with its rating
(docs/law.md, "Moderation"). Automatic checks never reject; they only make a review wait for a person."""

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
"""The codes of the listed reasons. None depends on how positive or negative a review is."""


def decide(mode: str, publish_after: int, flags: tuple[str, ...], now: int) -> tuple[ReviewState, int | None]:
    """The state of a new review, and when it will be published automatically (epoch seconds, None for never).

    A flagged one waits for a person, whatever the shop's `mode`; the rating plays no part. `publish_after` is in
    seconds, `now` in epoch seconds."""
    if flags:
        return "waiting", None
    return ("published", None) if mode == "checks" else ("waiting", now + publish_after)


def check_reason(text: str) -> str:
    """One of REJECTION_REASONS. Raises ValueError."""
    if text not in REJECTION_REASONS:
        raise ValueError(f"{text!r} is not a reason to reject a review: {', '.join(REJECTION_REASONS)}")
    return text
