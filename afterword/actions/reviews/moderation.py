"""What others than its author do with a review: publish, reject, reply to, dispute, erase it.

Guarantee 10: none of them changes a word of it; `erase` removes all of them, permanently.
"""

from contextlib import suppress

from msgspec.structs import replace

from afterword.actions.reviews.changes import Work, change
from afterword.base.errors import Refused, ReviewChanged
from afterword.base.ids import new_salt
from afterword.domain.reviews.chain import Signer, commitment, committed
from afterword.domain.reviews.moderation import check_reason
from afterword.domain.reviews.review import Review
from afterword.store.engine.database import Transaction
from afterword.store.messages.enqueue import notify_author
from afterword.store.reviews.writing import erase_traces, overdue_reviews, review_of


def publish(tx: Transaction, review: Review, by: str, signer: Signer, now: float) -> Review:
    """`by` is `shop` or `time`. Raises Refused, ReviewChanged."""
    _check_state(review, ("waiting", "rejected"), "published")
    work = Work(tx, signer, now)
    new = replace(review.unpublished("published", work.after(review)), published_at=int(now))
    return change(work, review, new, "published", {"by": by})


def reject(tx: Transaction, review: Review, reason: str, signer: Signer, now: float) -> Review:
    """For one of the listed reasons. Raises ValueError, Refused, ReviewChanged."""
    _check_state(review, ("waiting", "published"), "rejected")
    work = Work(tx, signer, now)
    new = replace(review.unpublished("rejected", work.after(review)), reason=check_reason(reason))
    notify_author(tx, new, "rejection", {"reason": reason}, now=now)
    return change(work, review, new, "rejected", {"reason": reason})


def answer(tx: Transaction, review: Review, text: str | None, signer: Signer, now: float) -> Review:
    """The shop's one reply, another in its place, or (None) its removal. Raises Refused, ReviewChanged."""
    _check_state(review, ("waiting", "published", "rejected"), "replied to")
    if text is None and review.reply is None:
        raise Refused(f"review {review.id} has no reply")
    work = Work(tx, signer, now)
    new = replace(
        review,
        reply=text,
        replied_at=None if text is None else int(now),
        changed_at=work.after(review),
    )
    committed = None if text is None else commitment(review.salt, {"reply": text})
    if text is not None and review.wants_reply and review.state == "published":
        notify_author(tx, new, "reply", {}, now=now)
    return change(work, review, new, "replied", {"commitment": committed})


def doubt(tx: Transaction, review: Review, why: str, signer: Signer, now: float) -> Review:
    """The shop disputes a review, with its reason, which is shown beside it. Raises Refused, ReviewChanged."""
    _check_state(review, ("waiting", "published"), "disputed")
    work = Work(tx, signer, now)
    new = replace(review, doubt=why, doubted_at=int(now), changed_at=work.after(review))
    return change(work, review, new, "doubted", {"commitment": commitment(review.salt, {"doubt": why})})


def erase(tx: Transaction, review: Review, signer: Signer, now: float) -> Review:
    """Removes words and name permanently, also from what was still to be sent. The chain stays whole: it holds
    commitments, whose salts go too. What is left (the stars, and what the review was of) gets a new commitment.

    Raises Refused, ReviewChanged.
    """
    if review.state == "erased":
        raise Refused(f"review {review.id} is already erased")
    work = Work(tx, signer, now)
    new = replace(
        review.unpublished("erased", work.after(review)),
        text="",
        author="",
        salt=new_salt(),
        reply=None,
        replied_at=None,
        doubt=None,
        doubted_at=None,
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
    """Whether there is something for `publish_overdue`."""
    return bool(overdue_reviews(tx, now, most=1))


def publish_overdue(tx: Transaction, signer: Signer, now: float, most: int = 100) -> int:
    """Publishes what has waited for a person for as long as its shop lets it, and returns how many.

    What the checks found never has such a time (`domain.reviews.moderation.decide`). What another dispatcher
    publishes at the same moment is left to it.
    """
    published = 0
    # In the order of shops, so that two who do this at once do not wait for each other in a circle.
    for shop_id, review_id in sorted(overdue_reviews(tx, now, most)):
        review = review_of(tx, shop_id, review_id)
        if review and review.state == "waiting":
            with suppress(ReviewChanged):
                publish(tx, review, "time", signer, now)
                published += 1
    return published
