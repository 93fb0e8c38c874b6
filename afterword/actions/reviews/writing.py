"""What authors do with their reviews: write, edit and withdraw them.

Guarantee 10: the text of a review changes only here and in `moderation.erase`.
"""

import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from afterword.actions.reviews.changes import Work, begin_work, change, store_version
from afterword.actions.reviews.checking import CHECKS, Look
from afterword.base.errors import ReviewChanged, TooManyChanges
from afterword.domain.people.suppressions import address_hash
from afterword.domain.reviews.chain import Entry, Signer, committed
from afterword.domain.reviews.checks.flags import COPIED, Checked
from afterword.domain.reviews.checks.own import own_of
from afterword.domain.reviews.moderation import decide
from afterword.domain.reviews.review import (
    CHANGES_WITHIN,
    HIDDEN_FROM_AUTHOR,
    MOST_ALIKE,
    MOST_CHANGES,
    MOST_ORDERS,
    MOST_ORDERS_WITHIN,
    SITE,
    Review,
    Words,
    is_worth_comparing,
    text_hash,
)
from afterword.store.engine.database import Transaction
from afterword.store.figures import count_figure
from afterword.store.messages.enqueue import gather_for_author, notify_shop
from afterword.store.messages.invitations import answer_invitation
from afterword.store.numbers import next_review
from afterword.store.orders import StoredOrder
from afterword.store.reviews.writing import (
    Outline,
    changes_of_order,
    is_copied,
    orders_of_address,
    outlines_of_order,
    replace_review,
    reviews_of_order,
)

REVIEWS_A_TRANSACTION = 3
"""At up to a millisecond each, few enough that no other request waits for long (guarantee 11)."""


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
        return Checked(text, order.public_name, order.lang, own_of(shop.name, addresses, shop.phones or ""))

    def parts(self) -> list["Submission"]:
        """The submission as it is read and stored: a transaction for each of these, in the order of the lines."""
        size = REVIEWS_A_TRANSACTION
        starts = range(0, len(self.said), size)
        return [self._replace(said=self.said[start : start + size]) for start in starts]


class Prepared(NamedTuple):
    """What is found out about a text before the transaction, which must not wait for it (guarantee 11): its flags,
    and what its copies are found by."""

    flags: tuple[str, ...]
    text_hash: str
    is_worth_comparing: bool


def prepare(submission: Submission, new: Iterable[Said], look: Look = CHECKS) -> dict[str, Prepared]:
    """Checks the texts of these reviews of a submission, each once."""
    same = submission.checked("")
    return {
        text: Prepared(look(same._replace(text=text)), text_hash(text), is_worth_comparing(text))
        for text in {said.words.text for said in new}
    }


class Written(NamedTuple):
    """A stored review. `entry`, from which the receipt is made, is None if the text did not change."""

    review: Review
    entry: Entry | None


class _Writing(NamedTuple):
    """A submission that is being stored. `repeated` are the hashes of texts that too many of the order's reviews
    have."""

    work: Work
    submission: Submission
    prepared: Mapping[str, Prepared]
    repeated: frozenset[str]


def unwritten(tx: Transaction, submission: Submission, now: float) -> list[Said]:
    """What a part of a submission would store a version of; no other text is checked (`prepare`).

    Raises ReviewChanged, as `write_reviews` would, and TooManyChanges if MOST_CHANGES were stored within
    CHANGES_WITHIN. First versions are always taken.
    """
    existing = _existing(tx, submission)
    new = _new(submission, existing)
    if any(said.line in existing for said in new):
        since = int(now) - CHANGES_WITHIN
        if changes_of_order(tx, submission.order, since=since) >= MOST_CHANGES:
            raise TooManyChanges
    return new


def write_reviews(
    tx: Transaction, submission: Submission, prepared: Mapping[str, Prepared], *, signer: Signer, now: float
) -> list[Written]:
    """Stores a part of an author's submission: first reviews, and new versions of existing ones.

    Submitting the same text again only updates `wants_reply`, so a form may safely be sent twice. The author gets one
    receipt for the whole submission. Raises ReviewChanged, and stores nothing, if another version with another text
    was stored first.
    """
    work = begin_work(tx, submission.order.shop.id, signer, now)
    existing = _existing(tx, submission)
    new = {said.line: said.words.text for said in _new(submission, existing)}
    if not prepared.keys() >= set(new.values()):
        raise ReviewChanged
    outlines = outlines_of_order(tx, submission.order)
    repeated = _repeated(outlines, {line: prepared[text].text_hash for line, text in new.items()})
    writing = _Writing(work, submission, prepared, repeated)
    written = [
        _write(writing, said, existing.get(said.line), is_new=said.line in new) for said in submission.said
    ]
    _notify(work, submission.order, [one for one in written if one.entry])
    if written and not outlines:
        count_figure(tx, work.shop, "reviewed", live=submission.order.live, now=now)
    return written


def _existing(tx: Transaction, submission: Submission) -> dict[int, Review]:
    """The stored reviews of the lines that a part is about."""
    order, lines = submission.order, [said.line for said in submission.said]
    return reviews_of_order(tx, order.shop.id, order.order_id, min(lines, default=0), max(lines, default=0))


def _new(submission: Submission, existing: Mapping[int, Review]) -> list[Said]:
    return [said for said in submission.said if _is_new(said, existing.get(said.line))]


def _is_new(said: Said, found: Review | None) -> bool:
    if found and found.state != "withdrawn" and (found.rating, found.text) == said.words:
        return False
    if (found.version if found else 0) != said.seen_version or (found and found.state == "erased"):
        raise ReviewChanged
    return True


def _repeated(existing: Iterable[Outline], new: Mapping[int, str]) -> frozenset[str]:
    hashes = {one.line: one.text_hash for one in existing if one.state not in HIDDEN_FROM_AUTHOR}
    counted = Counter((hashes | dict(new)).values())
    return frozenset(hashed for hashed, count in counted.items() if count > MOST_ALIKE)


def _write(writing: _Writing, said: Said, found: Review | None, *, is_new: bool) -> Written:
    work, submission = writing.work, writing.submission
    if found and not is_new:
        return Written(_set_wants_reply(work, found, submission.wants_reply), None)
    new = _decided(writing, _new_version(writing, said, found))
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


def _new_version(writing: _Writing, said: Said, found: Review | None) -> Review:
    """The new version, not yet decided about. It has no reply: that was a reply to another text."""
    work, order = writing.work, writing.submission.order
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
        wants_reply=writing.submission.wants_reply,
        text_hash=writing.prepared[said.words.text].text_hash,
        address_hash=address_hash(order.shop.salt, order.email),
    )


def _decided(writing: _Writing, review: Review) -> Review:
    """The review with its flags, published or waiting as the shop's moderation and the flags require."""
    shop, now = writing.submission.order.shop, int(writing.work.now)
    flags = writing.prepared[review.text].flags + _compare(writing, review)
    state, publish_at = decide(shop.moderation, shop.publish_after, flags, now)
    published_at = now if state == "published" else None
    return replace(review, flags=flags, state=state, publish_at=publish_at, published_at=published_at)


def _compare(writing: _Writing, review: Review) -> tuple[str, ...]:
    """Flags from comparing with other reviews: copied text, or many orders of one address reviewed at once."""
    work = writing.work
    copied = writing.prepared[review.text].is_worth_comparing and (
        review.text_hash in writing.repeated or is_copied(work.tx, review)
    )
    since = int(work.now) - MOST_ORDERS_WITHIN
    many = orders_of_address(work.tx, review, MOST_ORDERS, since=since) >= MOST_ORDERS
    return (COPIED,) * copied + ("many orders",) * many


def _notify(work: Work, order: StoredOrder, new: Sequence[Written]) -> None:
    """Sends the author a receipt, and asks the shop to moderate reviews that wait."""
    if new:
        answer_invitation(work.tx, order, work.now)
        # The entry's hash, and the salt of its commitment: with them its author proves what the shop changed.
        receipts = [
            {"review": review.id, "version": review.version, "hash": entry.hash, "salt": review.salt}
            for review, entry in new
            if entry
        ]
        gather_for_author(work.tx, new[0].review, "receipt", "receipts", receipts, now=work.now)
    if any(one.review.state == "waiting" for one in new):
        notify_shop(work.tx, order.shop, live=order.live, now=work.now)


def withdraw(tx: Transaction, review: Review, signer: Signer, now: float) -> Review:
    """Withdraws a review, for its author, who gets an e-mail: the link may be in other hands. Raises ReviewChanged,
    also if it is already withdrawn or erased."""
    if not review.is_shown_to_author:
        raise ReviewChanged
    work = begin_work(tx, review.shop_id, signer, now)
    gone = change(work, review, review.unpublished("withdrawn", work.after(review)), "withdrawn", {})
    gather_for_author(tx, gone, "withdrawal", "withdrawn", [{"review": gone.id}], now=now)
    return gone
