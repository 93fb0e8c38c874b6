"""The lists of the private API: a shop's reviews in any state, by the date when they were written, in pages.

A page is read in two steps: its cursors, from an index alone, then its rows. It begins after a known cursor, or is
reached by skipping, which reads index entries but no rows.
"""

from typing import Any, NamedTuple

from afterword.domain.reviews.review import PRODUCTS, SITE, Review, ReviewState
from afterword.store.engine.database import Transaction
from afterword.store.queries import query
from afterword.store.reviews.counts import counts
from afterword.store.reviews.rows import NEWEST_START, OLDEST_START, Cursor, as_review

LISTED: tuple[ReviewState, ...] = ("waiting", "published", "rejected", "withdrawn")
"""The states in which a review still has its text."""


class Selection(NamedTuple):
    """Which reviews of one shop: `scope` is `site`, a product's id, `products` for all products, or None for all.

    `changed_from` (epoch seconds) leaves out reviews that have not changed since.
    """

    shop_id: int
    live: bool
    scope: str | None = None
    states: tuple[ReviewState, ...] = LISTED
    changed_from: int | None = None
    newest_first: bool = True

    @property
    def start(self) -> Cursor:
        """The cursor before the first review."""
        return NEWEST_START if self.newest_first else OLDEST_START


class Reviewer(NamedTuple):
    """The author of a review, as the shop sent it with the order."""

    id_order: str
    firstname: str
    lastname: str
    email: str


def simplified(tx: Transaction, selection: Selection) -> Selection:
    """The same selection, without a `changed_from` that leaves out no review: then nothing needs to be counted or
    sorted."""
    if selection.changed_from is None:
        return selection
    rows = tx.rows(query("longest_unchanged"), _values(selection))
    leaves_out = rows and rows[0][0] < selection.changed_from
    return selection if leaves_out else selection._replace(changed_from=None)


def count_selected(tx: Transaction, selection: Selection) -> int:
    """How many reviews are selected: from the stored counts, or with `changed_from` by reading an index."""
    if selection.changed_from is not None:
        return int(tx.rows(query("count_changed"), _values(selection))[0][0])
    scopes = (SITE, PRODUCTS) if selection.scope is None else (selection.scope,)
    found = [each for scope in scopes for each in counts(tx, selection.shop_id, scope, live=selection.live)]
    return sum(each.amount for each in found if each.state in selection.states)


def cursors_of(
    tx: Transaction, selection: Selection, *, behind: Cursor, most: int, skipped: int = 0
) -> list[Cursor]:
    """The cursors of up to `most` reviews after `behind`, leaving out the first `skipped` of them."""
    values = _values(selection) | {"written_at": behind.at, "review_id": behind.review_id}
    rows = tx.rows(query(_cursors(selection)), values | {"most": most, "skipped": skipped})
    return [Cursor(*row) for row in rows]


def reviews_at(tx: Transaction, shop_id: int, cursors: list[Cursor]) -> list[tuple[Review, Reviewer | None]]:
    """The reviews at these cursors, in order, each with its author; None for imported reviews."""
    asked = [{"shop_id": shop_id, "review_id": cursor.review_id} for cursor in cursors]
    found = [as_review(row) for rows in tx.rows_each(query("review_of_shop"), asked) for row in rows]
    reviews = [review for review in found if review.state in LISTED]
    orders = {review.order_id for review in reviews if review.imported_from is None}
    of_orders = [{"shop_id": shop_id, "order_id": order_id} for order_id in orders]
    rows = tx.rows_by_id(query("reviewer"), of_orders) if of_orders else []
    reviewers = {order_id: Reviewer(*texts) for order_id, *texts in rows}
    return [(review, reviewers.get(review.order_id)) for review in reviews]


def _cursors(selection: Selection) -> str:
    """The query that reads the index with the fewest entries outside the selection."""
    if selection.changed_from is not None:
        newest, oldest = "cursors_changed_newest", "cursors_changed_oldest"
    elif "published" not in selection.states:
        newest, oldest = "cursors_unpublished_newest", "cursors_unpublished_oldest"
    elif selection.scope in (None, PRODUCTS):
        newest, oldest = "cursors_newest", "cursors_oldest"
    else:
        newest, oldest = "cursors_of_scope_newest", "cursors_of_scope_oldest"
    return newest if selection.newest_first else oldest


def _values(selection: Selection) -> dict[str, Any]:
    states = (selection.states * len(LISTED))[: len(LISTED)]
    scope = None if selection.scope == PRODUCTS else selection.scope
    return {
        "shop_id": selection.shop_id,
        "live": int(selection.live),
        "scope": scope,
        "left_out": SITE if selection.scope == PRODUCTS else "",
        "changed_from": selection.changed_from,
        **dict(zip(("one", "two", "three", "four"), states, strict=True)),
    }
