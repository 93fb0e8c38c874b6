"""Finds, inserts and replaces single reviews.

`actions` decides what may be done with a review, and what else happens then.
"""

import json
from typing import NamedTuple

from msgspec.structs import replace

from afterword.base.errors import Refused, ReviewChanged
from afterword.domain.orders.order import MOST_LINES
from afterword.domain.reviews.review import Review, ReviewState
from afterword.domain.shops import Shop
from afterword.store.engine.database import Transaction
from afterword.store.orders import StoredOrder
from afterword.store.queries import query
from afterword.store.reviews.rows import as_review, as_row
from afterword.store.shops import shops_of

_PAST = ("version", "rating", "text", "salt", "written_at")
"""The stored fields of a past version, in the order of the query `past_versions`."""


class Outline(NamedTuple):
    """What is stored of a review beside its text, which may be long. `written_at` is in epoch seconds."""

    line: int
    version: int
    state: ReviewState
    written_at: int
    text_hash: str


def review_of(tx: Transaction, shop_id: int, review_id: int) -> Review | None:
    """This shop's review with that id."""
    rows = tx.rows(query("review_of_shop"), {"shop_id": shop_id, "review_id": review_id})
    return as_review(rows[0]) if rows else None


def find_review(tx: Transaction, review_id: int) -> tuple[Shop, Review]:
    """The review with this id, in any shop, and its shop. Raises Refused if there is none."""
    for row in tx.rows(query("show_review"), {"review_id": review_id}):
        review = as_review(row)
        [shop] = shops_of(tx, [review.shop_id])
        return shop, review
    raise Refused(f"there is no review {review_id}")


def reviews_of_order(
    tx: Transaction, shop_id: int, order_id: int, first: int = 0, last: int = MOST_LINES
) -> dict[int, Review]:
    """The reviews of an order by order line, 0 being the review of the shop; or only those from line `first` to line
    `last`."""
    values = {"shop_id": shop_id, "order_id": order_id, "first": first, "last": last}
    found = [as_review(row) for row in tx.rows(query("reviews_of_order"), values)]
    return {review.line: review for review in found}


def outlines_of_order(tx: Transaction, order: StoredOrder) -> list[Outline]:
    """All reviews of an order, which takes the same time however long their texts are."""
    values = {"shop_id": order.shop.id, "order_id": order.order_id}
    return [Outline(*row) for row in tx.rows(query("outlines_of_order"), values)]


def past_versions(tx: Transaction, review: Review) -> list[Review]:
    """The earlier versions of a review, oldest first."""
    values = {"shop_id": review.shop_id, "review_id": review.id}
    return [
        replace(review, **dict(zip(_PAST, row, strict=True)))
        for row in tx.rows(query("past_versions"), values)
    ]


def insert_review(tx: Transaction, review: Review) -> bool:
    """Returns False, and changes nothing, if there already is a review of this order line."""
    return bool(tx.run(query("insert_review"), as_row(review)))


def replace_review(tx: Transaction, old: Review, new: Review) -> None:
    """Replaces the row if it still is `old` (compare-and-swap). Raises ReviewChanged if it is not."""
    was = {"old_version": old.version, "old_state": old.state, "old_changed_at": old.changed_at}
    if not tx.run(query("change_review"), as_row(new) | was):
        raise ReviewChanged


def keep_past_version(tx: Transaction, review: Review) -> None:
    values = {name: getattr(review, name) for name in ("shop_id", *_PAST)}
    tx.run(query("insert_past_version"), values | {"review_id": review.id})


def erase_traces(tx: Transaction, review: Review) -> None:
    """Erases the past versions of a review, and what is still to be sent about it: its part of receipts and
    the like, and all of the other messages and deliveries, whether they wait or have failed."""
    for first in reviews_of_order(tx, review.shop_id, review.order_id).values():
        _leave_out_of_lists(tx, first, review)
    for each in ("erase_past_versions", "forget_review"):
        tx.run(query(each), {"shop_id": review.shop_id, "review_id": review.id})


def _leave_out_of_lists(tx: Transaction, first: Review, erased: Review) -> None:
    """Of the e-mails that began with the review `first`. One that lists nothing else goes."""
    about = {"shop_id": first.shop_id, "review_id": first.id}
    for message_id, payload in tx.rows(query("gathered_about"), about):
        [(name, listed)] = json.loads(payload).items()
        others = [each for each in listed if each["review"] != erased.id]
        key = {"shop_id": first.shop_id, "message_id": message_id}
        if not others:
            tx.run(query("remove_message"), key)
        elif others != listed:
            left = {"review_id": others[0]["review"], "payload": json.dumps({name: others})}
            tx.run(query("change_gathered"), key | left)


def is_copied(tx: Transaction, review: Review) -> bool:
    """Whether a review of another order has the same text."""
    return bool(tx.rows(query("copies_of_text"), _compared(review) | {"most": 1}))


def same_text(tx: Transaction, review: Review, most: int) -> list[int]:
    """The ids of other reviews with the same text, the oldest first."""
    rows = tx.rows(query("same_text"), _compared(review) | {"review_id": review.id, "most": most})
    return [number for (number,) in rows]


def changes_of_order(tx: Transaction, order: StoredOrder, *, since: int) -> int:
    """How many versions of an order's reviews, but for first ones, were written since then (epoch seconds)."""
    latest = sum(one.version > 1 and one.written_at > since for one in outlines_of_order(tx, order))
    values = {"shop_id": order.shop.id, "order_id": order.order_id, "since": since}
    [(replaced,)] = tx.rows(query("changes_of_order"), values)
    return latest + int(replaced)


def orders_of_address(tx: Transaction, review: Review, most: int, *, since: int) -> int:
    """How many other orders of the same e-mail address have a review written since then (epoch seconds); counts no
    further than `most`."""
    values = _compared(review) | {"most": most * (MOST_LINES + 1), "since": since}
    return len(set(tx.rows(query("orders_of_address"), values)))


def _compared(review: Review) -> dict[str, object]:
    names = ("shop_id", "order_id", "text_hash", "address_hash")
    return {name: getattr(review, name) for name in names} | {"live": int(review.live)}


def overdue_reviews(tx: Transaction, now: float, most: int) -> list[tuple[int, int]]:
    """The shop id and review id of waiting reviews whose time to be published has come."""
    found = tx.rows(query("reviews_to_publish"), {"now": int(now), "most": most})
    return [(shop_id, review_id) for shop_id, review_id in found]
