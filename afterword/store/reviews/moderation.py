"""What becomes of a review by others than its author: published, rejected, replied to, doubted, erased.

Guarantee 10: none of them changes a word of it; `erase` removes all of them, for good.
"""

from contextlib import suppress

from msgspec.structs import replace

from afterword.base.errors import Refused
from afterword.base.ids import new_salt
from afterword.domain.reviews.chain import Signer, commitment, words_of
from afterword.domain.reviews.moderation import check_reason
from afterword.domain.reviews.review import Review
from afterword.store.engine.database import Transaction
from afterword.store.queries import query
from afterword.store.reviews.notifications import notify_author
from afterword.store.reviews.writing import ReviewChanged, change, later, review_of


def publish(tx: Transaction, review: Review, by: str, signer: Signer, now: float) -> Review:
    """`by` is `shop` or `time`. Raises Refused, ReviewChanged."""
    if review.state not in ("waiting", "rejected"):
        raise Refused(f"review {review.id} is {review.state} and cannot be published")
    new = replace(
        review,
        state="published",
        published_at=int(now),
        publish_at=None,
        reason=None,
        changed_at=later(review, now),
    )
    return change(tx, review, new, "published", {"by": by}, signer, now)


def reject(tx: Transaction, review: Review, reason: str, signer: Signer, now: float) -> Review:
    """For one of the listed reasons. Raises ValueError, Refused, ReviewChanged."""
    if review.state not in ("waiting", "published"):
        raise Refused(f"review {review.id} is {review.state} and cannot be rejected")
    new = replace(
        review,
        state="rejected",
        published_at=None,
        publish_at=None,
        reason=check_reason(reason),
        changed_at=later(review, now),
    )
    notify_author(tx, new, "rejection", {"reason": reason}, now=now)
    return change(tx, review, new, "rejected", {"reason": reason}, signer, now)


def answer(tx: Transaction, review: Review, text: str | None, signer: Signer, now: float) -> Review:
    """The shop's one reply, another in its place, or (None) its taking back. Raises Refused, ReviewChanged."""
    if review.state in ("withdrawn", "erased"):
        raise Refused(f"review {review.id} is {review.state} and cannot be replied to")
    if text is None and review.reply is None:
        raise Refused(f"review {review.id} has no reply")
    new = replace(
        review,
        reply=text,
        replied_at=None if text is None else int(now),
        changed_at=later(review, now),
    )
    committed = None if text is None else commitment(review.salt, {"reply": text})
    if text is not None and review.wants_reply and review.state == "published":
        notify_author(tx, new, "reply", {}, now=now)
    return change(tx, review, new, "replied", {"commitment": committed}, signer, now)


def doubt(tx: Transaction, review: Review, why: str, signer: Signer, now: float) -> Review:
    """The shop's reasoned doubt, which is shown beside the review. Raises Refused, ReviewChanged."""
    if review.state not in ("waiting", "published"):
        raise Refused(f"review {review.id} is {review.state}: nothing is shown of it that could be doubted")
    new = replace(review, doubt=why, doubted_at=int(now), changed_at=later(review, now))
    return change(
        tx, review, new, "doubted", {"commitment": commitment(review.salt, {"doubt": why})}, signer, now
    )


def erase(tx: Transaction, review: Review, signer: Signer, now: float) -> Review:
    """Removes words and name for good, also from what somebody was still to be told. The chain stays whole: it holds
    commitments, whose salts go too. What is left (the stars, and what the review was of) is committed to anew.

    Raises Refused, ReviewChanged.
    """
    if review.state == "erased":
        raise Refused(f"review {review.id} is erased already")
    nothing = {"text": "", "author": "", "salt": new_salt(), "reply": None, "replied_at": None}
    hashes = {"text_hash": "", "address_hash": "", "doubt": None, "doubted_at": None, "flags": ()}
    new = replace(
        review,
        state="erased",
        published_at=None,
        publish_at=None,
        reason=None,
        changed_at=later(review, now),
        wants_reply=False,
        **nothing,
        **hashes,
    )
    for each in ("erase_past_versions", "forget_review"):
        tx.run(query(each), {"shop_id": review.shop_id, "review_id": review.id})
    left = commitment(new.salt, words_of(new))
    return change(tx, review, new, "erased", {"commitment": left}, signer, now)


def is_any_overdue(tx: Transaction, now: float) -> bool:
    """Whether there is something for `publish_overdue`."""
    return bool(_overdue(tx, now, most=1))


def publish_overdue(tx: Transaction, signer: Signer, now: float, most: int = 100) -> int:
    """Publishes what has waited for a person for as long as its shop lets it, and returns how many.

    What the checks found never has such a time (`domain.moderation.decide`). What another dispatcher publishes in the
    same moment is left to it.
    """
    published = 0
    # In the order of shops, so that two who do this at once do not wait for each other in a circle.
    for shop_id, review_id in sorted(_overdue(tx, now, most)):
        review = review_of(tx, shop_id, review_id)
        if review and review.state == "waiting":
            with suppress(ReviewChanged):
                publish(tx, review, "time", signer, now)
                published += 1
    return published


def _overdue(tx: Transaction, now: float, most: int) -> list[tuple[int, int]]:
    found = tx.rows(query("reviews_to_publish"), {"now": int(now), "most": most})
    return [(shop_id, review_id) for shop_id, review_id in found]
