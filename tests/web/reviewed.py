"""A shop on a running server, whose reviews are written beside it and read over HTTP."""

import json
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode

from afterword.actions.reviews.changes import begin_work
from afterword.actions.reviews.foreign import import_review
from afterword.domain.reviews.review import SITE, Review
from afterword.domain.shops import Shop
from afterword.store.engine.database import Transaction
from afterword.store.shops import revoke_key
from tests.server import Answer
from tests.store.cast import NOW, SIGNER, Customer, Member, add_member
from tests.store.databases import act
from tests.web.conftest import Site

PUBLIC = "/public/v3/reviews"
REVIEWS = "/private/v3/reviews"
STATS = "/private/v3/stats"

FAR_REVIEWS = 2**40
"""From here on no review that a customer writes has its id."""


class Reviewed(NamedTuple):
    """A shop in Paris, seen from both sides."""

    site: Site
    member: Member

    @classmethod
    def new(cls, site: Site, /, **fields: Any) -> Self:
        number = site.read(lambda tx: len(tx.rows("SELECT shop_id FROM shops")))
        member = act(site, add_member, f"Reviewed shop {number}").on(site)
        return cls(site, member.changes(**fields) if fields else member)

    @property
    def shop(self) -> Shop:
        return self.member.shop

    @property
    def path(self) -> str:
        """Of its public page."""
        return f"/s/{self.shop.id}"

    @property
    def clara(self) -> Customer:
        return Customer(self.site)

    def review(self, id_order: str, line: int = 0, *, live: bool = True, **said: Any) -> Review:
        """A review of an order that is new."""
        of_order = {name: said.pop(name) for name in ("firstname", "lastname") if name in said}
        about = self.member.order(id_order, live=live, email=f"{id_order.lower()}@mail.example", **of_order)
        return self.clara.reviews(about, line, **{"text": f"About {id_order}."} | said)

    def foreign(self, number: int, **fields: Any) -> Review:
        """A review as a row, of the shop unless a `scope` is given; the higher its number, the later it was
        published."""
        scope = fields.get("scope", SITE)
        of_its_own = FAR_REVIEWS + self.shop.id * 10_000 + 2 * number + (scope != SITE)
        usual = {
            "shop_id": self.shop.id,
            **dict.fromkeys(("id", "number", "order_id"), of_its_own),
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
            "salt": "00",
            "written_at": NOW,
            "changed_at": NOW,
            "published_at": NOW + number * 86_400,
            "text_hash": f"{number}",
            "address_hash": f"{number}",
        }
        return Review(**(usual | fields))

    def imports(self, *reviews: Review) -> None:
        """Stores them without a look at their texts: a page must not rely on what is kept out elsewhere."""

        def import_them(tx: Transaction) -> None:
            work = begin_work(tx, self.member.shop.id, SIGNER, NOW)
            for review in reviews:
                assert import_review(work, review)

        self.site.write(import_them)

    def revokes_its_public_key(self) -> None:
        [(key_id,)] = self.member.rows("SELECT key_id FROM keys WHERE secret = ?", (self.public_key(),))
        self.member.acts(revoke_key, key_id, NOW)

    def read(self, scope: str = "site", *, live: bool = True, **headers: str) -> Answer:
        """What everybody reads; `If_None_Match` stands for the header of that name."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.site.get(f"{PUBLIC}/{self.public_key(live=live)}/{scope}", **named)

    def public_key(self, *, live: bool = True) -> str:
        shown = self.member.shown
        return shown.public_key if live else shown.public_test_key

    def list(self, path: str = REVIEWS, *, live: bool = True, **query: object) -> Answer:
        """What the shop's own programs read."""
        shown = self.member.shown
        key = shown.private_key if live else shown.test_key
        return self.site.get(f"{path}?{urlencode({'api_key': key} | query)}")


def json_of(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer
    assert answer.headers["content-type"] == "application/json"
    found: dict[str, Any] = json.loads(answer.content)
    assert "data" not in found
    return found


def texts_of(answer: Answer) -> list[str]:
    """The words of the reviews, in their order."""
    return [each.get("txt", each.get("review_text")) for each in json_of(answer)["reviews"]]


def error_of(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.content)
    assert found.keys() == {"code", "message", "data"} and found["data"] == answer.status
    assert found["code"] and found["message"]
    return found


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
