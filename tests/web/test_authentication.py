"""What a private key is good for, when it was last used, and what the security log says of keys, links and posts."""

import asyncio
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from afterword.domain.shops import KeyScope
from afterword.store.engine.database import Database
from afterword.store.shops import list_keys, revoke_key
from afterword.web import authentication
from tests.server import ORDERS, an_order
from tests.store.cast import Member, MovableClock
from tests.store.databases import run
from tests.web.asking import Watched, web_on
from tests.web.conftest import NOW, Site, running_site
from tests.web.customer.forms import FORM
from tests.web.reviewed import REVIEWS, STATS, Reviewed

LARGE = {"padding": "." * 30_000}
"""Makes a request one whose body goes to a reader."""


class Lines:
    """The lines that the security log of a site gets from now on."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._before = len(site.log)

    def of(self, event: str, reason: str) -> list[dict[str, str]]:
        """The fields of each line."""
        lines = self._site.log[self._before :].splitlines()
        wanted = f'event="{event}" module=security reason={reason} '
        return [dict(re.findall(r"(\w+)=(\S+)", line)) for line in lines if wanted in line]

    def wait_for(self, event: str, reason: str, count: int) -> list[dict[str, str]]:
        """Once so many refusals were logged; fails when there are never that many."""

        def all_said() -> bool:
            return sum(int(line["count"]) for line in self.of(event, reason)) >= count

        self._site.wait_until(all_said)
        found = self.of(event, reason)
        assert sum(int(line["count"]) for line in found) == count
        return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server whose log has nothing but what these tests do."""
    yield from running_site(tmp_path_factory)


@pytest.fixture
def shop(site: Site) -> Reviewed:
    return Reviewed.new(site)


def key_for(shop: Reviewed, *scopes: KeyScope) -> str:
    return shop.member.adds_key(scopes=scopes).shown.private_key


# The security log.


def test_each_kind_of_refused_key_is_logged_with_what_is_known_of_it_and_never_the_key(
    shop: Reviewed,
) -> None:
    lines = Lines(shop.site)
    for_reviews, revoked = shop.member.adds_key(scopes=["reviews"]), shop.member.adds_key()
    shop.member.acts(revoke_key, revoked.live.id, NOW)
    shown = [for_reviews.shown.private_key, revoked.shown.private_key, f"{shop.shop.id}/en/{'0' * 64}"]
    for key in shown:
        assert shop.site.post_orders([an_order("never")], key=key).status == 401
    assert shop.site.get(REVIEWS).status == 401
    known = {"shop": str(shop.shop.id), "live": "true"}
    for reason, fields in (
        ('"not for orders"', {"api": "orders", "key": str(for_reviews.live.id), **known}),
        ("revoked", {"api": "orders", "key": str(revoked.live.id), **known}),
        ("wrong", {"api": "orders"}),
        ("missing", {"api": "reviews"}),
    ):
        [line] = lines.wait_for("key refused", reason, 1)
        rest = {name: line[name] for name in line if name in ("api", "shop", "key", "live")}
        assert (line["level"], rest) == ("warning", fields)
    assert not any(key.rpartition("/")[2] in shop.site.log for key in shown)


def test_a_forged_link_and_a_post_of_another_site_are_logged_by_their_page(site: Site) -> None:
    lines = Lines(site)
    links = site.links(site.keys.private_key, "FORGED-1")
    for path in (links.review, links.unsubscribe):
        assert site.get(path[:-1] + ("A" if path[-1] != "A" else "Q")).status == 404
    headers = {"Content-Type": FORM, "Sec-Fetch-Site": "cross-site"}
    assert site.request("POST", links.review, "a=b", headers).status == 403
    pages = [line["page"] for line in lines.wait_for("link refused", "unknown", 2)]
    assert set(pages) <= {"review", "unsubscribe"} and pages[-1] == "unsubscribe"
    assert [line["page"] for line in lines.wait_for("post refused", "cross-site", 1)] == ["review"]
    assert links.review.rpartition("/")[2] not in site.log


def test_a_flood_of_wrong_keys_is_counted_and_logged_in_a_line_a_second(site: Site) -> None:
    lines = Lines(site)
    size = len(site.log)
    for number in range(500):
        assert site.get(REVIEWS, Authorization=f"Bearer 1/en/{number:064x}").status == 401
    found = lines.wait_for("key refused", "wrong", 500)
    times = [float(line["timestamp"][17:].rstrip("Z")) for line in found]
    assert all((after - before) % 60 > 0.95 for before, after in pairwise(times))
    written = [line for line in site.log[size:].splitlines() if "key refused" in line]
    assert len(written) <= len(found) and max(map(len, written)) < 200


# Scopes, and the last use.


@pytest.mark.parametrize("more", [{}, LARGE], ids=["small", "large"])
def test_orders_are_sent_with_a_key_that_is_good_for_them_alone(shop: Reviewed, more: dict[str, str]) -> None:
    refused = shop.site.post_orders([an_order("S-1", **more)], key=key_for(shop, "reviews"))
    assert (refused.status, refused.counts) == (401, (0, 0, 0))
    sentence = "this API key may not send orders: use one that was added with the scope orders"
    assert refused.body["message"] == sentence
    for name, key in (("S-1", key_for(shop, "orders")), ("S-2", key_for(shop, "orders", "reviews"))):
        assert shop.site.post_orders([an_order(name, **more)], key=key).counts == (1, 1, 1)


@pytest.mark.parametrize("path", [REVIEWS, STATS])
def test_reviews_are_read_with_a_key_that_is_good_for_them_alone(shop: Reviewed, path: str) -> None:
    refused = shop.site.get(path, Authorization=f"Bearer {key_for(shop, 'orders')}")
    assert refused.status == 401 and refused.headers["www-authenticate"] == "Bearer"
    assert b"may not read reviews: use one that was added with the scope reviews" in refused.content
    for key in (key_for(shop, "reviews"), shop.member.shown.private_key):
        assert shop.site.get(path, Authorization=f"Bearer {key}").status == 200


@pytest.mark.parametrize("more", [{}, LARGE], ids=["small", "large"])
def test_an_order_is_stored_with_its_key(shop: Reviewed, more: dict[str, str]) -> None:
    other = shop.member.adds_key()
    assert shop.site.post_orders([an_order("K-1", **more)], key=other.shown.private_key).status == 200
    assert shop.member.rows("SELECT key_id FROM orders WHERE shop_id = :id", {"id": shop.shop.id}) == [
        (other.live.id,)
    ]


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Uses are written a moment after the answer."""
    monkeypatch.setattr(authentication, "NOTED_AFTER", 0.01)


@pytest.mark.usefixtures("soon")
def test_a_use_of_either_api_is_noted_after_the_answer_and_once_an_hour(
    database: Database, alba: Member
) -> None:
    clock = MovableClock()
    web = web_on(database, clock)

    def used(live: bool) -> int | None:
        [at] = [key.used_at for key in alba.asks(list_keys, alba.shop) if key.id == alba.key(live=live).id]
        return at

    async def use() -> None:
        keys, before = alba.shown, used(False)
        await request(web, "POST", ORDERS, json={"api_key": keys.private_key, "orders": []})
        await request(web, "POST", ORDERS, json={"api_key": f"{keys.test_key}0", "orders": []})
        await until(lambda: used(True) == int(clock()))
        assert used(False) == before
        await request(web, "GET", STATS, headers={"Authorization": f"Bearer {keys.test_key}"})
        await until(lambda: used(False) == int(clock()))

    run(use())
    clock.step(3_600)
    run(use())


@pytest.mark.sqlite
@pytest.mark.usefixtures("soon")
def test_a_use_that_cannot_be_written_changes_no_answer(database: Database, alba: Member) -> None:
    async def use() -> None:
        web = web_on(Watched(database))
        headers = {"Authorization": f"Bearer {alba.shown.private_key}"}
        assert (await request(web, "GET", STATS, headers=headers)).status_code == 200
        await asyncio.sleep(0.05)
        assert (await request(web, "GET", STATS, headers=headers)).status_code == 200

    run(use())


async def request(web: ASGIApp, method: str, path: str, **more: Any) -> httpx.Response:
    transport = httpx.ASGITransport(web)
    async with httpx.AsyncClient(transport=transport, base_url="http://test.example") as client:
        return await client.request(method, path, **more)


async def until(holds: Callable[[], bool]) -> None:
    """Fails after ten seconds."""
    for _ in range(1_000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never holds")
