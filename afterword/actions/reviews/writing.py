"""What the author of reviews does: writes them, changes them, withdraws them.

Guarantee 10: words change here and in `moderation.erase` alone.
"""

import secrets
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from msgspec.structs import replace

from afterword.actions.reviews.changes import Work, change, store_version
from afterword.base.errors import ReviewChanged
from afterword.domain.reviews.abuse import abuse_words
from afterword.domain.reviews.chain import Entry, Signer, committed
from afterword.domain.reviews.flags import look
from afterword.domain.reviews.moderation import decide
from afterword.domain.reviews.review import (
    MOST_ORDERS,
    SITE,
    Review,
    Words,
    is_worth_comparing,
    text_hash,
)
from afterword.domain.suppressions import address_hash
from afterword.i18n.abuse import abuse_entries
from afterword.store.engine.database import Transaction
from afterword.store.messages.enqueue import notify_author, notify_shop
from afterword.store.numbers import next_review
from afterword.store.orders import StoredOrder
from afterword.store.reviews.writing import (
    answer_invitation,
    is_copied,
    orders_of_address,
    replace_review,
    reviews_of_order,
)

Look = Callable[[str], tuple[str, ...]]
"""Says what the checks find in a text."""

CHECKS: Look = partial(look, abuse=abuse_words(abuse_entries()))
"""All of them, with the words of every language."""


class Said(NamedTuple):
    """What an author says of one order line (from 1), or of the shop (0); `seen_version` is the version of the review
    that they had before their eyes, 0 for none."""

    line: int
    words: Words
    seen_version: int


class Submission(NamedTuple):
    """What one press of the button sends."""

    order: StoredOrder
    said: Sequence[Said]
    wants_reply: bool = False


class Written(NamedTuple):
    """What was stored. `entry`, which is the receipt, is None where nothing was new."""

    review: Review
    entry: Entry | None


def write_reviews(
    tx: Transaction, submission: Submission, look: Look, *, signer: Signer, now: float
) -> list[Written]:
    """Stores what the author of an order says: first reviews, and new versions of those that are there.

    The same words again change nothing but whether a reply is announced, so the same form may be sent twice. The
    author gets one receipt for all of it. Raises ReviewChanged when another version with other words came first; then
    nothing is stored.
    """
    work, order = Work(tx, signer, now), submission.order
    there = reviews_of_order(tx, order.shop.id, order.order_id)
    written = [_write(work, submission, said, there.get(said.line), look) for said in submission.said]
    _notify(work, submission.order, [one for one in written if one.entry])
    return written


def _write(work: Work, submission: Submission, said: Said, found: Review | None, look: Look) -> Written:
    if found and found.state != "withdrawn" and (found.rating, found.text) == said.words:
        return Written(_set_wants_reply(work, found, submission.wants_reply), None)
    if (found.version if found else 0) != said.seen_version or (found and found.state == "erased"):
        raise ReviewChanged
    new = _decided(work, submission, _new_version(work, submission, said, found), look)
    store_version(work, found, new)
    entry = work.record(new, "written", committed(new))
    work.notify(new, "received")
    if new.state == "published":
        work.record(new, "published", {"by": "checks"})
        work.notify(new, "published")
    return Written(new, entry)


def _set_wants_reply(work: Work, review: Review, wants_reply: bool) -> Review:
    if review.wants_reply == wants_reply:
        return review
    new = replace(review, wants_reply=wants_reply, changed_at=work.after(review))
    replace_review(work.tx, review, new)
    return new


def _new_version(work: Work, submission: Submission, said: Said, found: Review | None) -> Review:
    """The review with these words, not yet decided about. A reply was to other words, so it goes."""
    order = submission.order
    product = order.lines[said.line - 1] if said.line else None
    known = found or next_review(work.tx)
    return Review(
        shop_id=order.shop.id,
        id=known.id,
        number=known.number,
        order_id=order.order_id,
        line=said.line,
        live=order.live,
        scope=str(product.id) if product else SITE,
        product_name=product.name if product else None,
        state="waiting",
        version=found.version + 1 if found else 1,
        rating=said.words.rating,
        text=said.words.text,
        author=order.public_name,
        lang=order.lang,
        experience_date=order.order_date[:10],
        salt=secrets.token_hex(16),
        written_at=int(work.now),
        changed_at=work.after(found),
        wants_reply=submission.wants_reply,
        text_hash=text_hash(said.words.text),
        address_hash=address_hash(order.shop.salt, order.email),
    )


def _decided(work: Work, submission: Submission, review: Review, look: Look) -> Review:
    """The review, published or waiting, as its shop's moderation and the checks have it."""
    shop, now = submission.order.shop, int(work.now)
    flags = look(review.text) + _compare(work.tx, review)
    state, publish_at = decide(shop.moderation, shop.publish_after, flags, now)
    published_at = now if state == "published" else None
    return replace(review, flags=flags, state=state, publish_at=publish_at, published_at=published_at)


def _compare(tx: Transaction, review: Review) -> tuple[str, ...]:
    """What the checks find beside a review: words that were used before, an address with many orders."""
    copied = is_worth_comparing(review.text) and is_copied(tx, review)
    many = orders_of_address(tx, review, MOST_ORDERS) >= MOST_ORDERS
    return ("copied text",) * copied + ("many orders",) * many


def _notify(work: Work, order: StoredOrder, new: Sequence[Written]) -> None:
    """The author gets a receipt; the shop is asked to look at what waits for it."""
    tx, now = work.tx, work.now
    if new:
        answer_invitation(tx, order.shop.id, order.order_id, now)
        receipts = [receipt_of(one.review, one.entry) for one in new if one.entry]
        notify_author(tx, new[0].review, "receipt", {"receipts": receipts}, now=now)
    if any(one.review.state == "waiting" for one in new):
        notify_shop(tx, order.shop, live=order.live, now=now)


def receipt_of(review: Review, entry: Entry) -> dict[str, object]:
    """What makes the chain hold against the shop itself: the entry's hash, and the salt of what it commits to."""
    return {"review": review.id, "version": review.version, "hash": entry.hash, "salt": review.salt}


def withdraw(tx: Transaction, review: Review, signer: Signer, now: float) -> Review:
    """By its author. Raises ReviewChanged, also when it is withdrawn or erased already."""
    if not review.is_shown_to_author:
        raise ReviewChanged
    work = Work(tx, signer, now)
    return change(work, review, review.unpublished("withdrawn", work.after(review)), "withdrawn", {})
