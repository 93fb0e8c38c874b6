"""Clara at her browser: what she sends by the link of her e-mail, and what she sees."""

import re
from collections.abc import Callable, Mapping
from html import unescape
from itertools import count
from typing import Any, NamedTuple

import pytest

from afterword.domain.reviews.chain import Signer
from afterword.domain.reviews.review import WRITE_FOR, Review
from afterword.domain.shops import Shop
from afterword.store.reviews.writing import reviews_of_order
from tests.server import Answer
from tests.store.databases import act, ask, execute
from tests.web.conftest import NOW, SECRET, Links, Site
from tests.web.customer.forms import BOUNDARY, multipart

BREAD, ROLLS = {"id": 100, "name": "Rye bread"}, {"id": 200, "name": "Seed rolls"}
HEADERS = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Sec-Fetch-Site": "same-origin"}

_numbers = count(1)


class Author(NamedTuple):
    """A customer with the links of an order, at a shop of its own: nobody has written the same words there."""

    site: Site
    links: Links

    @property
    def shop(self) -> Shop:
        return self.links.order.shop

    def opens(self, query: str = "") -> Answer:
        return self.site.get(self.links.review + query)

    def reads(self, query: str = "") -> str:
        return plain(self.opens(query))

    def sends(self, *fields: Mapping[str, str], lived: bool = True, **headers: str) -> Answer:
        """What the browser sends when the button is pressed."""
        form = {"lived": "1"} if lived else {}
        for each in fields:
            form |= each
        return self.site.request("POST", self.links.review, multipart(form), HEADERS | headers)

    @property
    def reviews(self) -> dict[int, Review]:
        """What is stored, by line."""
        return ask(self.site, reviews_of_order, self.shop.id, self.links.order.order_id)

    def is_moderated(self, deed: Callable[..., Review], *values: object, line: int = 0) -> None:
        """What the shop does with a review: `reject`, "abuse"."""
        act(self.site, deed, self.reviews[line], *values, Signer(SECRET), float(NOW))

    def waits_180_days(self) -> None:
        """Has the e-mail be sent so long ago that nobody can write any more."""
        sql = "UPDATE messages SET due_at = due_at - :time, sent_at = sent_at - :time WHERE message_id = :id"
        values = {"time": 11 * 86_400 + WRITE_FOR, "id": self.links.order.order_id}
        assert execute(self.site, sql, values) == 1


def new_author(
    site: Site,
    *products: Mapping[str, Any],
    shop: Mapping[str, Any] | None = None,
    live: bool = True,
    **changes: Any,
) -> Author:
    """Clara with an order of these products, or of bread and rolls, at a new shop."""
    keys = site.new_shop(**(shop or {}))
    order = {"products": products or (BREAD, ROLLS)} | changes
    key = keys.private_key if live else keys.test_key
    return Author(site, site.links(key, f"A-{next(_numbers)}", **order))


@pytest.fixture
def clara(site: Site) -> Author:
    return new_author(site)


def review(line: int, stars: object, text: str, seen: int = 0) -> dict[str, str]:
    """The fields of one review."""
    return {f"stars-{line}": str(stars), f"text-{line}": text, f"seen-{line}": str(seen)}


def plain(answer: Answer) -> str:
    """What a page says, as one line."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.content.decode())).split())


def typed(answer: Answer) -> dict[str, Any]:
    """What the fields of a form hold, as a browser would send them."""
    page = answer.content.decode()
    texts = re.findall(r'<textarea [^>]*name="([^"]+)"[^>]*>\n(.*?)</textarea>', page, re.DOTALL)
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page)
    chosen = re.findall(
        r'<input type="(?:radio|checkbox)"[^>]* name="([^"]+)" value="([^"]*)"[^>]* checked', page
    )
    return {name: unescape(value) for name, value in [*texts, *hidden, *chosen]}
