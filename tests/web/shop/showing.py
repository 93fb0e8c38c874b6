"""Reviews for the tests of the public pages and the widget: put in the rows as they are, whatever they say."""

from typing import Any, NamedTuple

from afterword.actions.reviews.foreign import import_review
from afterword.domain.reviews.review import SITE, Review
from afterword.domain.shops import Shop
from afterword.store.engine.database import Transaction
from afterword.store.shops import NewKeys, change_shop
from tests.store.databases import act
from tests.store.reviews.reviewing import SIGNER
from tests.web.conftest import NOW, Site

FAR_REVIEWS = 2**40
"""From here on no review that a test writes has its number."""


class Shown(NamedTuple):
    """A shop of its own on a running server, and its keys."""

    site: Site
    shop: Shop
    keys: NewKeys

    @property
    def path(self) -> str:
        return f"/s/{self.shop.id}"

    def add(self, *reviews: Review) -> None:
        """Stores them without a look at their texts: a page must not rely on what a door keeps out."""

        def work(tx: Transaction) -> None:
            for review in reviews:
                assert import_review(tx, review, SIGNER, NOW)

        self.site.write(work)

    def change(self, **changes: Any) -> None:
        act(self.site, change_shop, self.shop, **changes)

    def review(self, number: int, **fields: Any) -> Review:
        """Clara's, of the shop unless a `scope` is given; the higher the number, the later it was published."""
        scope = fields.get("scope", SITE)
        number_of_its_own = FAR_REVIEWS + self.shop.id * 10_000 + 2 * number + (scope != SITE)
        usual = {
            "shop_id": self.shop.id,
            "id": number_of_its_own,
            "number": number_of_its_own,
            "order_id": number_of_its_own,
            "line": int(scope != SITE),
            "live": True,
            "scope": scope,
            "product_name": None if scope == SITE else "Rye bread",
            "state": "published",
            "version": 1,
            "rating": 5,
            "text": f"Review number {number}.",
            "author": "Clara N.",
            "lang": "en",
            "experience_date": "2026-02-10",
            "imported_from": None,
            "salt": "00",
            "written_at": NOW,
            "changed_at": NOW,
            "published_at": NOW + number * 86_400,
            "publish_at": None,
            "flags": (),
            "reason": None,
            "reply": None,
            "replied_at": None,
            "wants_reply": False,
            "dispute": None,
            "disputed_at": None,
            "text_hash": f"{number}",
            "address_hash": f"{number}",
        }
        return Review(**(usual | fields))


def new_shop(running: Site, **fields: Any) -> Shown:
    return Shown(running, *running.new_shop(**({"timezone": "Europe/Paris"} | fields)))


TOWER = "Z" + "\u0300\u0489" * 60 + "algo"
TURNED = "\u202e\u2067gpj.exe\u202d"
HOSTILE = (
    "<script>alert(1)</script><img src=//evil.example/x onerror=alert(2)>",
    "</script></title></textarea>--><svg/onload=alert(3)>",
    "javascript:alert(4) http://evil.example/ \"onmouseover='alert(5)",
    f"{TURNED} مرحبا {TURNED}",
    f"{TOWER} {TOWER}\u0e49\u0e49\u0e49\u0e49\u0e49\u0e49\u0e49\u0e49\u0e49\u0e49\u0e49\u0e49",
    "{{ 7 * 7 }}{% raw %}\x00\x07\r\n\u2028&#60;b&#62;",
    "W" * 2_000,
    "漢" * 2_000,
)
"""What has broken pages before."""
