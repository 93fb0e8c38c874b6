"""One order as its customer sees it: what can be reviewed, what was reviewed, and until when."""

import asyncio
from datetime import datetime
from functools import partial
from typing import NamedTuple
from zoneinfo import ZoneInfo

from afterword.domain.reviews.review import WRITE_FOR, Review
from afterword.domain.values import shown
from afterword.store.engine.database import Database, Transaction
from afterword.store.messages.invitations import asked_at
from afterword.store.orders import StoredOrder
from afterword.store.reviews.chain import receipts_of_order
from afterword.store.reviews.writing import reviews_of_order

PRODUCTS_A_PAGE = 10
"""Maximum products on one page of the form."""


class Topic(NamedTuple):
    """What can be reviewed: a product, by its order line from 1, or the shop (0)."""

    line: int
    name: str


class Sheet(NamedTuple):
    """An order and its reviews by line. `receipts` are the hashes of the chain entries that commit to the current
    texts; `write_until` is in epoch seconds; `is_new` until a button of the form is pressed."""

    order: StoredOrder
    reviews: dict[int, Review]
    receipts: dict[int, str]
    write_until: int
    is_new: bool

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

    @property
    def shown(self) -> frozenset[int]:
        """The lines whose review its author sees, and can withdraw."""
        return frozenset(line for line, review in self.reviews.items() if review.is_shown_to_author)

    def can_withdraw(self, line: int) -> bool:
        return line in self.shown

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


LINES_A_READ = 5
"""Reviews of maximum length that are read without a pause: a tenth of a millisecond each, on the event loop."""


async def open_sheet(database: Database, order: StoredOrder) -> Sheet:
    """Reads the sheet of an order; other requests come between a few lines and the next ones."""
    sheet = await database.read(partial(_read_sheet, order=order, first=0))
    for first in range(LINES_A_READ, len(order.lines) + 1, LINES_A_READ):
        await asyncio.sleep(0)
        more = await database.read(partial(_read_sheet, order=order, first=first))
        sheet = sheet._replace(reviews=sheet.reviews | more.reviews, receipts=sheet.receipts | more.receipts)
    return sheet


def _read_sheet(tx: Transaction, order: StoredOrder, first: int) -> Sheet:
    """The sheet with LINES_A_READ lines from the first one on."""
    shop_id, order_id, last = order.shop.id, order.order_id, first + LINES_A_READ - 1
    reviews = reviews_of_order(tx, shop_id, order_id, first, last)
    receipts = receipts_of_order(tx, shop_id, order_id, first, last)
    asked = asked_at(tx, shop_id, order_id)
    return Sheet(order, reviews, receipts, asked.at + WRITE_FOR, asked.opened_at is None)
