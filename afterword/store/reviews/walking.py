"""All reviews of a shop from end to end, for feeds and exports: page after page, each a short question, however many
there are.

They come by their numbers, which nothing changes. So whatever is written, published or withdrawn meanwhile, each
review that was there at the start comes once, as it is when its page is read.
"""

from typing import NamedTuple

from afterword.domain.orders.order import OrderLine, decode_lines
from afterword.domain.reviews.review import Review
from afterword.store.engine.database import Transaction
from afterword.store.queries import query
from afterword.store.reviews.rows import as_review

REVIEWS_A_PAGE = 250
"""Reviews in one question: a few milliseconds, in which nobody else is served."""


class OrderOfReview(NamedTuple):
    """What the shop knows of the order that a review is about."""

    id_order: str
    reference: str | None
    order_date: str
    firstname: str
    lastname: str
    email: str
    lines: tuple[OrderLine, ...]


class Collected(NamedTuple):
    """A review with its order, or with none where it was imported."""

    review: Review
    order: OrderOfReview | None

    @property
    def product(self) -> OrderLine | None:
        """The order line that it is about, if it is about one of ours."""
        line = self.review.line
        return self.order.lines[line - 1] if self.order and 0 < line <= len(self.order.lines) else None


def all_reviews(
    tx: Transaction, shop_id: int, *, live: bool, behind: int = 0, most: int = REVIEWS_A_PAGE
) -> list[Collected]:
    """Of whatever state, the next ones behind the review of this place in the sequence."""
    world = {"shop_id": shop_id, "live": int(live)}
    rows = tx.rows(query("all_reviews"), world | {"number": behind, "most": most})
    reviews = [as_review(row) for row in rows]
    orders = _orders(tx, world | {"first": reviews[0].number, "last": reviews[-1].number}) if reviews else {}
    return [Collected(review, orders.get(review.order_id)) for review in reviews]


def _orders(tx: Transaction, values: dict[str, int]) -> dict[int, OrderOfReview]:
    return {
        row[0]: OrderOfReview._make((*row[1:-1], decode_lines(row[-1])))
        for row in tx.rows(query("orders_of_reviews"), values)
    }
