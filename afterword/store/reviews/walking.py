"""Reads all reviews of a shop in short pages, for feeds and exports.

They are ordered by id, which never changes. So each review that existed at the start is returned exactly once, as it
is when its page is read, whatever is written, published or withdrawn in between.
"""

from typing import NamedTuple

from afterword.domain.orders.order import OrderLine
from afterword.domain.reviews.review import Review
from afterword.domain.shops import Shop
from afterword.store.engine.database import Transaction
from afterword.store.orders import StoredOrder, as_order
from afterword.store.queries import query
from afterword.store.reviews.rows import as_review

REVIEWS_A_PAGE = 250
"""Reviews per query: a few milliseconds, during which no other request is served."""


class Collected(NamedTuple):
    """A review and its order, which is None for imported reviews."""

    review: Review
    order: StoredOrder | None

    @property
    def product(self) -> OrderLine | None:
        """The order line of the reviewed product, or None for reviews of the shop and imported ones."""
        line = self.review.line
        return self.order.lines[line - 1] if self.order and 0 < line <= len(self.order.lines) else None


def all_reviews(
    tx: Transaction, shop: Shop, *, live: bool, behind: int = 0, most: int = REVIEWS_A_PAGE
) -> list[Collected]:
    """The next reviews, in any state, after the review with number `behind`."""
    mode = {"shop_id": shop.id, "live": int(live)}
    rows = tx.rows(query("all_reviews"), mode | {"number": behind, "most": most})
    reviews = [as_review(row) for row in rows]
    if not reviews:
        return []
    of_these = mode | {"first": reviews[0].number, "last": reviews[-1].number}
    orders = {row[0]: as_order(shop, row) for row in tx.rows(query("orders_of_reviews"), of_these)}
    return [Collected(review, orders.get(review.order_id)) for review in reviews]
