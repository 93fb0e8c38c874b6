"""The form as a browser sends it, and what became of it, for the stories of the customer who writes."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

from afterword.domain.reviews.chain import Signer
from afterword.domain.reviews.review import WRITE_FOR, Review
from afterword.store.engine.database import Transaction
from afterword.store.reviews.writing import reviews_of_order
from afterword.store.shops import find_shop
from tests.server import Answer
from tests.store.databases import act, execute
from tests.web.conftest import NOW, SECRET, Links, Site
from tests.web.customer.forms import BOUNDARY, multipart

SIGNER = Signer(SECRET)
"""What signs on this site."""

BREAD, ROLLS = {"id": 100, "name": "Rye bread"}, {"id": 200, "name": "Seed rolls"}


def review(line: int, stars: object, text: str, seen: int = 0) -> dict[str, str]:
    """The fields of one review."""
    return {f"stars-{line}": str(stars), f"text-{line}": text, f"seen-{line}": str(seen)}


def send(site: Site, links: Links, *fields: dict[str, str], lived: bool = True, **headers: str) -> Answer:
    """What the browser sends when the button is pressed."""
    form = {"lived": "1"} if lived else {}
    for each in fields:
        form |= each
    return site.request("POST", links.review, multipart(form), HEADERS | headers)


HEADERS = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Sec-Fetch-Site": "same-origin"}


def written(site: Site, links: Links) -> dict[int, Review]:
    """What is there of an order, by line."""

    def read(tx: Transaction) -> dict[int, Review]:
        shop = find_shop(tx, links.review.split("/")[2])
        assert shop is not None
        return reviews_of_order(tx, shop.id, links.order_id)

    return site.read(read)


def wait_180_days(site: Site, links: Links) -> None:
    """Has the letter be sent so long ago that nobody can write any more."""
    asked = "UPDATE messages SET due_at = due_at - :time, sent_at = sent_at - :time WHERE message_id = :order"
    assert execute(site, asked, {"time": 11 * 86_400 + WRITE_FOR, "order": links.order_id}) == 1


def moderate(site: Site, links: Links, deed: Callable[..., Review], *values: object, line: int = 0) -> None:
    """What the shop does with a review of this order: `reject`, "abuse"."""
    act(site, deed, written(site, links)[line], *values, SIGNER, float(NOW))


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
