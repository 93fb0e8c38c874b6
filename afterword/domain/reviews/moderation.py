"""Moderation: a review is published, or rejected for a reason of a closed list that never looks at the rating
(contract/law.md, "Moderation"). Automatic checks only ever put a review before a person."""

from typing import NamedTuple

from afterword.domain.reviews.review import State

REASONS = {
    "abuse": "insults, hatred or threats",
    "personal data": "personal data of somebody else, or a way to reach a person",
    "off topic": "not about this shop, or this product",
    "unlawful": "unlawful, or a secret that must be kept",
    "advertising": "advertising, or a link to somewhere else",
    "no experience": "not about something that its author bought here",
    "unreadable": "cannot be read",
}
"""Why a review may be rejected, and in words. None of them is about how good or bad the review is."""


class Decision(NamedTuple):
    """What becomes of a review as soon as it is written; `publish_at` is when it is published by itself."""

    state: State
    publish_at: int | None


def decide(mode: str, publish_after: int, flags: tuple[str, ...], now: int) -> Decision:
    """What the checks found (`flags`) waits for a person, in either mode. The stars have no part in it."""
    if flags:
        return Decision("waiting", None)
    if mode == "checks":
        return Decision("published", None)
    return Decision("waiting", now + publish_after)


def check_reason(text: str) -> str:
    """One of REASONS. Raises ValueError."""
    if text not in REASONS:
        raise ValueError(f"{text!r} is no reason to reject a review: {', '.join(REASONS)}")
    return text
