"""Moderation: a review is published, or rejected for a listed reason that has nothing to do with its rating
(docs/law.md, "Moderation"). Automatic checks never reject; they only make a review wait for a person."""

from afterword.domain.reviews.checks.flags import UNSURE
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


NEEDS_A_PERSON = frozenset({"e-mail address", "phone number", "threat", UNSURE})
"""Flags of what the law makes a person look at (personal data, which may be another's, and threats), and of what may
not be shown where it comes from."""


def decide(mode: str, publish_after: int, flags: tuple[str, ...], now: int) -> tuple[ReviewState, int | None]:
    """The state of a new review, and when it will be published automatically (epoch seconds, None for never).

    A flagged one waits for a person, whatever the shop's `mode`, but no longer than `publish_after` (seconds), unless
    one of its flags is in NEEDS_A_PERSON. The rating plays no part. `now` is in epoch seconds."""
    if not flags and mode == "checks":
        return "published", None
    return "waiting", now + publish_after if NEEDS_A_PERSON.isdisjoint(flags) else None


def check_reason(text: str) -> str:
    """One of REJECTION_REASONS. Raises ValueError."""
    if text not in REJECTION_REASONS:
        raise ValueError(f"{text!r} is not a reason to reject a review: {', '.join(REJECTION_REASONS)}")
    return text
