"""Figures: what a shop's days are counted by."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

from afterword.domain.reviews.review import SITE, Review, ReviewState

FIGURES = (
    *("orders", "refused", "sent", "bounced", "opened", "reviewed", "reviews", "published", "rejected"),
    *("scored", "stars"),
)
"""`orders`: new ones. `refused`: orders. `sent`, `bounced`: invitations. `opened`: orders in whose form a person has
pressed a button. `reviewed`: orders with a first review. `reviews`: first versions, without
imported ones. `published`, `rejected`: reviews, each time. `scored`, `stars`: by how much the number of published
reviews of the shop has changed, and the sum of their stars, with imported ones."""

GIVEN = tuple(f"reviews:{rating}" for rating in range(1, 6))
"""`reviews` by their stars, from one to five."""

CancelReason = Literal["refunded", "not delivered", "asked not to", "test", "duplicate", "other"]
"""Why a shop cancels an invitation by its own hand. It is counted, and how many it cancels is public."""

CANCEL_REASONS: tuple[CancelReason, ...] = get_args(CancelReason)


def cancel_reason(said: str) -> CancelReason:
    """The code of what was given as a reason; words of its own are another reason."""
    return next((reason for reason in CANCEL_REASONS if reason == said), "other")


CANCELLED = tuple(f"cancelled:{reason}" for reason in CANCEL_REASONS)
"""Invitations that were cancelled by hand, less those that were sent after all, by why."""

_QUARTER = 900
"""Seconds: midnight, wherever it is, falls on the beginning of a quarter of an hour (UTC)."""


class Figure(NamedTuple):
    """What is counted: `day` is that of the shop's time zone, counted from 1 January 1970 as 0."""

    shop_id: int
    live: bool
    name: str
    day: int


def day_of(timezone: str, at: float) -> int:
    """The day of a moment (epoch seconds) in a time zone of the IANA database, counted from 1 January 1970 as 0."""
    return _day_of(timezone, int(at) // _QUARTER)


@lru_cache(maxsize=10_000)
def _day_of(timezone: str, quarter: int) -> int:
    moment = datetime.fromtimestamp(quarter * _QUARTER, ZoneInfo(timezone))
    return moment.toordinal() - datetime.fromtimestamp(0, UTC).toordinal()


def changed_figures(before: Review | None, after: Review) -> Mapping[str, int]:
    """By how much a change of a review changes the figures of its day."""
    is_ours = after.imported_from is None
    scored, stars = _score_of(after), _score_of(after) * after.rating
    if before is not None:
        scored, stars = scored - _score_of(before), stars - _score_of(before) * before.rating
    return {
        "reviews": int(before is None and is_ours),
        f"reviews:{after.rating}": int(before is None and is_ours),
        "published": int(is_ours and _is_now("published", before, after)),
        "rejected": int(_is_now("rejected", before, after)),
        "scored": scored,
        "stars": stars,
    }


def _is_now(state: ReviewState, before: Review | None, after: Review) -> bool:
    return after.state == state and (before is None or before.state != state)


def _score_of(review: Review) -> int:
    """Whether it is one of those that the shop's score is made of."""
    return int(review.state == "published" and review.scope == SITE)
