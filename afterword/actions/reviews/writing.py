"""What authors do with their reviews: write, edit and withdraw them.

Guarantee 10: the text of a review changes only here and in `moderation.erase`.
"""

import secrets
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from msgspec.structs import replace

from afterword.actions.reviews.changes import Work, change, store_version
from afterword.base.errors import ReviewChanged
from afterword.domain.reviews.abuse import BadWords, word_list
from afterword.domain.reviews.advertising import own_addresses
from afterword.domain.reviews.chain import Entry, Signer, committed
from afterword.domain.reviews.flags import COPIED, Checked, look
from afterword.domain.reviews.moderation import decide
from afterword.domain.reviews.review import (
    MOST_ORDERS,
    MOST_ORDERS_WITHIN,
    SITE,
    Review,
    Words,
    is_worth_comparing,
    text_hash,
)
from afterword.domain.suppressions import address_hash
from afterword.i18n.abuse import abuse_entries, threat_entries
from afterword.store.engine.database import Transaction
from afterword.store.messages.enqueue import notify_author, notify_shop
from afterword.store.messages.invitations import answer_invitation
from afterword.store.numbers import next_review
from afterword.store.orders import StoredOrder
from afterword.store.reviews.writing import (
    is_copied,
    orders_of_address,
    replace_review,
    reviews_of_order,
)

Look = Callable[[Checked], tuple[str, ...]]
"""Returns the flags for a review."""


def _look(checked: Checked) -> tuple[str, ...]:
    return look(checked, _words_of(checked.lang))


@lru_cache(maxsize=100)
def _words_of(lang: str) -> BadWords:
    return BadWords(word_list(abuse_entries(lang)), word_list(threat_entries()))


CHECKS: Look = _look
"""All checks, with the bad words of the review's language."""


def looked_at(look: Look, reviews: Iterable[Checked]) -> Look:
    """Checks reviews now, and returns what knows the flags of these and no others: a transaction must not wait for
    checks (guarantee 11)."""
    return {checked: look(checked) for checked in reviews}.__getitem__


class Said(NamedTuple):
    """What an author writes about one order line (from 1), or about the shop (0). `seen_version` is the version of
    the review that the author saw when writing, 0 for none."""

    line: int
    words: Words
    seen_version: int


class Submission(NamedTuple):
    """One submitted form."""

    order: StoredOrder
    said: Sequence[Said]
    wants_reply: bool = False

    def checked(self, text: str) -> Checked:
        """What the checks look at. The shop's own addresses are those of its site and of the order's products."""
        order, shop = self.order, self.order.shop
        addresses = filter(None, (shop.site, *(line.url for line in order.lines)))
        return Checked(text, order.public_name, order.lang, own_addresses(shop.name, addresses))


class Written(NamedTuple):
    """A stored review. `entry`, from which the receipt is made, is None if the text did not change."""

    review: Review
    entry: Entry | None


def write_reviews(
    tx: Transaction, submission: Submission, look: Look, *, signer: Signer, now: float
) -> list[Written]:
    """Stores an author's submission: first reviews, and new versions of existing ones.

    Submitting the same text again only updates `wants_reply`, so a form may safely be sent twice. The author gets one
    receipt for the whole submission. Raises ReviewChanged, and stores nothing, if another version with another text
    was stored first.
    """
    work, order = Work(tx, signer, now), submission.order
    existing = reviews_of_order(tx, order.shop.id, order.order_id)
    written = [_write(work, submission, said, existing.get(said.line), look) for said in submission.said]
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
    """The new version, not yet decided about. It has no reply: that was a reply to another text."""
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
    """The review with its flags, published or waiting as the shop's moderation and the flags require."""
    shop, now = submission.order.shop, int(work.now)
    flags = look(submission.checked(review.text)) + _compare(work, review)
    state, publish_at = decide(shop.moderation, shop.publish_after, flags, now)
    published_at = now if state == "published" else None
    return replace(review, flags=flags, state=state, publish_at=publish_at, published_at=published_at)


def _compare(work: Work, review: Review) -> tuple[str, ...]:
    """Flags from comparing with other reviews: copied text, or many orders of one address reviewed at once."""
    copied = is_worth_comparing(review.text) and is_copied(work.tx, review)
    since = int(work.now) - MOST_ORDERS_WITHIN
    many = orders_of_address(work.tx, review, MOST_ORDERS, since=since) >= MOST_ORDERS
    return (COPIED,) * copied + ("many orders",) * many


def _notify(work: Work, order: StoredOrder, new: Sequence[Written]) -> None:
    """Sends the author a receipt, and asks the shop to moderate reviews that wait."""
    tx, now = work.tx, work.now
    if new:
        answer_invitation(tx, order.shop.id, order.order_id, now)
        # The entry's hash, and the salt of its commitment: with them its author proves what the shop changed.
        receipts = [
            {"review": review.id, "version": review.version, "hash": entry.hash, "salt": review.salt}
            for review, entry in new
            if entry
        ]
        notify_author(tx, new[0].review, "receipt", {"receipts": receipts}, now=now)
    if any(one.review.state == "waiting" for one in new):
        notify_shop(tx, order.shop, live=order.live, now=now)


def withdraw(tx: Transaction, review: Review, signer: Signer, now: float) -> Review:
    """Withdraws a review, for its author. Raises ReviewChanged, also if it is already withdrawn or erased."""
    if not review.is_shown_to_author:
        raise ReviewChanged
    work = Work(tx, signer, now)
    return change(work, review, review.unpublished("withdrawn", work.after(review)), "withdrawn", {})
