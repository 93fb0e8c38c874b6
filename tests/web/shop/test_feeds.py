"""`/public/v3/feeds/…`: all that is published of a world's products, each time, and whole or not at all."""

import asyncio
import time
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
from starlette.requests import Request
from starlette.responses import StreamingResponse
from structlog.testing import capture_logs

from afterword.actions.reviews.moderation import reject
from afterword.actions.reviews.writing import withdraw
from afterword.base.errors import StoreUnavailable
from afterword.domain.reviews.review import Review
from afterword.store.engine.database import Transaction
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.opening import open_sqlite
from afterword.store.orders import order_of
from afterword.store.reviews.walking import REVIEWS_A_PAGE
from afterword.store.shops import public_keys, revoke_key
from afterword.web.server import WebSettings, build_router
from afterword.web.shop.feeds import Feeds
from tests.google_feed import check_feed
from tests.store.cast import NOW, Member, add_member, order
from tests.store.reviews.reviewing import SIGNER, reviewed_order, write
from tests.web.asking import ask, is_safe
from tests.web.conftest import BODY_LIMIT, SECRET, Site

URL = "https://reviews.example"

LINES = (
    '[{"id":100,"name":"Rye bread","ean13":"4006381333931","sku":"R-1","url":"https://alba.example/rye"},'
    '{"id":200,"name":"Seed rolls"}]'
)


def path(key: str) -> str:
    return f"/public/v3/feeds/{key}/google.xml"


def write_some(
    tx: Transaction, member: Member, count: int, first: int = 0, live: bool = True
) -> list[Review]:
    """Reviews of the first line of so many orders, of as many people, each in words of its own."""
    written = []
    for number in range(first, first + count):
        one = order(f"F-{number}", email=f"customer-{number}@mail.example", lines=LINES)
        about = reviewed_order(tx, member, one, live=live)
        written.append(write(tx, about, 1, text=f"Bread number {number}.").review)
    return written


# Over HTTP.


class Shown(NamedTuple):
    """Alba's bakery with reviews of each kind, on a running server."""

    member: Member
    live: list[Review]
    test: list[Review]


@pytest.fixture(scope="module")
def alba_on(site: Site) -> Shown:
    def work(tx: Transaction) -> Shown:
        member = add_member(tx, "Alba's feed")
        about = reviewed_order(tx, member, order("A-1", lines=LINES))
        write(tx, about, 0, text="A friendly shop.")
        live = [write(tx, about, line, line, f"Line <{line}> & more.").review for line in (1, 2)]
        gone = write(tx, reviewed_order(tx, member, order("A-2", lines=LINES)), 1).review
        withdraw(tx, gone, SIGNER, NOW)
        return Shown(member, live, write_some(tx, member, 1, live=False))

    return changed(site, work)


def changed(site: Site, work: Callable[[Transaction], Any]) -> Any:
    database = open_sqlite(site.database, site.journal)
    try:
        return database.write_now(work)
    finally:
        database.close_now()


def test_the_feed_has_the_published_reviews_of_products_and_no_others(site: Site, alba_on: Shown) -> None:
    answer = site.get(path(alba_on.member.shown.public_key))
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/xml; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store" and is_safe(answer)
    first, second = check_feed(answer.content)
    assert [first.id, second.id] == [review.id for review in alba_on.live]
    assert first.text("content") == "Line <1> & more."
    assert first.texts("products/product/product_ids/gtins/gtin") == ["4006381333931"]
    assert first.text("products/product/product_url") == "https://alba.example/rye"
    page = f"{site.url}/s/{alba_on.member.shop.id}/products/200"
    assert second.text("products/product/product_url") == second.text("review_url") == page


def test_a_test_key_gives_the_test_reviews(site: Site, alba_on: Shown) -> None:
    answer = site.get(path(alba_on.member.shown.public_test_key))
    assert [each.id for each in check_feed(answer.content)] == [review.id for review in alba_on.test]


def test_a_feed_holds_no_address_and_no_name_but_the_public_one(site: Site, alba_on: Shown) -> None:
    content = site.get(path(alba_on.member.shown.public_key)).content
    assert b"Clara N." in content
    for private in (b"clara@", b"Nunez", b"A-1"):
        assert private not in content


def test_what_is_no_public_key_has_no_feed(site: Site, alba_on: Shown) -> None:
    def revoked(tx: Transaction) -> str:
        member = add_member(tx, "Alba's old feed")
        for number in public_keys(tx, member.shop):
            revoke_key(tx, number, NOW)
        return member.shown.public_key

    private = alba_on.member.shown.private_key.rpartition("/")[2]
    for key in ("0" * 32, private, private[:32], changed(site, revoked), "x", "%00"):
        answer = site.get(path(key))
        assert answer.status == 404 and is_safe(answer)
        assert b"<h1>There is nothing at this address</h1>" in answer.content


def test_a_feed_is_asked_for_with_get_alone(site: Site, alba_on: Shown) -> None:
    where = path(alba_on.member.shown.public_key)
    answer = site.request("PUT", where)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    head, get = site.request("HEAD", where), site.get(where)
    assert (head.status, head.content) == (200, b"")
    assert head.headers["content-type"] == get.headers["content-type"]
    assert site.get(f"/{where}/").content == get.content


def test_a_key_in_an_address_is_in_no_line_of_the_log(site: Site, alba_on: Shown) -> None:
    site.get(path(alba_on.member.shown.public_key))
    assert alba_on.member.shown.public_key not in site.log


# Page by page.


async def parts(feeds: Feeds, key: str) -> AsyncIterator[str]:
    """A feed as it is sent, piece by piece."""
    scope = {"type": "http", "method": "GET", "headers": [], "path_params": {"public_key": key}}
    answer = await feeds.google(Request(scope))
    assert isinstance(answer, StreamingResponse)
    async for part in answer.body_iterator:
        yield cast(str, part)


async def whole(feeds: Feeds, key: str) -> str:
    return "".join([part async for part in parts(feeds, key)])


def test_each_review_comes_once_while_others_come_change_and_go(
    database: EngineDatabase, alba: Member, bruno: Member
) -> None:
    there = database.write_now(lambda tx: write_some(tx, alba, 2 * REVIEWS_A_PAGE + 50))
    database.write_now(lambda tx: write_some(tx, bruno, 20))

    def meddle(tx: Transaction, first: int) -> None:
        """New ones; a new version of one that was read and of one that was not; and one that goes."""
        write_some(tx, alba, 5, first=10_000 * (first + 1))
        for index in (first, REVIEWS_A_PAGE + 10 + first):
            review = there[index]
            about = order_of(tx, alba.shop, review.order_id)
            assert about is not None
            write(tx, about, 1, 1, f"Other words, {index}.", seen=1, now=NOW + 60)
        reject(tx, there[-1 - first], "off topic", SIGNER, NOW + 60)

    async def read() -> str:
        text, times = "", 0
        async for part in parts(Feeds(database, URL), alba.shown.public_key):
            text += part
            if "<review>" in part and times < 2:
                database.write_now(lambda tx, times=times: meddle(tx, times))
                times += 1
        return text

    ids = [each.id for each in check_feed(asyncio.run(read()))]
    stayed = {review.id for review in there} - {there[-1].id, there[-2].id}
    assert stayed <= set(ids) and len(ids) == len(set(ids))
    assert not {there[-1].id, there[-2].id} & set(ids)
    after = check_feed(asyncio.run(whole(Feeds(database, URL), alba.shown.public_key)))
    assert len(after) == len(stayed) + 10


class FailingDatabase:
    """A store that answers so many questions and then fails, or takes its time."""

    def __init__(self, database: EngineDatabase, answers: int = 10**9, slow: float = 0.0) -> None:
        self._database = database
        self._answers = answers
        self._slow = slow

    async def read(self, work: Callable[[Transaction], Any]) -> Any:
        self._answers -= 1
        if self._answers < 0:
            raise StoreUnavailable("disk I/O error")
        time.sleep(self._slow)
        return await self._database.read(work)


@pytest.mark.sqlite
@pytest.mark.parametrize("answers", [1, 2, 3])
def test_a_feed_that_breaks_off_cannot_be_taken_for_a_whole_one(
    database: EngineDatabase, alba: Member, answers: int
) -> None:
    """Google removes what is not in a feed."""
    database.write_now(lambda tx: write_some(tx, alba, REVIEWS_A_PAGE + 1))
    feeds = Feeds(FailingDatabase(database, answers), URL)  # type: ignore[arg-type]
    sent: list[str] = []

    async def read() -> None:
        async for part in parts(feeds, alba.shown.public_key):
            sent.append(part)  # noqa: PERF401 (what came before it broke off counts)

    with pytest.raises(StoreUnavailable):
        asyncio.run(read())
    assert len(sent) == answers
    with pytest.raises(ET.ParseError):
        ET.fromstring("".join(sent))


@pytest.mark.sqlite
def test_a_feed_that_broke_off_is_one_line_of_the_log(
    database: EngineDatabase, alba: Member, tmp_path: Path
) -> None:
    database.write_now(lambda tx: write_some(tx, alba, 1))
    web = build_router(FailingDatabase(database, 2), lambda: NOW, WebSettings(SECRET, BODY_LIMIT, tmp_path))  # type: ignore[arg-type]
    with capture_logs() as lines, pytest.raises(RuntimeError, match="response already started"):
        ask(web, "GET", path(alba.shown.public_key))
    told = {"event": "feed interrupted", "log_level": "error", "error": "disk I/O error"}
    assert lines == [told | {"module": "feeds", "shop": alba.shop.id, "live": True}]


@pytest.mark.sqlite
def test_feeds_leave_at_least_half_of_the_time_to_others(database: EngineDatabase, alba: Member) -> None:
    database.write_now(lambda tx: write_some(tx, alba, 1))
    reading = 0.02
    feeds = Feeds(FailingDatabase(database, slow=reading), URL)  # type: ignore[arg-type]

    async def read() -> None:
        await asyncio.gather(*(whole(feeds, alba.shown.public_key) for _ in range(4)))

    begun = time.perf_counter()
    asyncio.run(read())
    pages = 4 * 2
    assert time.perf_counter() - begun >= 2 * pages * reading
