"""What others than the author do with a review: publish, reject, reply to, dispute, erase it.

Guarantee 10: none of this changes the text; `erase` deletes it permanently.
"""

from contextlib import suppress

from msgspec.structs import replace

from afterword.actions.reviews.changes import begin_work, change
from afterword.base.errors import Refused, ReviewChanged
from afterword.base.ids import new_salt
from afterword.domain.reviews.chain import Signer, commitment, committed
from afterword.domain.reviews.moderation import check_reason
from afterword.domain.reviews.review import Review
from afterword.store.engine.database import Transaction
from afterword.store.messages.enqueue import notify_author
from afterword.store.reviews.writing import erase_traces, overdue_reviews, review_of


def publish(tx: Transaction, review: Review, by: str, signer: Signer, now: float) -> Review:
    """Publishes a review. `by` is `shop` or `time`. Raises Refused, ReviewChanged."""
    _check_state(review, ("waiting", "rejected"), "published")
    work = begin_work(tx, review.shop_id, signer, now)
    new = replace(review.unpublished("published", work.after(review)), published_at=int(now))
    return change(work, review, new, "published", {"by": by})


def reject(tx: Transaction, review: Review, reason: str, signer: Signer, now: float) -> Review:
    """Rejects a review for one of REJECTION_REASONS. Raises ValueError, Refused, ReviewChanged."""
    _check_state(review, ("waiting", "published"), "rejected")
    work = begin_work(tx, review.shop_id, signer, now)
    new = replace(review.unpublished("rejected", work.after(review)), reason=check_reason(reason))
    notify_author(tx, new, "rejection", {"reason": reason}, now=now)
    return change(work, review, new, "rejected", {"reason": reason})


def answer(tx: Transaction, review: Review, text: str | None, signer: Signer, now: float) -> Review:
    """Sets or replaces the shop's only reply, or removes it (None). Raises Refused, ReviewChanged."""
    _check_state(review, ("waiting", "published", "rejected"), "replied to")
    if text is None and review.reply is None:
        raise Refused(f"review {review.id} has no reply")
    work = begin_work(tx, review.shop_id, signer, now)
    replied_at = None if text is None else int(now)
    new = replace(review, reply=text, replied_at=replied_at, changed_at=work.after(review))
    committed = None if text is None else commitment(review.salt, {"reply": text})
    if text is not None and review.wants_reply and review.state == "published":
        notify_author(tx, new, "reply", {}, now=now)
    return change(work, review, new, "replied", {"commitment": committed})


def dispute(tx: Transaction, review: Review, why: str, signer: Signer, now: float) -> Review:
    """Disputes a review for the shop; the reason is shown with the review. Raises Refused, ReviewChanged."""
    _check_state(review, ("waiting", "published"), "disputed")
    work = begin_work(tx, review.shop_id, signer, now)
    new = replace(review, dispute=why, disputed_at=int(now), changed_at=work.after(review))
    return change(work, review, new, "disputed", {"commitment": commitment(review.salt, {"dispute": why})})


def erase(tx: Transaction, review: Review, signer: Signer, now: float) -> Review:
    """Permanently deletes text and name, also from messages that are still to be sent. The chain stays valid: it
    contains only commitments, whose salts are deleted too. What remains (the rating, and what was reviewed) gets a
    new commitment.

    Raises Refused, ReviewChanged.
    """
    if review.state == "erased":
        raise Refused(f"review {review.id} is already erased")
    work = begin_work(tx, review.shop_id, signer, now)
    new = replace(
        review.unpublished("erased", work.after(review)),
        text="",
        author="",
        salt=new_salt(),
        reply=None,
        replied_at=None,
        dispute=None,
        disputed_at=None,
        flags=(),
        text_hash="",
        address_hash="",
        wants_reply=False,
    )
    erase_traces(tx, review)
    return change(work, review, new, "erased", committed(new))


def _check_state(review: Review, states: tuple[str, ...], verb: str) -> None:
    if review.state not in states:
        raise Refused(f"review {review.id} is {review.state} and cannot be {verb}")


def is_any_overdue(tx: Transaction, now: float) -> bool:
    """Whether `publish_overdue` has work to do."""
    return bool(overdue_reviews(tx, now, most=1))


def publish_overdue(tx: Transaction, signer: Signer, now: float, most: int = 100) -> int:
    """Publishes reviews that no person has looked at within the shop's `publish_after`, and returns how many.

    Those with one of the flags in NEEDS_A_PERSON are never published automatically
    (`domain.reviews.moderation.decide`). Reviews that another dispatcher publishes at the same time are skipped.
    """
    published = 0
    # Sorted by shop, so that two dispatchers that do this at once do not deadlock.
    for shop_id, review_id in sorted(overdue_reviews(tx, now, most)):
        review = review_of(tx, shop_id, review_id)
        if review and review.state == "waiting":
            with suppress(ReviewChanged):
                publish(tx, review, "time", signer, now)
                published += 1
    return published
