"""The rows of reviews: written by their authors, published or rejected, answered by the shop.

Whatever becomes of a review is one transaction: the row, what is counted, the entry in the chain, and the messages
about it. Guarantee 10: words change in `write_review` and `erase` alone.
"""

import secrets
from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from afterword.base.errors import Refused
from afterword.domain.orders.order import OrderLine, decode_lines
from afterword.domain.reviews.chain import Entry, Kind, Signer, commitment, imported_details, words_of
from afterword.domain.reviews.moderation import decide
from afterword.domain.reviews.review import (
    LINES_AN_ORDER,
    SITE,
    Review,
    Words,
    is_worth_comparing,
    review_id_of,
    text_hash,
)
from afterword.domain.shops import Shop
from afterword.domain.suppressions import address_hash
from afterword.domain.values import shown_name, signature
from afterword.store.engine.database import Transaction
from afterword.store.queries import query
from afterword.store.reviews.chain import add_entry
from afterword.store.reviews.counts import count
from afterword.store.reviews.notifications import enqueue_deliveries, notify_author, notify_shop
from afterword.store.reviews.rows import as_review, as_row
from afterword.store.shops import find_shop

MOST_ORDERS = 3
"""Orders of one address that may be reviewed before a person looks at the next."""

TOLD = ("published", "rejected", "withdrawn", "replied")
"""What programs are told of, besides `received`."""

_KEPT = ("version", "order_id", "rating", "text", "salt", "written_at")
"""What is kept of a past version, as `past_versions` gives it."""

Look = Callable[[str], tuple[str, ...]]
"""Says what the checks find in a text."""


class ReviewChanged(Exception):
    """It is not any more as it was when somebody decided what becomes of it; nothing was changed."""


class ReviewedOrder(NamedTuple):
    """What a form shows and a review needs of an order. `lines` are its products, in their order."""

    shop: Shop
    order_id: int
    live: bool
    id_order: str
    order_date: str
    firstname: str
    lastname: str
    email: str
    lang: str
    lines: tuple[OrderLine, ...]

    @property
    def author(self) -> str:
        """The name as the public sees it; empty where it looks like an address, or half of it is missing."""
        return signature(shown_name(self.firstname), shown_name(self.lastname))


class Said(NamedTuple):
    """What an author says of one order line (from 1), or of the shop (0); `seen_version` is the version of the review
    that they had before their eyes, 0 for none."""

    line: int
    words: Words
    seen_version: int


class Written(NamedTuple):
    """What came of it. `entry`, which is the receipt, is None where nothing was new."""

    review: Review
    entry: Entry | None


def order_for_review(tx: Transaction, shop: Shop, order_id: int) -> ReviewedOrder | None:
    """This shop's order of that number."""
    for live, *texts, lines in tx.rows(query("order_for_review"), {"shop_id": shop.id, "order_id": order_id}):
        return ReviewedOrder(*(shop, order_id, bool(live), *texts, decode_lines(lines)))
    return None


def invited_at(tx: Transaction, shop: Shop, order_id: int) -> int:
    """When the invitation of an order was sent, or else is due (epoch seconds)."""
    [(at,)] = tx.rows(query("invited_at"), {"shop_id": shop.id, "order_id": order_id})
    return int(at)


def write_reviews(
    tx: Transaction,
    order: ReviewedOrder,
    said: Sequence[Said],
    *,
    wants_reply: bool,
    look: Look,
    signer: Signer,
    now: float,
) -> list[Written]:
    """Stores what the author of an order says: first reviews, and new versions of those that are there.

    The same words again change nothing but whether a reply is told, so the same form may be sent twice. Raises
    ReviewChanged when another version has come meanwhile, with other words; then nothing is stored. The author gets
    one receipt for all.
    """
    written = [_write(tx, order, one, wants_reply, look, signer, now) for one in said]
    new = [one for one in written if one.entry]
    if new:
        key = {"shop_id": order.shop.id, "order_id": order.order_id, "now": int(now)}
        tx.run(query("answer_invitation"), key)
        receipts = [receipt_of(one.review, one.entry) for one in new if one.entry]
        notify_author(tx, new[0].review, "receipt", {"receipts": receipts}, now=now)
    if any(one.review.state == "waiting" for one in new):
        notify_shop(tx, order.shop, live=order.live, now=now)
    return written


def receipt_of(review: Review, entry: Entry) -> dict[str, object]:
    """What makes the chain hold against the shop itself: the entry's hash, and the salt of what it commits to."""
    return {"review": review.id, "version": review.version, "hash": entry.hash, "salt": review.salt}


def _write(
    tx: Transaction,
    order: ReviewedOrder,
    said: Said,
    wants_reply: bool,
    look: Look,
    signer: Signer,
    now: float,
) -> Written:
    found = review_of(tx, order.shop.id, review_id_of(order.order_id, said.line))
    if found is not None and found.state != "withdrawn" and (found.rating, found.text) == said.words:
        return Written(_wish(tx, found, wants_reply, now), None)
    if (found.version if found else 0) != said.seen_version or (found and found.state == "erased"):
        raise ReviewChanged
    new = _new_version(tx, order, said, found, wants_reply, look, now)
    if found is not None:
        _store(tx, found, new)
        _keep_past_version(tx, found)
    elif not tx.run(query("insert_review"), as_row(new)):
        raise ReviewChanged
    count(tx, found, new)
    words = commitment(new.salt, words_of(new))
    entry = add_entry(tx, signer, new, "written", {"commitment": words}, now=now)
    enqueue_deliveries(tx, new, "received", now=now)
    if new.state == "published":
        add_entry(tx, signer, new, "published", {"by": "checks"}, now=now)
        enqueue_deliveries(tx, new, "published", now=now)
    return Written(new, entry)


def _wish(tx: Transaction, review: Review, wants_reply: bool, now: float) -> Review:
    """The review, whose author wishes to be told of a reply, or not any more."""
    if review.wants_reply == wants_reply:
        return review
    new = replace(review, wants_reply=wants_reply, changed_at=later(review, now))
    _store(tx, review, new)
    return new


def _new_version(
    tx: Transaction,
    order: ReviewedOrder,
    said: Said,
    found: Review | None,
    wants_reply: bool,
    look: Look,
    now: float,
) -> Review:
    """The review as it is with these words. A reply was to other words, so it goes."""
    shop, words = order.shop, said.words
    scope, product_name = SITE, None
    if said.line:
        product = order.lines[said.line - 1]
        scope, product_name = str(product.id), product.name
    review = Review(
        shop_id=shop.id,
        id=review_id_of(order.order_id, said.line),
        order_id=order.order_id,
        live=order.live,
        scope=scope,
        product_name=product_name,
        state="waiting",
        version=found.version + 1 if found else 1,
        rating=words.rating,
        text=words.text,
        author=order.author,
        lang=order.lang,
        experience_date=order.order_date[:10],
        imported_from=None,
        salt=secrets.token_hex(16),
        written_at=int(now),
        changed_at=later(found, now),
        published_at=None,
        publish_at=None,
        flags=(),
        reason=None,
        reply=None,
        replied_at=None,
        wants_reply=wants_reply,
        doubt=None,
        doubted_at=None,
        text_hash=text_hash(words.text),
        address_hash=address_hash(shop.salt, order.email),
    )
    flags = look(words.text) + _compare(tx, review)
    state, publish_at = decide(shop.moderation, shop.publish_after, flags, int(now))
    published_at = int(now) if state == "published" else None
    return replace(review, flags=flags, state=state, publish_at=publish_at, published_at=published_at)


def _compare(tx: Transaction, review: Review) -> tuple[str, ...]:
    """What the checks find beside a review: words that were used before, an address with many orders."""
    values = {name: getattr(review, name) for name in ("shop_id", "order_id", "text_hash", "address_hash")}
    values |= {"live": int(review.live), "most": MOST_ORDERS * LINES_AN_ORDER}
    flags = []
    if is_worth_comparing(review.text) and tx.rows(query("copies_of_text"), values):
        flags.append("copied text")
    if len(set(tx.rows(query("orders_of_address"), values))) >= MOST_ORDERS:
        flags.append("many orders")
    return tuple(flags)


def withdraw(tx: Transaction, review: Review, signer: Signer, now: float) -> Review:
    """By its author. Raises ReviewChanged."""
    new = replace(
        review,
        state="withdrawn",
        published_at=None,
        publish_at=None,
        reason=None,
        changed_at=later(review, now),
    )
    return change(tx, review, new, "withdrawn", {}, signer, now)


def import_review(tx: Transaction, review: Review, signer: Signer, now: float) -> bool:
    """Stores a review that was collected elsewhere, published, and marked as imported and not verified by us.

    Returns whether it is new. Nobody is told.
    """
    if not tx.run(query("insert_review"), as_row(review)):
        return False
    count(tx, None, review)
    add_entry(tx, signer, review, "imported", imported_details(review), now=now)
    return True


def find_review(tx: Transaction, review_id: int) -> tuple[Shop, Review]:
    """A review of whichever shop, and the shop. Raises Refused when there is none."""
    for row in tx.rows(query("show_review"), {"review_id": review_id}):
        review = as_review(row)
        shop = find_shop(tx, str(review.shop_id))
        if shop is not None:
            return shop, review
    raise Refused(f"there is no review {review_id}")


def reviews_of_order(tx: Transaction, shop: Shop, order_id: int) -> dict[int, Review]:
    """What was written about an order, by line; 0 is the shop."""
    first = review_id_of(order_id, 0)
    values = {"shop_id": shop.id, "first": first, "last": first + LINES_AN_ORDER - 1}
    found = [as_review(row) for row in tx.rows(query("reviews_of_order"), values)]
    return {review.line: review for review in found}


def past_versions(tx: Transaction, review: Review) -> list[Review]:
    """What its author wrote before, the oldest first."""
    values = {"shop_id": review.shop_id, "review_id": review.id}
    return [
        replace(review, **dict(zip(_KEPT, row, strict=True)))
        for row in tx.rows(query("past_versions"), values)
    ]


def review_of(tx: Transaction, shop_id: int, review_id: int) -> Review | None:
    """This shop's review of that number."""
    rows = tx.rows(query("review_of_shop"), {"shop_id": shop_id, "review_id": review_id})
    return as_review(rows[0]) if rows else None


def later(review: Review | None, now: float) -> int:
    """When it changes: later than its last change, so that no two states of it look alike."""
    return max(int(now), review.changed_at + 1) if review else int(now)


def change(
    tx: Transaction,
    review: Review,
    new: Review,
    kind: Kind,
    details: dict[str, object],
    signer: Signer,
    now: float,
) -> Review:
    """Stores what somebody decided of a review: it is `new` from now on. Raises ReviewChanged when it is not any more
    what they saw."""
    _store(tx, review, new)
    count(tx, review, new)
    add_entry(tx, signer, new, kind, details, now=now)
    if kind in TOLD:
        enqueue_deliveries(tx, new, kind, now=now)
    return new


def _store(tx: Transaction, review: Review, new: Review) -> None:
    old = {"old_version": review.version, "old_state": review.state, "old_changed_at": review.changed_at}
    if not tx.run(query("change_review"), as_row(new) | old):
        raise ReviewChanged


def _keep_past_version(tx: Transaction, review: Review) -> None:
    values = {name: getattr(review, name) for name in ("shop_id", *_KEPT)}
    tx.run(query("insert_past_version"), values | {"review_id": review.id})
