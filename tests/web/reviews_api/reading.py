"""A shop on a running server, whose reviews are written beside it and read over HTTP."""

import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode

from afterword.domain.reviews.review import Review
from afterword.store.shops import revoke_key
from tests.server import Answer
from tests.store.cast import NOW, Customer, Member, add_member
from tests.store.databases import act
from tests.web.conftest import Site

PUBLIC = "/public/v3/reviews"
REVIEWS = "/private/v3/reviews"
STATS = "/private/v3/stats"


class Reviewed(NamedTuple):
    """A shop in Paris, seen from both sides."""

    site: Site
    member: Member

    @classmethod
    def new(cls, site: Site) -> Self:
        number = site.read(lambda tx: len(tx.rows("SELECT shop_id FROM shops")))
        return cls(site, act(site, add_member, f"Reviewed shop {number}").on(site))

    @property
    def clara(self) -> Customer:
        return Customer(self.site)

    def review(self, id_order: str, line: int = 0, *, live: bool = True, **said: Any) -> Review:
        """A review of an order that is new."""
        of_order = {name: said.pop(name) for name in ("firstname", "lastname") if name in said}
        about = self.member.order(id_order, live=live, email=f"{id_order.lower()}@mail.example", **of_order)
        return self.clara.reviews(about, line, **{"text": f"About {id_order}."} | said)

    def revokes_its_public_key(self) -> None:
        [(key_id,)] = self.site.read(
            lambda tx: tx.rows("SELECT key_id FROM keys WHERE secret = ?", (self.public_key(),))
        )
        act(self.site, revoke_key, key_id, NOW)

    def read(self, scope: str = "site", *, live: bool = True, **headers: str) -> Answer:
        """What everybody reads; `If_None_Match` stands for the header of that name."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.site.request("GET", f"{PUBLIC}/{self.public_key(live=live)}/{scope}", None, named)

    def public_key(self, *, live: bool = True) -> str:
        shown = self.member.shown
        return shown.public_key if live else shown.public_test_key

    def list(self, path: str = REVIEWS, *, live: bool = True, **query: object) -> Answer:
        """What the shop's own programs read."""
        shown = self.member.shown
        key = shown.private_key if live else shown.test_key
        return self.site.get(f"{path}?{urlencode({'api_key': key} | query)}")


def soon(holds: Callable[[], bool]) -> None:
    """Fails unless it holds within two seconds."""
    deadline = time.monotonic() + 2
    while not holds():
        assert time.monotonic() < deadline, "it is not seen"
        time.sleep(0.05)


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
