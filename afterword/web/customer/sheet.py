"""One order as its customer sees it: what can be reviewed, what was, and until when they can write."""

from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from afterword.domain.orders.order import OrderLine
from afterword.domain.reviews.chain import Entry
from afterword.domain.reviews.review import WRITE_FOR, Review
from afterword.store.engine.database import Transaction
from afterword.store.reviews.chain import entries_of_review
from afterword.store.reviews.writing import invited_at, reviews_of_order
from afterword.web.customer.links import Visit

PRODUCTS_A_PAGE = 10
"""Products on one page of the form."""


class Topic(NamedTuple):
    """What can be reviewed: a product, by its order line from 1; or (0) the shop."""

    line: int
    name: str


class Sheet(NamedTuple):
    """`receipts` are the entries of the chain that commit to the words as they are now."""

    visit: Visit
    reviews: dict[int, Review]
    receipts: dict[int, Entry]
    write_until: int

    @property
    def topics(self) -> list[Topic]:
        """What can be reviewed, but for what was erased, which stays so."""
        return [topic for topic in self.all_topics if not self._is_erased(topic.line)]

    @property
    def all_topics(self) -> list[Topic]:
        return topics_of(self.visit.shop.name, self.visit.order.lines)

    def _is_erased(self, line: int) -> bool:
        return line in self.reviews and self.reviews[line].state == "erased"

    def can_withdraw(self, line: int) -> bool:
        return line in self.reviews and self.reviews[line].is_shown_to_author

    def day(self, at: int) -> str:
        """A moment's date where the shop is, `YYYY-MM-DD`."""
        return datetime.fromtimestamp(at, ZoneInfo(self.visit.shop.timezone)).date().isoformat()

    def page_of(self, line: int) -> int:
        """How many products are on the pages before the one that has this order line."""
        lines = [topic.line for topic in self.topics[1:]]
        return lines.index(line) // PRODUCTS_A_PAGE * PRODUCTS_A_PAGE if line in lines else 0

    def page_from(self, start: int) -> tuple[int, list[Topic]]:
        """The page that has the product of this place, and what it asks about; the shop is on the first."""
        topics = self.topics
        start = min(start, max(0, len(topics) - 2)) // PRODUCTS_A_PAGE * PRODUCTS_A_PAGE
        first = 0 if start == 0 else start + 1
        return start, topics[first : start + 1 + PRODUCTS_A_PAGE]


def topics_of(shop_name: str, lines: tuple[OrderLine, ...]) -> list[Topic]:
    """The shop, then each product once, however many lines of the order have it."""
    first: dict[tuple[int, int | None], Topic] = {}
    for place, line in enumerate(lines, 1):
        first.setdefault((line.id, line.variant_id), Topic(place, line.name))
    return [Topic(0, shop_name), *first.values()]


def read_sheet(tx: Transaction, visit: Visit) -> Sheet:
    shop_id, order_id = visit.shop.id, visit.order.order_id
    reviews = reviews_of_order(tx, shop_id, order_id)
    receipts = {
        line: entry
        for line, review in reviews.items()
        for entry in entries_of_review(tx, shop_id, review.id)
        if (entry.kind, entry.version) == ("written", review.version) and review.state != "erased"
    }
    return Sheet(visit, reviews, receipts, invited_at(tx, shop_id, order_id) + WRITE_FOR)
