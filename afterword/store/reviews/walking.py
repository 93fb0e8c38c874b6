"""Reads all reviews of a shop in short pages, for feeds and exports.

They are ordered by id, which never changes. So each review that existed at the start is returned exactly once, as it
is when its page is read, whatever is written, published or withdrawn in between.
"""

from typing import NamedTuple

from afterword.domain.orders.order import OrderLine, decode_lines
from afterword.domain.reviews.review import Review
from afterword.store.engine.database import Transaction
from afterword.store.queries import query
from afterword.store.reviews.rows import as_review

REVIEWS_A_PAGE = 250
"""Reviews per query: a few milliseconds, during which no other request is served."""


class OrderOfReview(NamedTuple):
    """The order that a review is about, as the shop sent it."""

    id_order: str
    reference: str | None
    order_date: str
    firstname: str
    lastname: str
    email: str
    lines: tuple[OrderLine, ...]


class Collected(NamedTuple):
    """A review and its order, which is None for imported reviews."""

    review: Review
    order: OrderOfReview | None

    @property
    def product(self) -> OrderLine | None:
        """The order line of the reviewed product, or None for reviews of the shop and imported ones."""
        line = self.review.line
        return self.order.lines[line - 1] if self.order and 0 < line <= len(self.order.lines) else None


def all_reviews(
    tx: Transaction, shop_id: int, *, live: bool, behind: int = 0, most: int = REVIEWS_A_PAGE
) -> list[Collected]:
    """The next reviews, in any state, after the review with number `behind`."""
    mode = {"shop_id": shop_id, "live": int(live)}
    rows = tx.rows(query("all_reviews"), mode | {"number": behind, "most": most})
    reviews = [as_review(row) for row in rows]
    orders = _orders(tx, mode | {"first": reviews[0].number, "last": reviews[-1].number}) if reviews else {}
    return [Collected(review, orders.get(review.order_id)) for review in reviews]


def _orders(tx: Transaction, values: dict[str, int]) -> dict[int, OrderOfReview]:
    return {
        row[0]: OrderOfReview._make((*row[1:-1], decode_lines(row[-1])))
        for row in tx.rows(query("orders_of_reviews"), values)
    }
