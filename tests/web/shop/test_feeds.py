"""`/public/v3/feeds/…`: all that is published of a world's products, each time, and whole or not at all."""

import asyncio
import time
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from typing import NamedTuple, cast

import pytest
from starlette.requests import Request
from starlette.responses import StreamingResponse
from structlog.testing import capture_logs

from afterword.base.errors import StoreUnavailable
from afterword.domain.reviews.review import Review
from afterword.store.engine.database import Database
from afterword.store.orders import order_of
from afterword.store.reviews.walking import REVIEWS_A_PAGE
from afterword.web.shop.feeds import Feeds
from tests.google_feed import check_feed
from tests.store.cast import NOW, Customer, Member
from tests.web.asking import Watched, ask, ask_at_once, is_safe, web_on
from tests.web.conftest import Site
from tests.web.reviewed import Reviewed

URL = "https://reviews.example"

LINES = (
    '[{"id":100,"name":"Rye bread","ean13":"4006381333931","sku":"R-1","url":"https://alba.example/rye"},'
    '{"id":200,"name":"Seed rolls"}]'
)


def path(key: str) -> str:
    return f"/public/v3/feeds/{key}/google.xml"


def write_some(alba: Member, count: int, first: int = 0) -> list[Review]:
    """Reviews of the first line of so many orders, of as many people, each in words of its own."""
    clara = Customer(alba.store)
    return [
        clara.reviews(
            alba.order(f"F-{number}", email=f"customer-{number}@mail.example", lines=LINES),
            1,
            text=f"Bread number {number}.",
        )
        for number in range(first, first + count)
    ]


# Over HTTP.


class Fed(NamedTuple):
    """A shop with reviews of each kind, and those that its live and its test feed have."""

    shop: Reviewed
    live: list[Review]
    test: list[Review]


@pytest.fixture(scope="module")
def fed(site: Site) -> Fed:
    shop = Reviewed.new(site)
    about = shop.member.order("A-1", email="clara@mail.example", lines=LINES)
    shop.clara.reviews(about, text="A friendly shop.")
    live = [shop.clara.reviews(about, line, line, text=f"Line <{line}> & more.") for line in (1, 2)]
    shop.clara.withdraws(shop.review("A-2", 1))
    return Fed(shop, live, [shop.review("A-3", 1, live=False)])


def test_the_feed_has_the_published_reviews_of_products_and_nothing_else(site: Site, fed: Fed) -> None:
    answer = site.get(path(fed.shop.public_key()))
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/xml; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store" and is_safe(answer)
    first, second = check_feed(answer.content)
    assert [first.id, second.id] == [review.id for review in fed.live]
    assert first.text("content") == "Line <1> & more."
    assert first.texts("products/product/product_ids/gtins/gtin") == ["4006381333931"]
    assert first.text("products/product/product_url") == "https://alba.example/rye"
    assert b"Clara N." in answer.content
    for private in (b"clara@", b"Nunez", b"A-1"):
        assert private not in answer.content
    page = f"{site.url}/s/{fed.shop.member.shop.id}/products/200"
    assert second.text("products/product/product_url") == second.text("review_url") == page


def test_a_test_key_gives_the_test_reviews(site: Site, fed: Fed) -> None:
    answer = site.get(path(fed.shop.public_key(live=False)))
    assert [each.id for each in check_feed(answer.content)] == [review.id for review in fed.test]


def test_what_is_no_public_key_has_no_feed(site: Site, fed: Fed) -> None:
    revoked = Reviewed.new(site)
    revoked.revokes_its_public_key()
    private = fed.shop.member.shown.private_key.rpartition("/")[2]
    for key in ("0" * 32, private, private[:32], revoked.public_key(), "x", "%00"):
        answer = site.get(path(key))
        assert answer.status == 404 and is_safe(answer)
        assert b"<h1>There is nothing at this address</h1>" in answer.content


def test_a_feed_is_asked_for_with_get_alone_and_its_key_is_not_logged(site: Site, fed: Fed) -> None:
    where = path(fed.shop.public_key())
    answer = site.request("PUT", where)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    head, get = site.request("HEAD", where), site.get(where)
    assert (head.status, head.content) == (200, b"")
    assert head.headers["content-type"] == get.headers["content-type"]
    assert fed.shop.public_key() not in site.log


# Page by page.


async def parts(database: Database | Watched, key: str) -> AsyncIterator[str]:
    """A feed as it is sent, piece by piece."""
    scope = {"type": "http", "method": "GET", "headers": [], "path_params": {"public_key": key}}
    answer = await Feeds(database, URL).google(Request(scope))  # type: ignore[arg-type]
    assert isinstance(answer, StreamingResponse)
    async for part in answer.body_iterator:
        yield cast(str, part)


def test_each_review_comes_once_while_others_come_change_and_go(
    database: Database, alba: Member, bruno: Member
) -> None:
    there = database.write_now(lambda tx: write_some(alba.within(tx), 2 * REVIEWS_A_PAGE + 50))
    database.write_now(lambda tx: write_some(bruno.within(tx), 20))

    def meddle(first: int) -> None:
        """New ones; a new version of one that was read and of one that was not; and one that goes."""
        write_some(alba, 5, first=10_000 * (first + 1))
        for index in (first, REVIEWS_A_PAGE + 10 + first):
            about = alba.asks(order_of, alba.shop, there[index].order_id)
            assert about is not None
            text = f"Other words, {index}."
            Customer(database).reviews(about, 1, 1, text=text, seen=1, now=NOW + 60)
        alba.rejects(there[-1 - first], "off topic", NOW + 60)

    async def read() -> str:
        text, times = "", 0
        async for part in parts(database, alba.shown.public_key):
            text += part
            if "<review>" in part and times < 2:
                meddle(times)
                times += 1
        return text

    ids = [each.id for each in check_feed(asyncio.run(read()))]
    stayed = {review.id for review in there} - {there[-1].id, there[-2].id}
    assert stayed <= set(ids) and len(ids) == len(set(ids))
    assert not {there[-1].id, there[-2].id} & set(ids)
    after = check_feed(ask(web_on(database), path(alba.shown.public_key)).content)
    assert len(after) == len(stayed) + 10


@pytest.mark.sqlite
@pytest.mark.parametrize("answers", [1, 2, 3])
def test_a_feed_that_breaks_off_cannot_be_taken_for_a_whole_one(
    database: Database, alba: Member, answers: int
) -> None:
    """Google removes what is not in a feed."""
    database.write_now(lambda tx: write_some(alba.within(tx), REVIEWS_A_PAGE + 1))
    sent: list[str] = []

    async def read() -> None:
        async for part in parts(Watched(database, answers), alba.shown.public_key):
            sent.append(part)  # noqa: PERF401 (what came before it broke off counts)

    with pytest.raises(StoreUnavailable):
        asyncio.run(read())
    assert len(sent) == answers
    with pytest.raises(ET.ParseError):
        ET.fromstring("".join(sent))


@pytest.mark.sqlite
def test_a_feed_that_broke_off_is_one_line_of_the_log(database: Database, alba: Member) -> None:
    with capture_logs() as lines, pytest.raises(RuntimeError, match="response already started"):
        ask(web_on(Watched(database, answers=1)), path(alba.shown.public_key))
    told = {"event": "feed interrupted", "log_level": "error", "error": "disk I/O error"}
    assert lines == [told | {"module": "feeds", "shop": alba.shop.id, "live": True}]


@pytest.mark.sqlite
def test_feeds_leave_at_least_half_of_the_time_to_others(database: Database, alba: Member) -> None:
    write_some(alba, 1)
    reading, pages = 0.02, 4 * 2
    web = web_on(Watched(database, slow=reading))
    begun = time.perf_counter()
    asyncio.run(ask_at_once(web, *[path(alba.shown.public_key)] * 4))
    assert time.perf_counter() - begun >= 2 * pages * reading
