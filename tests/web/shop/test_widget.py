"""The widget on the pages of a shop: small, under the strictest policy, and nothing moves when it comes."""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import pytest

from tests.axe import serious
from tests.browser import Browser, Seen
from tests.server import PROJECT
from tests.web.conftest import NOW, Site
from tests.web.reviewed import HOSTILE, Reviewed

BUDGET = 10_000
"""Bytes of the widget and its words."""

LATE = 0.25
"""Seconds that whatever Afterword answers takes to come: long enough for a page to be seen without it."""

STRICT = "default-src 'none'; script-src {0}; connect-src {0}; style-src 'none'"
"""What a careful shop allows: Afterword, and no styles at all."""

FORMS = (("score", "site"), ("stars", "100"), ("reviews", "100"), ("reviews", "site"))


class ShopPage(NamedTuple):
    """A page of a shop, at an origin of its own, and Afterword behind a slow line."""

    url: str
    home: str
    shop: Reviewed

    def tag(self, form: str, scope: str) -> str:
        return f'<script src="{self.home}/widget.js" {self._asked(form, scope)}></script>'

    def place(self, form: str, scope: str) -> str:
        return f'<div class="afterword" {self._asked(form, scope)}></div>'

    def _asked(self, form: str, scope: str) -> str:
        return f'data-key="{self.shop.public_key()}" data-scope="{scope}" data-form="{form}"'

    def open(
        self,
        browser: Browser,
        body: str,
        *,
        head: str = "",
        html: str = 'lang="en"',
        policy: str = "",
        **how: Any,
    ) -> Seen:
        """What happened until every widget is drawn."""
        _PAGES[self.url] = (
            policy or STRICT.format(self.home),
            f'<!doctype html><html {html}><head><meta charset="utf-8"><title>Bread</title>'
            f'<meta name="viewport" content="width=device-width">{head}</head>'
            f"<body><main><h1>Bread</h1>{body}<p>Below it.</p></main></body></html>",
        )
        return self.show(browser, **how)

    def show(self, browser: Browser, **how: Any) -> Seen:
        browser.open(self.url, **how)
        self.shop.site.wait_until(lambda: browser.evaluate(DRAWN), 10)
        return browser.seen()


_PAGES: dict[str, tuple[str, str]] = {}
"""By its address: the policy, and the page."""

DRAWN = """(places => places.length > 0 && places.every(each => each.shadowRoot?.childElementCount))(
    [...document.querySelectorAll('.afterword')])"""

INSIDE = "[...document.querySelectorAll('.afterword')].map(each => each.shadowRoot.textContent)"


class _Answers(BaseHTTPRequestHandler):
    """Answers of one kind to each GET."""

    def answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing."""


class _ShopsServer(_Answers):
    """The shop's own web server."""

    def do_GET(self) -> None:
        policy, page = _PAGES[f"http://127.0.0.1:{self.server.server_address[1]}/"]
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy}
        self.answer(200, headers, page.encode())


class _SlowLine(_Answers):
    """Whatever the real server answers, later."""

    site: Site
    has_words = True

    def do_GET(self) -> None:
        if self.path.startswith("/widget/") and not self.has_words:
            self.send_error(503)
            return
        time.sleep(LATE)
        status, headers, content = self.site.get(self.path)
        passed_on = headers.keys() - {"date", "transfer-encoding", "connection", "cache-control"}
        self.answer(status, {name: headers[name] for name in passed_on}, content)


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def page(site: Site) -> Iterator[ShopPage]:
    shop = Reviewed.new(site)
    said = {"reply": "Thank you.\nCome again!", "replied_at": NOW}
    for scope in ("site", "100"):
        shop.imports(*(shop.foreign(n, scope=scope, rating=n % 2 + 4, **said) for n in range(1, 9)))
    slow = type("SlowLine", (_SlowLine,), {"site": site})
    with serving(slow) as home, serving(_ShopsServer) as url:
        yield ShopPage(f"{url}/", home, shop)


def shifts(browser: Browser) -> float:
    """How far things have moved since the page began to load, as the browser counts it."""
    browser.evaluate(
        "shifts = []; new PerformanceObserver(list => shifts.push(...list.getEntries().map(each => each.value)))"
        ".observe({type: 'layout-shift', buffered: true}); null"
    )
    browser.seen()
    return float(browser.evaluate("shifts.reduce((sum, each) => sum + each, 0)"))


# How it comes.


def test_it_is_small_with_its_words_cached_and_may_be_taken_from_anywhere(site: Site) -> None:
    answers = [site.get("/widget.js"), site.get("/widget/fr.json")]
    kinds = [answer.headers["content-type"] for answer in answers]
    assert kinds == ["text/javascript; charset=utf-8", "application/json"]
    assert sum(len(answer.content) for answer in answers) < BUDGET
    for answer in answers:
        assert answer.headers["cache-control"] == "public, max-age=3600"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"


def test_its_words_are_those_of_the_nearest_language(site: Site) -> None:
    for tag, lang in (("fr-CA", "fr"), ("tlh", "en"), ("fr_FR", "fr")):
        answer = site.get(f"/widget/{tag}.json")
        assert (answer.status, json.loads(answer.content)["lang"]) == (200, lang)


@pytest.mark.parametrize(("form", "scope"), FORMS)
@pytest.mark.parametrize("width", [375, 1000])
def test_nothing_moves_and_no_rule_is_broken_under_the_strictest_policy(
    page: ShopPage, browser: Browser, form: str, scope: str, width: int
) -> None:
    seen = page.open(browser, page.tag(form, scope), width=width)
    assert seen.violations == []
    assert shifts(browser) == 0
    assert all(url.startswith((page.url, page.home)) for url in seen.requests)
    assert len([url for url in seen.requests if "/public/v3/reviews/" in url]) == 1
    assert len([url for url in seen.requests if "/widget/en.json" in url]) == 1
    assert browser.evaluate("document.documentElement.scrollWidth") == width
    assert browser.evaluate("[document.cookie, localStorage.length, sessionStorage.length]") == ["", 0, 0]
    assert serious(browser) == []


def test_a_place_that_the_shop_keeps_free_takes_a_widget_that_comes_later(
    page: ShopPage, browser: Browser
) -> None:
    late = f'<script src="{page.home}/widget.js" async></script>'
    free = "<style>.afterword { height: 4rem } .afterword[data-form=reviews] { height: 32rem }</style>"
    allowed = STRICT.format(page.home).replace("'none'", "'unsafe-inline'")
    places = page.place("score", "site") + page.place("reviews", "100")
    page.open(browser, places, head=free + late, policy=allowed)
    assert shifts(browser) == 0
    page.open(browser, places, head=late)
    assert shifts(browser) > 0.01, "where nobody keeps a place free, things move: or this would show nothing"


# What it says.


def test_the_score_says_how_many_and_leads_to_the_page(page: ShopPage, browser: Browser) -> None:
    page.open(browser, page.tag("score", "site"))
    assert browser.evaluate(INSIDE) == ["4.58 reviews"]
    assert browser.names("link") == ["4.5 out of 5 stars 8 reviews"]
    [address] = browser.evaluate(LINKS)
    assert address == f"{page.home}/k/{page.shop.public_key()}/site"


def test_the_first_five_reviews_are_shown_with_their_dates_and_replies(
    page: ShopPage, browser: Browser
) -> None:
    page.open(browser, page.tag("reviews", "100"))
    [said] = browser.evaluate(INSIDE)
    assert re.findall(r"Review number (\d)", said) == ["8", "7", "6", "5", "4"]
    assert "Clara N." in said and "Published on 9 March 2026 · ordered on 10 February 2026" in said
    assert "The shop replied on 1 March 2026:Thank you.\nCome again!" in said
    assert "Newest first" in said
    assert browser.evaluate(LINKS)[-1].endswith("/100#how")
    assert browser.names("link")[1:] == ["All reviews", "How reviews are checked"]
    browser.evaluate("document.querySelector('.afterword').shadowRoot.querySelector('.list').focus()")
    focus = "document.activeElement.shadowRoot.activeElement.className"
    assert browser.evaluate(focus) == "list", "the list cannot be scrolled by keyboard"


def test_what_is_not_known_of_an_imported_review_is_not_made_up(page: ShopPage, browser: Browser) -> None:
    shop = page.shop
    unknown = {"text": "", "experience_date": "", "imported_from": "another place", "published_at": NOW}
    shop.imports(shop.foreign(70, scope="200", **unknown))
    page.open(browser, page.tag("reviews", "200"))
    [said] = browser.evaluate(INSIDE)
    assert "Clara N.Published on 1 March 2026 · date of experience not known" in said
    answer = shop.site.get(f"/public/v3/reviews/{shop.public_key()}/200?limit=5")
    [review] = json.loads(answer.content)["reviews"]
    assert (review["txt"], review["odate"], review["r"]) == ("", "", 5)


def test_it_speaks_the_language_of_the_page(page: ShopPage, browser: Browser) -> None:
    page.open(browser, page.tag("reviews", "site"), html='lang="fr-CA"')
    [said] = browser.evaluate(INSIDE)
    assert "4,5" in said and "8 avis" in said and "Publié le 9 mars 2026" in said
    page.open(browser, page.tag("reviews", "site"), html='lang="ar" dir="rtl"', width=375)
    assert "8 reviews" in browser.evaluate(INSIDE)[0]
    assert browser.evaluate("document.documentElement.scrollWidth") == 375 and serious(browser) == []


def test_where_there_is_nothing_it_says_so_and_one_without_reviews_leads_nowhere(
    page: ShopPage, browser: Browser
) -> None:
    page.open(browser, page.tag("stars", "7"))
    assert (browser.evaluate(INSIDE), browser.names("link")) == (["No reviews yet"], [])
    wrong = page.tag("score", "site").replace(page.shop.public_key(), "0" * 32)
    for lang, words in (("en", "Read our reviews"), ("fr", "Lire nos avis"), ("a/é <b>", "Read our reviews")):
        page.open(browser, wrong, html=f'lang="{lang}"')
        assert browser.names("link") == [words]


def test_without_its_words_it_is_a_link_in_english(page: ShopPage, site: Site, browser: Browser) -> None:
    with serving(type("Wordless", (_SlowLine,), {"site": site, "has_words": False})) as home:
        wordless = page._replace(home=home)
        wordless.open(browser, wordless.tag("score", "site"), html='lang="fr"')
        assert browser.names("link") == ["Read our reviews"]


LINKS = (
    """[...document.querySelector('.afterword').shadowRoot.querySelectorAll('a')].map(each => each.href)"""
)


# What customers wrote.


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_whatever_was_written_is_only_text_and_stays_in_its_box(
    page: ShopPage, site: Site, browser: Browser, number: int
) -> None:
    value = HOSTILE[number]
    shop = Reviewed.new(site)
    said = {"text": value, "author": value, "reply": value, "replied_at": NOW, "imported_from": value}
    shop.imports(*(shop.foreign(place, **said) for place in range(3)))
    hostile = page._replace(shop=shop)
    seen = hostile.open(browser, hostile.tag("reviews", "site"), width=375)
    assert seen.violations == []
    assert all(url.startswith((page.url, page.home)) for url in seen.requests)
    assert browser.evaluate(MADE) == [] and browser.evaluate(SIDEWAYS) == []
    assert browser.evaluate(UNCLIPPED) == []
    assert not re.search("[\u0300\u0489]{9}|\u0e49{9}", browser.evaluate(INSIDE)[0])
    assert shifts(browser) == 0


WITHIN = "[...document.querySelector('.afterword').shadowRoot.querySelectorAll('*')]"
MADE = f"{WITHIN}.map(each => each.localName).filter(name => !/^(a|b|bdi|div|i|li|p|span|ul)$/.test(name))"
SIDEWAYS = f"{WITHIN}.filter(each => each.getBoundingClientRect().right > 376).map(each => each.className)"
UNCLIPPED = f"""{WITHIN}.filter(each => each.localName === 'p' && getComputedStyle(each).overflowY === 'visible')
    .map(each => each.className)"""


def test_the_example_works_as_it_stands(page: ShopPage, browser: Browser) -> None:
    text = (PROJECT / "examples/widget.html").read_text("utf-8")
    text = text.replace("https://reviews.bakery.example", page.home)
    text = text.replace("YOUR_PUBLIC_KEY", page.shop.public_key())
    _PAGES[page.url] = STRICT.format(page.home), text
    seen = page.show(browser)
    assert seen.violations == [] and shifts(browser) == 0
    assert [said[:3] for said in browser.evaluate(INSIDE)] == ["4.5"] * 3
