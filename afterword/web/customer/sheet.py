"""One order as its customer sees it: what can be reviewed, what was reviewed, and until when."""

from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from afterword.domain.reviews.review import WRITE_FOR, Review
from afterword.domain.values import shown
from afterword.store.engine.database import Transaction
from afterword.store.messages.invitations import invited_at
from afterword.store.orders import StoredOrder
from afterword.store.reviews.chain import entries_of_review
from afterword.store.reviews.writing import reviews_of_order

PRODUCTS_A_PAGE = 10
"""Maximum products on one page of the form."""


class Topic(NamedTuple):
    """What can be reviewed: a product, by its order line from 1, or the shop (0)."""

    line: int
    name: str


class Sheet(NamedTuple):
    """An order and its reviews by line. `receipts` are the hashes of the chain entries that commit to the current
    texts; `write_until` is in epoch seconds."""

    order: StoredOrder
    reviews: dict[int, Review]
    receipts: dict[int, str]
    write_until: int

    @property
    def all_topics(self) -> list[Topic]:
        """The shop, then each distinct product of the order."""
        products: dict[tuple[int | str, int | str | None], Topic] = {}
        for number, line in enumerate(self.order.lines, 1):
            products.setdefault((line.id, line.variant_id), Topic(number, shown(line.name)))
        return [Topic(0, shown(self.order.shop.name)), *products.values()]

    @property
    def topics(self) -> list[Topic]:
        """What can be reviewed: all topics except those whose review was erased."""
        erased = {line for line, review in self.reviews.items() if review.state == "erased"}
        return [topic for topic in self.all_topics if topic.line not in erased]

    def can_withdraw(self, line: int) -> bool:
        return line in self.reviews and self.reviews[line].is_shown_to_author

    def can_write(self, now: float) -> bool:
        return now <= self.write_until

    def day(self, at: int) -> str:
        """The date of an epoch time in the shop's time zone, `YYYY-MM-DD`."""
        return datetime.fromtimestamp(at, ZoneInfo(self.order.shop.timezone)).date().isoformat()

    def page_of(self, line: int) -> int:
        """The first product of the page with this order line, as `page_from` takes it."""
        lines = [topic.line for topic in self.topics[1:]]
        return lines.index(line) // PRODUCTS_A_PAGE * PRODUCTS_A_PAGE if line in lines else 0

    def page_from(self, start: int) -> tuple[int, list[Topic]]:
        """The page with the product at index `start`: the index of its first product, and its topics. The shop is on
        the first page."""
        topics = self.topics
        start = min(start, max(0, len(topics) - 2)) // PRODUCTS_A_PAGE * PRODUCTS_A_PAGE
        return start, topics[start + 1 if start else 0 : start + 1 + PRODUCTS_A_PAGE]


def read_sheet(tx: Transaction, order: StoredOrder) -> Sheet:
    shop_id, order_id = order.shop.id, order.order_id
    reviews = reviews_of_order(tx, shop_id, order_id)
    receipts = {
        line: entry.hash
        for line, review in reviews.items()
        for entry in entries_of_review(tx, shop_id, review.id)
        if (entry.kind, entry.version) == ("written", review.version) and review.state != "erased"
    }
    return Sheet(order, reviews, receipts, invited_at(tx, shop_id, order_id) + WRITE_FOR)
