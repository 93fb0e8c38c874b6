"""Reviews for everybody, over real HTTP: docs/reviews-api.md, sentence by sentence, and each change seen in time."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import apsw
import pytest
from msgspec.structs import replace

from afterword.domain.reviews.review import Review
from afterword.store.engine.database import Database
from afterword.store.orders import order_of
from afterword.store.shops import CacheKey
from afterword.web.reviews_api import cache as cached_answers
from afterword.web.reviews_api.answers import Answer
from afterword.web.reviews_api.cache import AnswerCache, CachedAnswer
from tests.store.cast import NOW, Member, MovableClock, link_found, nothing_found
from tests.web.asking import Watched, ask_at_once, web_on
from tests.web.conftest import Site
from tests.web.reviewed import PUBLIC, REVIEWS, Reviewed, error_of, json_of, texts_of

DAY = 86_400
SOON = 2.0
"""Seconds until a change is seen."""

HOSTILE = (
    '<script>alert("1")</script>',
    '</script><!--{"reviews": []}',
    "زهرة \u202eevil",
    "Z̸̢͝a̶l͟g҉o",
    "\u2028line\u2029separators\n\n\nand lines\t\\ \"'`",
    "é" * 5_000,
    "👩‍👩‍👧‍👦 & &amp; %00 \x01",
)


@pytest.fixture
def shop(site: Site) -> Reviewed:
    return Reviewed.new(site)


# The answer.


def test_what_is_published_is_read_as_the_contract_says(shop: Reviewed) -> None:
    first = shop.review("A-1", rating=4, text="Crisp.\nStill warm.", now=NOW)
    names = {"firstname": "Élodie", "lastname": "östberg"}
    second = shop.review("A-2", rating=5, text="Again!", now=NOW + DAY, **names)
    shop.member.replies(first, now=NOW + 2 * DAY)
    usual = {"odate": "2019-01-01", "transl": 0, "lang": "en"}
    crisp = usual | {"id": first.id, "c": "Clara N.", "r": 4, "txt": "Crisp.\nStill warm."}
    crisp |= {"date": "2026-03-01 15:12", "reply": "Thank you!", "rdate": "2026-03-03"}
    again = usual | {"id": second.id, "c": "Élodie Ö.", "r": 5, "txt": "Again!"}
    again |= {"date": "2026-03-02 15:12", "reply": "", "rdate": ""}
    ratings = {"total": 2, "average": 4.5, "distribution": {"1": 0, "2": 0, "3": 0, "4": 1, "5": 1}}
    assert json_of(shop.read()) == {"ratings": ratings, "reviews": [again, crisp]}


def test_a_product_has_its_own_reviews_and_one_without_any_has_an_empty_list(shop: Reviewed) -> None:
    shop.review("A-1", text="The shop.")
    shop.review("A-2", 1, text="Rye bread.", rating=2)
    shop.review("A-3", 2, text="Seed rolls.")
    assert texts_of(shop.read("100")) == ["Rye bread."]
    capitals = f"{PUBLIC}/{shop.public_key().upper()}/100"
    assert texts_of(shop.site.get(capitals)) == ["Rye bread."]
    assert texts_of(shop.read("200")) == ["Seed rolls."]
    assert texts_of(shop.read()) == ["The shop."]
    assert json_of(shop.read("300")) == {
        "ratings": {"total": 0, "average": 0.0, "distribution": dict.fromkeys("12345", 0)},
        "reviews": [],
    }


def test_at_most_a_thousand_are_given_the_newest_first_and_all_are_counted(shop: Reviewed) -> None:
    review = shop.review("A-1", text="The first.")
    copies = """
    INSERT INTO reviews (shop_id, review_id, number, order_id, line, live, scope, state, version, rating, text,
                         author, lang, experience_date, salt, written_at, changed_at, published_at, flags,
                         wants_reply, text_hash, address_hash)
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1200)
    SELECT shop_id, 2147483648 + n, 2147483648 + n, order_id + n + 1000000, line, live, scope, state, version, rating,
           'Number ' || n, author, lang, experience_date, salt, written_at, changed_at, published_at + n / 2, flags,
           wants_reply, '', ''
    FROM reviews, numbers WHERE shop_id = :shop_id
    """
    shop.member.executes(copies, {"shop_id": review.shop_id})
    shop.member.executes("UPDATE review_counts SET amount = 1201 WHERE shop_id = ?", (review.shop_id,))
    found = json_of(shop.read())
    assert found["ratings"]["total"] == 1201
    assert [each["txt"] for each in found["reviews"]] == [f"Number {n}" for n in range(1200, 200, -1)]


def test_whoever_shows_a_few_gets_a_few_and_all_are_counted(shop: Reviewed) -> None:
    for number in range(3):
        shop.review(f"FEW-{number}", now=NOW + number)
    everything = json_of(shop.read())
    for query, most in (("limit=2", 2), ("limit=0", 0), ("x=1&limit=1&y=2", 1)):
        few = {"reviews": everything["reviews"][:most]}
        assert json_of(shop.read(f"site?{query}")) == everything | few
    for query in ("limit=", "limit=x", "limit=-1", "limit=5000", "unlimit=1"):
        assert json_of(shop.read(f"site?{query}")) == everything


def test_an_imported_review_says_whence_it_came_and_others_say_nothing_of_it(shop: Reviewed) -> None:
    ours = shop.review("A-1", text="Ours.")
    theirs = replace(ours, id=2**40, number=2**40, order_id=0, text="Theirs.", imported_from="an old shop")
    shop.imports(theirs)
    other, mine = json_of(shop.read())["reviews"]
    assert (other["txt"], other["imported"], other["source"]) == ("Theirs.", 1, "an old shop")
    assert mine.keys() == other.keys() - {"imported", "source"}


def test_hostile_texts_come_through_as_json(shop: Reviewed) -> None:
    for number, text in enumerate(HOSTILE):
        review = shop.review(f"A-{number}", text=text, firstname=text[:30], lastname="<b>", now=NOW + number)
        shop.member.replies(review, text)
        found = json_of(shop.read(f"site?limit={number + 1}"))["reviews"][0]
        assert (found["txt"], found["reply"], found["c"]) == (text, text, review.author)


# Errors.


def test_what_is_not_there_is_404_in_the_contracts_form(shop: Reviewed) -> None:
    key, private = shop.public_key(), shop.member.shown.private_key.rpartition("/")[2]
    for path in ("", "/"):
        assert shop.site.get(f"{PUBLIC}{path}").status == 404
    scopes = (f"{key}", f"{key}/", *(f"{key}/{scope}" for scope in ("x" * 192, "%00", "no")))
    keys = ("x", "0" * 32, "g" * 32, f"{key}0", private, private[:32])
    for path in (*scopes, f"{key}/site%0A", *(f"{each}/site" for each in keys)):
        found = shop.site.get(f"{PUBLIC}/{path}")
        assert found.status == 404, path
        error_of(found)


def test_a_revoked_key_is_404_though_its_answer_was_kept(shop: Reviewed) -> None:
    shop.review("A-1")
    assert shop.read().status == 200
    shop.revokes_its_public_key()
    shop.site.wait_until(lambda: shop.read().status == 404, SOON)
    assert error_of(shop.read())["code"] == "unknown_key"


# Addresses, caches, other sites' pages.


def test_pages_of_all_origins_may_read_and_do_nothing_else(shop: Reviewed) -> None:
    path = f"{PUBLIC}/{shop.public_key()}/site"
    refused = [shop.site.request(method, path) for method in ("POST", "PUT", "DELETE", "PATCH")]
    for found in refused:
        assert (found.status, found.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
        error_of(found)
    asked = {
        "Origin": "https://alba.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "x-requested-with",
    }
    preflight = shop.site.request("OPTIONS", path, None, asked)
    assert (preflight.status, preflight.content) == (204, b"")
    assert preflight.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
    assert preflight.headers["access-control-allow-headers"] == "*"
    for found in (preflight, shop.read(), shop.site.get(f"{PUBLIC}/x/site"), *refused):
        assert found.headers["access-control-allow-origin"] == "*"


def test_whoever_has_the_answer_is_told_so_until_it_changes(shop: Reviewed) -> None:
    review = shop.review("A-1")
    mark = shop.read().headers["etag"]
    assert shop.read().headers["cache-control"] == "public, max-age=60"
    assert shop.site.get(f"{PUBLIC}/x/site").headers["cache-control"] == "no-store"
    for has in (mark, f"W/{mark}", f'"other", {mark}', "*"):
        found = shop.read(If_None_Match=has)
        assert (found.status, found.content) == (304, b""), has
        assert found.headers["etag"] == mark
        assert found.headers["cache-control"] == "public, max-age=60"
        assert found.headers["access-control-allow-origin"] == "*"
    assert shop.read(If_None_Match='"other"').status == 200
    assert shop.read(If_None_Match=mark.strip('"')).status == 200
    shop.member.replies(review)
    shop.site.wait_until(lambda: shop.read(If_None_Match=mark).status == 200, SOON)
    assert shop.read().headers["etag"] != mark


# Each change is seen within two seconds, whoever made it, though the answer before is kept.


def change_words(shop: Reviewed, review: Review) -> None:
    about = shop.site.read(lambda tx: order_of(tx, shop.member.shop, review.order_id))
    assert about is not None
    shop.clara.reviews(about, rating=1, text="Other words.", seen=review.version, now=NOW + 1)


CHANGES: dict[str, tuple[Callable[[Reviewed, Review], Any], Callable[[list[dict[str, Any]]], bool]]] = {
    "reply": (
        lambda shop, review: shop.member.replies(review),
        lambda found: found[0]["reply"] == "Thank you!",
    ),
    "reject": (lambda shop, review: shop.member.rejects(review), lambda found: not found),
    "withdraw": (lambda shop, review: shop.clara.withdraws(review), lambda found: not found),
    "erase": (lambda shop, review: shop.member.erases(review), lambda found: not found),
    "publish": (lambda shop, review: shop.member.publishes(review), lambda found: len(found) == 1),
    "change": (change_words, lambda found: (found[0]["txt"], found[0]["r"]) == ("Other words.", 1)),
    "time zone": (
        lambda shop, review: shop.member.changes(timezone="Asia/Tokyo"),
        lambda found: found[0]["date"] == "2026-03-01 23:12",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_seen_within_two_seconds(shop: Reviewed, name: str) -> None:
    change, is_seen = CHANGES[name]
    review = shop.review("A-1", look=link_found if name == "publish" else nothing_found)
    assert len(texts_of(shop.read())) == (0 if name == "publish" else 1)
    change(shop, review)
    shop.site.wait_until(lambda: is_seen(json_of(shop.read())["reviews"]), SOON)
    found = json_of(shop.read())
    assert found["ratings"]["total"] == len(found["reviews"])


# The answers that are kept.


@pytest.mark.sqlite
def test_of_many_who_ask_at_once_the_store_is_asked_once(
    database: Database, alba: Member, clock: MovableClock
) -> None:
    watched = Watched(database, slow=0.02)
    web, path = web_on(watched, clock), f"{PUBLIC}/{alba.shown.public_key}/site"

    async def story() -> None:
        for step, many, asked in ((0.0, 100, 1), (0.99, 1, 1), (0.02, 100, 2), (-3_600, 1, 3)):
            clock.step(step)
            assert {answer.status for answer in await ask_at_once(web, *[path] * many)} == {200}
            assert watched.asked == asked

    asyncio.run(story())


@pytest.mark.sqlite
def test_one_who_goes_away_takes_nothing_from_those_who_wait_for_the_same(
    database: Database, alba: Member
) -> None:
    watched = Watched(database, slow=0.05)
    web, path = web_on(watched), f"{PUBLIC}/{alba.shown.public_key}/site"

    async def story() -> None:
        first, second = (asyncio.create_task(ask_at_once(web, path)) for _ in range(2))
        await asyncio.sleep(0.01)
        first.cancel()
        assert (await second)[0].status == 200 and watched.asked == 1

    asyncio.run(story())


@pytest.mark.sqlite
def test_trouble_is_told_to_all_who_wait_and_is_not_kept(database: Database, alba: Member) -> None:
    watched = Watched(database, answers=0)
    web, path = web_on(watched), f"{PUBLIC}/{alba.shown.public_key}/site"

    async def story() -> None:
        assert {answer.status for answer in await ask_at_once(web, *[path] * 10)} == {503}
        watched.answers = 10**9
        assert (await ask_at_once(web, path))[0].status == 200

    asyncio.run(story())


def cached_answer(size: int = 10) -> CachedAnswer:
    body = b"x" * size
    return CachedAnswer(CacheKey(1, True, "UTC", ""), b'"etag"', Answer(200, [], body), Answer(304, [], b""))


def test_no_more_answers_are_kept_than_fit_and_the_last_used_ones_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cached_answers, "MOST_ANSWERS", 3)
    monkeypatch.setattr(cached_answers, "MOST_BYTES", 100_000)
    cache = AnswerCache()
    for name in "abc":
        cache.put(name, cached_answer())
    assert cache.get("a")
    cache.put("d", cached_answer())
    assert [name for name in "abcd" if cache.get(name)] == ["a", "c", "d"]
    for name, size in (("e", 97_000), ("f", 200_000)):
        cache.put(name, cached_answer(size))
        assert [each for each in "abcdef" if cache.get(each)] == [name]
    cache.put("f", cached_answer())
    cache.drop("nothing")
    assert cache.bytes < 10_000
    cache.drop("f")
    assert (cache.get("f"), cache.bytes) == (None, 0)


# Headers and the log.


def test_no_key_of_an_address_reaches_the_log(doomed_site: Site) -> None:
    shop = Reviewed.new(doomed_site)
    addresses = [
        f"{PUBLIC}/{shop.public_key()}/site",
        f"{PUBLIC}/{shop.public_key()}/{'x' * 200}",
        f"/private/v3/reviews?api_key={shop.member.shown.private_key}",
        f"/private/v3/reviews?api_key={shop.member.shown.private_key}&page=0",
        f"/private/v3/stats?api_key={shop.member.shown.private_key}",
        f"/private/v3/other?api_key={shop.member.shown.private_key}",
    ]
    assert {doomed_site.get(address).status for address in addresses} == {200, 400, 404}
    apsw.Connection(str(doomed_site.database)).execute("DROP TABLE review_counts")
    addresses.append(f"{PUBLIC}/{shop.public_key()}/100")
    statuses = [doomed_site.get(address).status for address in addresses]
    assert statuses == [200, 404, 500, 400, 500, 404, 500]
    said = doomed_site.log
    assert "read request failed" in said and "no such table: review_counts" in said
    for key in (shop.public_key(), shop.member.shown.private_key.rpartition("/")[2]):
        assert key not in said
    assert PUBLIC not in said and "api_key" not in said


TEXT_IDS = (
    "SKU-1",
    "007",
    "gid://shopify/Product/8123456789012",
    "a?5&b=1",
    "50% off",
    "rye/bread",
    "日本 1",
)


@pytest.mark.parametrize("product", TEXT_IDS)
def test_a_product_may_have_any_text_for_an_id(shop: Reviewed, product: str) -> None:
    lines = json.dumps([{"id": product, "name": "Rye bread"}])
    about = shop.member.order("A-1", lines=lines)
    shop.clara.reviews(about, 1, text="By its text.")
    segment = quote(product, safe="")
    assert texts_of(shop.read(segment)) == ["By its text."]
    assert texts_of(shop.site.get(f"//public/v3/reviews/{shop.public_key()}/{segment}?limit=5")) == [
        "By its text."
    ]
    page = shop.site.get(f"{shop.path}/products/{segment}")
    assert page.status == 200 and "By its text." in page.content.decode()
    moved = shop.site.get(f"/k/{shop.public_key()}/{segment}")
    assert moved.status == 302
    assert moved.headers["location"].endswith(f"{shop.path.lstrip('/')}/products/{segment}")
    assert f"products/{segment}" in shop.site.get(shop.path).content.decode()
    [listed] = json_of(
        shop.site.get(f"{REVIEWS}?product_id={segment}&api_key={shop.member.shown.private_key}")
    )["reviews"]
    assert (listed["product"], listed["order_date"]) == (product, "2019-01-01")
