"""The public pages of a shop's reviews: what stands near them by law, in which order, and that no text harms."""

import json
import re
import time
from html import unescape

import pytest

from afterword.i18n.codes import REASONS_IN_WORDS
from afterword.store.messages.invitations import cancel_invitation
from tests.axe import serious
from tests.browser import Browser
from tests.web.asking import plain
from tests.web.conftest import NOW, Site
from tests.web.reviewed import HOSTILE, Reviewed

BUDGET = 60_000
"""Bytes of a page with its style."""


@pytest.fixture(scope="module")
def bakery(site: Site) -> Reviewed:
    """Fifty reviews of the shop, ten of each number of stars, and three of its bread."""
    shop = Reviewed.new(site, site="https://bakery.example/")
    shop.imports(*(shop.foreign(number, rating=number % 5 + 1) for number in range(50)))
    shop.imports(*(shop.foreign(60 + number, scope="100", rating=4) for number in range(3)))
    return shop


def html(shop: Reviewed, path: str = "", **headers: str) -> str:
    answer = shop.site.get(shop.path + path, **headers)
    assert answer.status == 200, (path, answer.status)
    return answer.content.decode()


def articles(page: str) -> list[str]:
    return [plain(found) for found in re.findall(r"<article>.*?</article>", page, re.DOTALL)]


def numbers(page: str) -> list[int]:
    return [int(found) for found in re.findall(r"Review number (\d+)\.", plain(page))]


def all_numbers(shop: Reviewed, query: str) -> list[int]:
    """Those of all pages, by the links from one to the next."""
    found: list[int] = []
    path: str | None = query
    while path is not None:
        page = html(shop, path)
        found += numbers(page)
        more = re.search(r'rel="next" href="[^"?]*([^"#]*)', page)
        path = unescape(more[1]) if more else None
    return found


# What it says.


def test_the_score_is_shown_with_how_many_reviews_have_how_many_stars(bakery: Reviewed) -> None:
    page = html(bakery)
    assert "<strong>3.0</strong>" in page and "50 reviews" in plain(page)
    table = re.search(r'<table class="bars">.*?</table>', page, re.DOTALL)
    assert table and re.findall(r"(\d) stars? (\d+)", plain(table[0])) == [(n, "10") for n in "54321"]
    assert 'href="https://bakery.example/"' in page


def test_each_review_has_its_dates_its_author_and_what_the_shop_said(site: Site) -> None:
    shop = Reviewed.new(site, name="The mill")
    said = {"reply": "Thank you.\nCome again!", "replied_at": NOW + 86_400, "version": 3}
    shop.imports(
        shop.foreign(1, text="Warm.\nCrisp.", written_at=NOW - 86_400, author="", **said),
        shop.foreign(2, imported_from="another place", dispute="No such order.", disputed_at=NOW, rating=1),
    )
    page = html(shop)
    disputed, first = articles(page)
    assert "Published on 2 March 2026 edited by its author on 28 February 2026" in first
    assert "ordered on 10 February 2026" in first and "A customer" in first
    assert "The mill replied on 2 March 2026:" in first
    assert ">Warm.\nCrisp.</p>" in page and ">Thank you.\nCome again!</p>" in page
    assert "edited by" not in disputed and "Clara N." in disputed
    assert "Imported from another place, not verified by us." in disputed
    assert "The mill disputes this review (1 March 2026): No such order." in disputed


def test_what_is_not_known_of_an_imported_review_is_not_made_up(site: Site) -> None:
    """Neither the date of the experience, nor words where there were only stars."""
    shop = Reviewed.new(site)
    shop.imports(shop.foreign(1, scope="100", imported_from="another place", text="", experience_date=""))
    page = html(shop, "/products/100")
    [said] = articles(page)
    assert "Published on 2 March 2026 date of experience not known" in said and "ordered on" not in said
    assert 'class="text"' not in page
    assert "date de l’expérience inconnue" in plain(html(shop, "/products/100?lang=fr"))
    [data] = map(json.loads, re.findall(r'<script type="application/ld\+json">(.*?)</script>', page))
    assert (data["aggregateRating"]["reviewCount"], "reviewBody" in data["review"][0]) == (1, False)


def test_a_day_is_that_of_the_shops_own_time_zone(site: Site) -> None:
    shop = Reviewed.new(site, timezone="Pacific/Auckland")
    shop.imports(shop.foreign(0, published_at=NOW))
    assert "Published on 2 March 2026" in plain(html(shop))


def test_how_reviews_are_checked_says_the_mode_of_this_shop(site: Site) -> None:
    shop = Reviewed.new(site)
    page = plain(html(shop))
    assert "No reviews yet" in page and "All reviews will appear here, good and bad." in page
    assert "If the program finds nothing, the review is published at once. A review that waits" in page
    assert not re.search(r"[a-z][.?!][A-Z]", page)
    shop.member.changes(moderation="by hand", publish_after=36 * 3_600)
    assert "published after 36 hours at the latest" in plain(html(shop))
    shop.member.changes(moderation="by hand", publish_after=5 * 86_400)
    page = plain(html(shop))
    assert "reads every review" in page and "published after 5 days at the latest" in page
    for promised in (
        *REASONS_IN_WORDS.values(),
        "Nothing is given in return",
        "withdraw it at any time",
        "mean of the stars",
        "180 days",
    ):
        assert promised in page


def test_the_counts_say_what_became_of_all_reviews_by_reason_and_stars(site: Site) -> None:
    shop = Reviewed.new(site)
    rejected = shop.foreign(1, rating=2, state="rejected", reason="off topic")
    waiting = shop.foreign(9, state="waiting")
    shop.imports(rejected, waiting, *(shop.foreign(number, rating=2) for number in (0, 2)))
    counts = plain(html(shop).partition('id="counts"')[2])
    assert "Received 4 1 0 0 3 0" in counts and "Published 2 0 0 0 2 0" in counts
    assert "Waiting 1 1 0 0 0 0" in counts and "Rejected (total) 1 0 0 0 1 0" in counts
    assert "not about this shop or this product 1 0 0 0 1 0" in counts
    assert "insults, hatred or threats 0 0 0 0 0 0" in counts
    assert numbers(html(shop)) == [2, 0]


def test_a_page_speaks_the_language_of_the_browser_or_the_one_that_was_chosen(bakery: Reviewed) -> None:
    french = {"Accept-Language": "fr-CA"}
    for page in (html(bakery, "", **french), html(bakery, "?lang=fr")):
        assert '<html lang="fr"' in page and "Publié le 19 avril 2026" in plain(page)
    assert '<html lang="en"' in html(bakery, "?lang=en", **french)
    assert '<html lang="fr"' in html(bakery, "?lang=tlh", **french)
    assert 'lang=fr#reviews"' in html(bakery, "?lang=fr"), "a link forgets the language"


# In which order.


def test_the_newest_come_first_unless_another_order_is_chosen(bakery: Reviewed) -> None:
    assert all_numbers(bakery, "") == list(range(50))[::-1]
    assert all_numbers(bakery, "?order=oldest") == list(range(50))
    best_first = sorted(range(50), key=lambda number: (number % 5, number))[::-1]
    assert all_numbers(bakery, "?order=highest") == best_first
    worst_first = sorted(range(50), key=lambda number: (number % 5, -number))
    assert all_numbers(bakery, "?order=lowest") == worst_first


def test_the_order_is_said_and_each_is_one_press_away(bakery: Reviewed) -> None:
    page = html(bakery)
    assert "Newest first" in plain(page)
    for name in ("oldest", "highest", "lowest"):
        assert f"?order={name}#reviews" in page
        assert f'href="../s/{bakery.shop.id}#reviews"' in html(bakery, f"?order={name}")


def test_those_with_so_many_stars_can_be_read_alone(bakery: Reviewed) -> None:
    assert all_numbers(bakery, "?stars=2") == list(range(46, -1, -5))
    assert all_numbers(bakery, "?stars=2&order=oldest") == list(range(46, -1, -5))


def test_a_query_that_makes_no_sense_is_passed_over(bakery: Reviewed) -> None:
    for query in ("stars=0", "stars=x", "order=worst", "behind=1", "behind=9-1-1", "lang=%00", "x=%ff"):
        assert numbers(html(bakery, f"?{query}")) == list(range(49, 29, -1)), query


def test_a_page_ends_where_its_texts_are_long_enough(site: Site) -> None:
    shop = Reviewed.new(site)
    texts = [f"Review number {number}. " + "é" * 4_900 for number in range(9)]
    shop.imports(*(shop.foreign(number, text=text) for number, text in enumerate(texts)))
    assert all_numbers(shop, "") == list(range(9))[::-1]
    assert len(html(shop).encode()) < BUDGET


# Of a product, and of test orders.


def test_a_products_page_has_its_reviews_alone(bakery: Reviewed) -> None:
    page = html(bakery, "/products/100")
    assert numbers(page) == numbers(html(bakery, "?product=100")) == [62, 61, 60]
    assert "<h1>Reviews of <bdi>Rye bread</bdi></h1>" in page and "<strong>4.0</strong>" in page
    assert f'<a href="../../../s/{bakery.shop.id}/products/100">' not in page
    assert f'href="../s/{bakery.shop.id}/products/100"><bdi>Rye bread</bdi>' in html(bakery)


def test_search_engines_read_stars_of_products_and_none_of_the_shop(bakery: Reviewed) -> None:
    found = re.findall(r'<script type="application/ld\+json">(.*?)</script>', html(bakery, "/products/100"))
    [data] = [json.loads(each) for each in found]
    assert (data["@type"], data["name"]) == ("Product", "Rye bread")
    assert (data["aggregateRating"]["ratingValue"], data["aggregateRating"]["reviewCount"]) == (4.0, 3)
    assert data["url"] == f"{bakery.site.url}{bakery.path}/products/100"
    assert [each["reviewBody"] for each in data["review"]] == [f"Review number {n}." for n in (62, 61, 60)]
    assert data["review"][0]["author"] == {"@type": "Person", "name": "Clara N."}
    assert data["review"][0]["datePublished"] == "2026-05-02"
    for page in (html(bakery), html(bakery, "/test")):
        assert "ld+json" not in page and "itemprop" not in page


def test_a_products_page_names_what_came_with_its_newest_order(site: Site) -> None:
    reviewed = Reviewed.new(site)
    line = {"id": 100, "name": "Rye bread", "ean13": "4006381333931", "sku": "RB-1", "mpn": ""}
    line |= {"url": "https://bakery.example/rye", "image_url": "https://bakery.example/rye.jpg"}
    reviewed.clara.reviews(reviewed.member.order("PAGE-1", lines=json.dumps([line])), 1)
    page = site.get(f"/s/{reviewed.member.shop.id}/products/100").content.decode()
    data = json.loads(page.partition('ld+json">')[2].partition("</script>")[0])
    assert (data["gtin"], data["sku"], data["image"]) == ("4006381333931", "RB-1", line["image_url"])
    assert "mpn" not in data and '<a href="https://bakery.example/rye"' in page


def test_test_reviews_have_a_page_of_their_own_that_says_so(site: Site) -> None:
    shop = Reviewed.new(site)
    shop.imports(shop.foreign(1), shop.foreign(2, live=False), shop.foreign(3, live=False, scope="100"))
    page = html(shop, "/test")
    assert numbers(page) == [2] and "These are test reviews." in plain(page)
    assert numbers(html(shop)) == [1] and "test reviews" not in plain(html(shop))
    assert numbers(html(shop, "/test?product=100")) == [3]
    assert f'href="../../s/{shop.shop.id}/test?product=100"' in page
    assert shop.site.get(shop.path + "/test").headers["x-robots-tag"] == "noindex"
    assert shop.site.get(shop.path + "/products/100").status == 404


def test_search_engines_may_find_the_page_and_caches_keep_it_for_a_minute(bakery: Reviewed) -> None:
    first = bakery.site.get(bakery.path)
    assert "x-robots-tag" not in first.headers and first.headers["vary"] == "Accept-Language"
    assert first.headers["cache-control"] == "public, max-age=60"
    again = bakery.site.get(bakery.path, **{"If-None-Match": first.headers["etag"]})
    assert (again.status, again.content) == (304, b"") and again.headers["etag"] == first.headers["etag"]
    other = bakery.site.get(bakery.path + "?lang=fr", **{"If-None-Match": first.headers["etag"]})
    assert other.status == 200


def test_what_has_no_reviews_has_no_page(site: Site) -> None:
    for path in ("999999", "%C2%B2", "x", "1/products/x", "1/products/007", "1?product=1%20", "1?product="):
        assert site.get(f"/s/{path}").status == 404, path


def test_a_public_key_leads_to_what_it_reads(bakery: Reviewed) -> None:
    live, test, to = bakery.public_key(), bakery.public_key(live=False), f"../..{bakery.path}"
    leads = {
        f"{live}/site": to,
        f"{live}/100": f"{to}/products/100",
        f"{test}/site": f"{to}/test",
        f"{test}/100": f"{to}/test?product=100",
    }
    for path, where in leads.items():
        answer = bakery.site.get(f"/k/{path}")
        assert (answer.status, answer.headers["location"]) == (302, where)
    private = bakery.member.shown.private_key.replace("/", "-")
    for path in (f"{'0' * 32}/site", f"{live}/no", f"{private}/site"):
        assert bakery.site.get(f"/k/{path}").status == 404


# In a browser.


@pytest.mark.parametrize(("width", "dark"), [(320, False), (375, True), (1280, False)])
def test_it_fits_every_window_is_accessible_and_asks_nobody_else(
    bakery: Reviewed, browser: Browser, width: int, dark: bool
) -> None:
    for path in ("", "?stars=4", "/products/100", "/test", "?lang=fr&order=lowest"):
        seen = browser.open(bakery.site.url + bakery.path + path, width=width, dark=dark)
        assert seen.violations == []
        assert all(url.startswith(f"{bakery.site.url}/") for url in seen.requests)
        assert browser.evaluate("document.documentElement.scrollWidth") == width, f"{path} scrolls sideways"
        assert serious(browser) == [], path


def test_it_weighs_little(bakery: Reviewed, browser: Browser) -> None:
    seen = browser.open(bakery.site.url + bakery.path)
    asked = {url for url in seen.requests if not url.endswith("favicon.ico")}
    assert len(asked) == 2
    weights = [len(bakery.site.get(url.removeprefix(bakery.site.url)).content) for url in asked]
    assert sum(weights) < BUDGET


def test_somebody_without_a_mouse_reaches_the_next_page_and_another_order(
    bakery: Reviewed, browser: Browser
) -> None:
    browser.open(bakery.site.url + bakery.path)
    browser.press("a[rel=next]")
    assert browser.evaluate("document.querySelector('article .text').textContent") == "Review number 29."
    browser.press(".sorted li:nth-child(2) a")
    assert browser.evaluate("document.querySelector('article .text').textContent") == "Review number 0."


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_whatever_a_customer_or_a_shop_wrote_is_harmless_and_legible(
    site: Site, browser: Browser, number: int
) -> None:
    value = HOSTILE[number]
    address = f"https://bakery.example/{value}"[:2_000]
    shop = Reviewed.new(site, name=f"{value}{number}"[-2_000:], site=address)
    everywhere = {"text": value + "\n\n" + value[:2_500], "author": value, "imported_from": value}
    said = everywhere | {"reply": value, "replied_at": NOW, "dispute": value, "disputed_at": NOW}
    of_product = said | {"scope": "100", "product_name": value}
    shop.imports(shop.foreign(1, **said), shop.foreign(2, **of_product), shop.foreign(3, **of_product))
    for path in ("", "/products/100"):
        seen = browser.open(site.url + shop.path + path, width=375)
        assert seen.violations == []
        assert [url for url in seen.requests if not url.startswith(f"{site.url}/")] == []
        assert browser.evaluate(SIDEWAYS) == []
        assert browser.evaluate(MADE) == 0
        shown = browser.evaluate("document.body.innerText")
        assert not re.search("[\u202a-\u202e\u2066-\u2069]|[\u0300\u0489]{9}|\u0e49{9}", shown)
        assert browser.evaluate(UNCLIPPED) == []


SIDEWAYS = """[...document.body.querySelectorAll('*')].filter(each =>
    each.getBoundingClientRect().right > 376 && !each.closest('svg, .counts'))
    .map(each => each.outerHTML.slice(0, 90))"""
"""Whatever reaches beyond the phone."""

MADE = "document.querySelectorAll('img, script:not([type]), iframe, [onload], [onerror], [onmouseover], b').length"
"""Elements that only a value could have made."""

UNCLIPPED = """[...document.querySelectorAll('.text, .top, .who, .mark, h1, .site, .of, .products a')].filter(each =>
    getComputedStyle(each).overflowY === 'visible').map(each => each.outerHTML.slice(0, 90))"""
"""Where marks that are stacked on a letter would cover what stands above."""


def test_how_many_invitations_a_shop_cancelled_is_public(site: Site) -> None:
    shop = Reviewed.new(site)
    assert "Invitations" not in plain(html(shop))
    now = time.time()
    sent = [shop.member.sees(shop.member.sends(f"A-{number}", at=now)).id for number in range(8)]
    assert "Of 8 invitations to review in the last 90 days, the shop cancelled 0 (0.0%)." in plain(html(shop))
    for invitation, reason in zip(sent, ("refunded", "refunded", "they moved"), strict=False):
        shop.member.acts(cancel_invitation, invitation, reason, now)
    page = plain(html(shop))
    assert "the shop cancelled 3 (37.5%)" in page
    assert "2 × The order was refunded 1 × Another reason" in page
    assert "they moved" not in page
    french = plain(html(shop, "?lang=fr"))
    assert "la boutique en a annulé 3 (37,5 %)" in french.replace("\u202f", " ").replace("\xa0", " ")
