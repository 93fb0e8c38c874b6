"""Reviews for a shop's own programs, over real HTTP: docs/reviews-api.md, sentence by sentence; and no shop sees
another, whichever key asks for whichever thing."""

import random
from datetime import datetime
from itertools import product
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from afterword.domain.reviews.review import Review
from afterword.store.engine.database import Database
from afterword.store.shops import revoke_key
from afterword.web.reviews_api import private
from tests.store.cast import NOW, Customer, Member, MovableClock, link_found
from tests.web.asking import Watched, ask, web_on
from tests.web.conftest import Site
from tests.web.reviewed import REVIEWS, STATS, Reviewed, error_of, json_of, texts_of

DAY = 86_400
STATES = ("waiting", "published", "rejected", "withdrawn", "erased")


@pytest.fixture
def shop(site: Site) -> Reviewed:
    return Reviewed.new(site)


def in_state(shop: Reviewed, id_order: str, state: str, line: int = 0, **said: Any) -> Review:
    """A review, and what became of it."""
    if state == "waiting":
        said["look"] = link_found
    review = shop.review(id_order, line, **said)
    deeds = {"rejected": shop.member.rejects, "withdrawn": shop.clara.withdraws, "erased": shop.member.erases}
    return deeds[state](review) if state in deeds else review


# The list.


def test_a_review_is_listed_as_the_contract_says(shop: Reviewed) -> None:
    first = shop.review("A-1", rating=4, text="Crisp.", now=NOW)
    second = shop.review("A-2", 1, rating=1, text="Stale.", now=NOW + DAY, firstname="Élodie")
    shop.member.replies(first, now=NOW + 2 * DAY)
    crisp = {"id": first.id, "order": "A-1", "product": "no", "review_rating": 4, "review_text": "Crisp."}
    crisp |= {"reviewer_name": "Clara", "reviewer_lastname": "Nunez", "reviewer_email": "a-1@mail.example"}
    crisp |= {"date_time": "2026-03-01 15:12:06", "order_date": "2019-01-01", "review_status": 1}
    crisp |= {"answer_text": "Thank you!", "answer_date_time": "2026-03-03 15:12:06"}
    stale = {"id": second.id, "order": "A-2", "product": "100", "review_rating": 1, "review_text": "Stale."}
    stale |= {"reviewer_name": "Élodie", "reviewer_lastname": "Nunez", "reviewer_email": "a-2@mail.example"}
    stale |= {"date_time": "2026-03-02 15:12:06", "order_date": "2019-01-01", "review_status": 1}
    stale |= {"answer_text": "", "answer_date_time": ""}
    totals = {"total_results": 2, "total_pages": 1}
    assert json_of(shop.list()) == {"pagination": totals, "reviews": [stale, crisp]}


def test_an_imported_review_says_whence_it_came_and_has_no_order(shop: Reviewed) -> None:
    ours = shop.review("A-1")
    more = {"number": 2**41, "order_id": 0, "imported_from": "an old shop", "author": "Diego M."}
    other = replace(ours, id=ours.id + 1, **more)
    shop.imports(other)
    found = {each["id"]: each for each in json_of(shop.list())["reviews"]}
    imported = found[other.id]
    assert (imported["imported"], imported["source"]) == (1, "an old shop")
    assert (imported["order"], imported["reviewer_name"]) == ("", "Diego M.")
    assert (imported["reviewer_lastname"], imported["reviewer_email"]) == ("", "")
    assert found[ours.id].keys() == imported.keys() - {"imported", "source"}


def test_states_are_three_numbers_and_what_is_erased_is_in_no_answer(shop: Reviewed) -> None:
    for state in STATES:
        in_state(shop, state, state)
    found = {each["order"]: each["review_status"] for each in json_of(shop.list())["reviews"]}
    assert found == {"waiting": 0, "published": 1, "rejected": 2, "withdrawn": 2}
    for status, names in {0: {"waiting"}, 1: {"published"}, 2: {"rejected", "withdrawn"}}.items():
        page = json_of(shop.list(status=status))
        assert {each["order"] for each in page["reviews"]} == names
        assert page["pagination"] == {"total_results": len(names), "total_pages": 1}


TYPES = {"both": {"no", "100", "200"}, "site": {"no"}, "product": {"100", "200"}}


def test_each_filter_narrows_the_list_and_its_totals(shop: Reviewed) -> None:
    for line in range(3):
        for state in ("waiting", "published", "rejected"):
            in_state(shop, f"{line} {state}", state, line, now=NOW + line)
    for name, status, since in product(TYPES, ("", 0, 1, 2), ("", "2026-03-01", "2027-01-01")):
        products = TYPES[name] if since != "2027-01-01" else set()
        found = json_of(shop.list(review_type=name, status=status, update_from=since))
        assert {each["product"] for each in found["reviews"]} == products
        assert status == "" or {each["review_status"] for each in found["reviews"]} <= {status}
        expected = len(products) * (3 if status == "" else 1)
        assert len(found["reviews"]) == found["pagination"]["total_results"] == expected
    for more in ({}, {"review_type": "site"}, {"status": 0}, {"update_from": "2026-03-01"}):
        found = json_of(shop.list(product_id=200, **more))["reviews"]
        assert {each["product"] for each in found} == {"200"}, more
        assert len(found) == (1 if "status" in more else 3)


def test_update_from_is_a_day_of_the_shop_and_looks_at_the_last_change(shop: Reviewed) -> None:
    midnight = int(datetime(2026, 3, 2, tzinfo=ZoneInfo("Europe/Paris")).timestamp())
    shop.review("before", now=midnight - 1)
    shop.review("at", now=midnight)
    replied = shop.review("replied", now=midnight - DAY)
    shop.member.replies(replied, now=midnight + DAY)
    found = json_of(shop.list(update_from="2026-03-02"))
    assert [each["order"] for each in found["reviews"]] == ["at", "replied"]
    assert found["pagination"] == {"total_results": 2, "total_pages": 1}
    assert len(texts_of(shop.list(update_from="2026-03-01 23:59:59"))) == 3
    assert len(texts_of(shop.list(update_from="2026-03-01"))) == 3
    assert texts_of(shop.list(update_from="2026-03-04")) == []
    assert len(texts_of(shop.list(update_from="0001-01-01"))) == 3
    assert texts_of(shop.list(update_from="9999-12-31")) == []
    for none in ("0000-00-00", "0000-00-00 00:00:00"):
        assert len(texts_of(shop.list(update_from=none))) == 3


def test_a_known_client_writes_its_key_with_bare_slashes_and_blanks_as_plus_signs(shop: Reviewed) -> None:
    shop.review("A-1", 1, text="Of a product.")
    shop.review("A-2", text="Of the shop.")
    asked = "sort=asc&status=1&review_type=product&update_from=2026-03-01+10:00:00&limit=1000&page=1"
    answer = shop.site.get(f"{REVIEWS}?api_key={shop.member.shown.private_key}&{asked}")
    assert texts_of(answer) == ["Of a product."]


# Pages.


@pytest.mark.parametrize("asked", [{}, {"status": 1}, {"review_type": "site"}, {"update_from": "2026-03-01"}])
@pytest.mark.parametrize("sort", ["asc", "desc", ""])
def test_pages_go_by_the_dates_of_the_words_and_those_behind_the_last_are_empty(
    shop: Reviewed, sort: str, asked: dict[str, Any]
) -> None:
    """Those of one second come by their ids."""
    reviews = [shop.review(f"A-{n}", now=NOW + n // 2, text=f"{n}") for n in range(5)]
    shop.member.replies(reviews[0], now=NOW + DAY)
    reviews.sort(key=lambda each: (each.written_at, each.id), reverse=sort != "asc")
    expected = [each.text for each in reviews]
    for number in (3, 2, 1, 4, 10**15):
        page = shop.list(sort=sort, limit=2, page=number, **asked)
        assert texts_of(page) == expected[2 * number - 2 : 2 * number]
        assert json_of(page)["pagination"] == {"total_results": 5, "total_pages": 3}


@pytest.mark.parametrize("sort", ["asc", "desc"])
def test_paging_neither_skips_nor_repeats_while_others_come_and_go(shop: Reviewed, sort: str) -> None:
    reviews = [shop.review(f"A-{n}", now=NOW + n) for n in range(6)]
    seen = texts_of(shop.list(sort=sort, limit=2))
    first = reviews[0 if sort == "asc" else 5]
    shop.member.erases(first)
    for n in range(6, 9):
        shop.review(f"A-{n}", now=NOW + n)
    for page in (2, 3):
        seen += texts_of(shop.list(sort=sort, limit=2, page=page))
    there = [f"About A-{n}." for n in range(6)]
    assert seen == (there if sort == "asc" else there[::-1])


@pytest.mark.sqlite
def test_a_page_far_behind_is_found_in_steps(
    database: Database, alba: Member, clara: Customer, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private, "MOST_SKIPPED", 2)
    for n in range(7):
        clara.reviews(alba.order(f"A-{n}"), text=f"{n}", now=NOW + n)
    watched = Watched(database)
    web = web_on(watched, clock)

    def read(page: int) -> int:
        """How often the store was asked."""
        before = watched.asked
        query = f"api_key={quote(alba.shown.private_key)}&sort=asc&limit=1&page={page}"
        assert texts_of(ask(web, f"{REVIEWS}?{query}")) == [str(page - 1)]
        return watched.asked - before

    assert read(6) == 1 + 1 + 3 + 1 + 1, "the key, the total, five reviews in steps of two, a page, its rows"
    assert read(7) == 4, "the page before has just been read"
    clock.step(private.END_KEPT_FOR)
    assert read(7) == 4 + 3, "too long ago"


# What is wrong.


WRONG = {
    "review_type": ("shop",),
    "limit": ("0", "1001", "ten", "-1", "1.5", "١", "9" * 5_000),
    "page": ("0", "-1", "9" * 18),
    "product_id": ("x" * 192, "no"),
    "sort": ("newest",),
    "status": ("3", "published"),
    "update_from": ("yesterday", "2026-02-30", "01/03/2026", "0000-01-01"),
    "scope": ("x" * 192, "no"),
    "include_public_key": ("maybe",),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_parameter_is_named(shop: Reviewed, name: str) -> None:
    for value in WRONG[name]:
        found = shop.list(STATS if name in ("scope", "include_public_key") else REVIEWS, **{name: value})
        assert found.status == 400
        assert error_of(found)["message"].startswith(f"{name} must be "), value


def test_a_parameter_that_is_empty_is_as_good_as_none(shop: Reviewed) -> None:
    shop.review("A-1")
    names = ("review_type", "limit", "page", "product_id", "sort", "status", "update_from")
    assert len(texts_of(shop.list(**dict.fromkeys(names, "")))) == 1
    assert json_of(shop.list(STATS, scope="", include_public_key=""))["total"] == 1


@pytest.mark.parametrize("path", [REVIEWS, STATS])
def test_without_a_good_key_nothing_is_read(shop: Reviewed, path: str) -> None:
    shown = shop.member.shown
    wrong = ("", "1/en/wrong", shown.public_key, shown.private_key[:-1])
    for found in (
        shop.site.get(path),
        *(shop.site.get(f"{path}?api_key={quote(key)}") for key in wrong),
        shop.site.get(path, Authorization="Bearer 1/en/0"),
        shop.site.get(path, Authorization=f"Basic {shown.private_key}"),
        shop.site.get(f"{path}?api_key=1/en/0", Authorization=f"Bearer {shown.private_key}"),
    ):
        assert (found.status, found.headers["www-authenticate"]) == (401, "Bearer")
        error_of(found)
    assert shop.site.get(path, Authorization=f"Bearer {shown.private_key}").status == 200
    shop.member.acts(revoke_key, shop.member.live.id, NOW)
    assert shop.list(path).status == 401


@pytest.mark.parametrize("path", [REVIEWS, STATS])
def test_what_a_shop_alone_may_read_is_kept_nowhere_and_open_to_no_page(shop: Reviewed, path: str) -> None:
    post = shop.site.request("POST", path)
    assert (post.status, post.headers["allow"]) == (405, "GET, HEAD")
    error_of(post)
    head = shop.site.request("HEAD", f"{path}?api_key={quote(shop.member.shown.private_key)}")
    assert (head.status, head.content) == (200, b"")
    for found in (shop.list(path), shop.site.get(path), head, post):
        assert found.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in found.headers
        assert found.headers["x-content-type-options"] == "nosniff"


# The stats.


def test_the_stats_are_the_ratings_and_the_public_key_if_it_is_asked_for(shop: Reviewed) -> None:
    shop.review("A-1", rating=4)
    shop.review("A-2", rating=5)
    shop.review("A-3", 1, rating=1)
    stats = json_of(shop.list(STATS, scope="site", include_public_key="true"))
    assert stats == {
        "public_key": shop.public_key(),
        "total": 2,
        "average": 4.5,
        "distribution": {"1": 0, "2": 0, "3": 0, "4": 1, "5": 1},
    }
    assert json_of(shop.list(STATS)) == {name: stats[name] for name in stats if name != "public_key"}
    assert json_of(shop.list(STATS, scope=100))["average"] == 1.0
    assert json_of(shop.list(STATS, live=False, include_public_key=1)) == {
        "public_key": shop.public_key(live=False),
        "total": 0,
        "average": 0.0,
        "distribution": dict.fromkeys("12345", 0),
    }
    shop.revokes_its_public_key()
    assert json_of(shop.list(STATS, include_public_key="true"))["public_key"] == "", "all are revoked"


# No shop sees another (guarantee 8), nor one world the other.


def test_whichever_key_asks_for_whatever_it_is_its_own_shops(site: Site) -> None:
    shops = [Reviewed.new(site) for _ in range(3)]
    worlds = [(shop, live) for shop in shops for live in (True, False)]
    for number, (shop, live) in enumerate(worlds):
        for line in range(3):
            shop.review(f"{line}", line, live=live, text=f"{line} of {number}", firstname=f"World{number}")
    chance = random.Random(8)
    for _ in range(150):
        number = chance.randrange(len(worlds))
        shop, live = worlds[number]
        asked = {
            "review_type": chance.choice(["both", "site", "product"]),
            "product_id": chance.choice(["", "100", "200"]),
            "sort": chance.choice(["asc", "desc"]),
            "status": chance.choice(["", "1"]),
            "update_from": chance.choice(["", "2020-01-01"]),
            "limit": chance.choice(["", "1", "2"]),
            "page": chance.choice(["", "1", "2"]),
        }
        found = json_of(shop.list(live=live, **asked))
        assert all(each["review_text"].endswith(f" of {number}") for each in found["reviews"]), asked
        assert {each["reviewer_name"] for each in found["reviews"]} <= {f"World{number}"}, asked
        assert found["pagination"]["total_results"] <= 3
        scope = chance.choice(["site", "100", "200"])
        [text] = texts_of(shop.read(scope, live=live))
        assert text.endswith(f" of {number}")
        assert json_of(shop.list(STATS, live=live, scope=scope))["total"] == 1
