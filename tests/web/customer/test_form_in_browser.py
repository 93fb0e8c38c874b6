"""The form as a person's browser shows it: with a keyboard alone, on a phone, in the dark, to a screen reader."""

import json
from collections.abc import Callable
from itertools import count

import pytest

from afterword.actions.reviews.moderation import answer, reject
from tests.axe import serious
from tests.browser import Browser, Seen
from tests.web.conftest import Links, Site
from tests.web.customer.reviewing import BREAD, ROLLS, moderate, review, send, wait_180_days, written

HEAVIEST = 60_000
"""Bytes of a page with everything that it loads, not packed."""

WINDOWS = [(375, False), (375, True), (1000, False), (1000, True)]

numbers = count(1)


def new_order(site: Site, lang: str, **changes: object) -> Links:
    """An order at a shop of its own."""
    number = next(numbers)
    _, keys = site.new_shop(name=f"Carla's café {number}", lang=lang, site="https://cafe.example/")
    return site.links(keys.private_key, f"B-{number}", **({"products": [BREAD, ROLLS]} | changes))


def an_empty_form(site: Site, browser: Browser, lang: str) -> str:
    return new_order(site, lang).review


def many_products(site: Site, browser: Browser, lang: str) -> str:
    breads = [{"id": number, "name": f"Bread {number}"} for number in range(1, 30)]
    return new_order(site, lang, products=breads).review + "?from=10"


def all_written(site: Site, browser: Browser, lang: str) -> str:
    return _written(site, lang).review + "?thanks"


def rejected_and_replied_to(site: Site, browser: Browser, lang: str) -> str:
    links = _written(site, lang)
    moderate(site, links, reject, "off topic")
    moderate(site, links, answer, "Thank you, Clara!", line=1)
    return links.review


def a_rejected_one_to_change(site: Site, browser: Browser, lang: str) -> str:
    return rejected_and_replied_to(site, browser, lang) + "?from=0"


def the_question_before_withdrawing(site: Site, browser: Browser, lang: str) -> str:
    return _written(site, lang).review + "?withdraw=0"


def one_withdrawn(site: Site, browser: Browser, lang: str) -> str:
    links = _written(site, lang)
    send(site, links, {"withdraw": "0"})
    return links.review + "?withdrawn"


def too_late(site: Site, browser: Browser, lang: str) -> str:
    links = _written(site, lang)
    wait_180_days(site, links)
    return links.review


def _written(site: Site, lang: str) -> Links:
    links = new_order(site, lang)
    words = review(0, 5, "Kind people,\nand quick."), review(1, 3, "Good, if a little dark.")
    assert send(site, links, *words).status == 303
    return links


PAGES = (
    an_empty_form,
    many_products,
    all_written,
    rejected_and_replied_to,
    a_rejected_one_to_change,
    the_question_before_withdrawing,
    one_withdrawn,
    too_late,
)


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_wrong_with_a_page_in_any_window(
    site: Site, browser: Browser, page: Callable[[Site, Browser, str], str]
) -> None:
    url = site.url + page(site, browser, "en")
    for width, is_dark in WINDOWS:
        check(site, browser, browser.open(url, width=width, dark=is_dark))
    browser.open(site.url + page(site, browser, "fr"), width=375)
    assert browser.evaluate("document.documentElement.scrollWidth") <= 375


@pytest.mark.parametrize(("width", "is_dark"), WINDOWS)
def test_nothing_is_wrong_with_a_form_that_has_something_wrong(
    site: Site, browser: Browser, width: int, is_dark: bool
) -> None:
    browser.open(site.url + new_order(site, "en").review, width=width, dark=is_dark)
    browser.evaluate("document.getElementById('text-1').value = 'Good bread.'")
    check(site, browser, browser.press(".send button"))
    assert browser.evaluate("document.activeElement.className") == "errors"
    assert browser.evaluate("document.getElementById('text-1').value") == "Good bread."
    described = "document.querySelector('#review-1 [role=radiogroup]').getAttribute('aria-describedby')"
    assert (
        browser.evaluate(f"document.getElementById({described}).textContent.trim()") == "Choose 1 to 5 stars."
    )


def check(site: Site, browser: Browser, seen: Seen) -> None:
    """The open page breaks no rule, asks nobody else for anything, is light, and fits the window."""
    assert seen.violations == [] and all(url.startswith(site.url) for url in seen.requests)
    assert serious(browser) == []
    width = browser.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]
    loaded = "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
    assert (
        1_000 < browser.evaluate(f"{loaded}.reduce((sum, each) => sum + each.decodedBodySize, 0)") < HEAVIEST
    )


@pytest.mark.parametrize(("width", "dark"), WINDOWS)
def test_nothing_is_wrong_with_a_page_that_refuses(
    site: Site, browser: Browser, width: int, dark: bool
) -> None:
    """What no GET shows: the answer is put into the window of the form, whose style and policy it has."""
    links, late = new_order(site, "fr"), new_order(site, "en")
    send(site, links, review(0, 5, "Kind people."))
    wait_180_days(site, late)
    refused = {
        403: send(site, links, review(1, 5, "Forged."), **{"Sec-Fetch-Site": "cross-site"}),
        409: send(site, links, review(0, 1, "Unkind people.")),
        410: send(site, late, review(0, 5, "Kind people.")),
        413: send(site, links, review(0, 5, "x" * 2**20)),
    }
    for status, found in refused.items():
        assert found.status == status
        browser.open(site.url + links.review, width=width, dark=dark)
        page = json.dumps(found.content.decode())
        browser.evaluate(f"document.open(); document.write({page}); document.close()")
        browser.seen()
        assert browser.evaluate("document.styleSheets.length && document.querySelector('h1').innerText")
        assert serious(browser) == [], status


def test_the_checks_see_what_is_wrong(site: Site, browser: Browser) -> None:
    """What would tell if axe had looked at nothing."""
    browser.open(site.url + new_order(site, "en").review)
    browser.evaluate("document.querySelector('label[for=lived]').remove()")
    browser.evaluate("document.querySelector('.terms').style.color = '#aaa'")
    assert sorted(told.partition(" | ")[0] for told in serious(browser)) == ["color-contrast", "label"]


def test_somebody_without_a_mouse_writes_a_review(site: Site, browser: Browser) -> None:
    links = new_order(site, "en")
    browser.open(site.url + links.review)

    def go_to(field: str) -> None:
        for _ in range(20):
            browser.type("Tab")
            if browser.evaluate("document.activeElement.id") == field:
                return
        raise AssertionError(f"{field} cannot be reached")

    go_to("stars-0-0")
    browser.type(*["ArrowRight"] * 4)
    go_to("text-0")
    browser.type("Kind people, and a café that I like.")
    go_to("lived")
    browser.type("Space")
    seen = browser.press(".send button")
    assert browser.names("heading")[0] == "Thank you!" and seen.violations == []
    assert (written(site, links)[0].rating, written(site, links)[0].text) == (
        4,
        "Kind people, and a café that I like.",
    )
    browser.press(".acts a:nth-of-type(2)")
    assert browser.names("heading")[0] == "Withdraw this review?"
    browser.press("main button")
    assert browser.names("heading")[0] == "Your reviews" and written(site, links)[0].state == "withdrawn"


def test_a_screen_reader_hears_what_the_stars_mean(site: Site, browser: Browser) -> None:
    browser.open(site.url + new_order(site, "fr", products=[]).review)
    assert browser.names("radio") == [
        "Aucune étoile",
        "1 étoile\u202f: mauvais",
        "2 étoiles\u202f: médiocre",
        "3 étoiles\u202f: correct",
        "4 étoiles\u202f: bien",
        "5 étoiles\u202f: excellent",
    ]
    assert browser.names("radiogroup") == ["Étoiles"]
    assert browser.names("checkbox")[0].startswith("Il s’agit de ma propre expérience")


def test_a_scanner_that_follows_every_link_of_the_pages_writes_and_withdraws_nothing(
    site: Site, browser: Browser
) -> None:
    before_it = [_written(site, "en"), new_order(site, "en")]
    before = site.rows()
    for links in before_it:
        browser.open(site.url + links.review)
        browser.evaluate("Promise.all([...document.links].map(a => fetch(a.href).catch(() => 0)))")
        for url in browser.evaluate("[...document.links].map(a => a.href)"):
            if url.startswith(site.url + links.review):
                browser.open(url)
    assert site.rows() == before


def test_whatever_somebody_writes_is_shown_as_text_and_stays_in_its_place(
    site: Site, browser: Browser
) -> None:
    script = "document.title='stolen'"
    hostile = f'<script>{script}</script><img src=x onerror="{script}"> \u202eevil {{{{ 7*7 }}}}'
    links = new_order(site, "en", firstname="<b>Eve</b>", products=[{"id": 1, "name": hostile}])
    send(site, links, review(0, 1, hostile), review(1, 1, "x" * 4_990 + "\u0301" * 8))
    for path in ("", "?from=0", "?withdraw=0"):
        seen = browser.open(site.url + links.review + path, width=375)
        assert seen.violations == [] and len(seen.requests) <= 3
        assert "stolen" not in browser.evaluate("document.title")
        assert browser.evaluate("document.documentElement.scrollWidth") <= 375
        assert "{{ 7*7 }}" in browser.evaluate(
            "document.querySelector('main').innerText + (document.querySelector('textarea') || {value: ''}).value"
        )
