"""The pages as a person's browser shows them: with a keyboard alone, on a phone, in the dark, to a screen reader."""

import json
from collections.abc import Callable

import pytest

from afterword.actions.reviews.moderation import answer, reject
from tests.axe import serious
from tests.browser import Browser, Seen
from tests.web.conftest import Site
from tests.web.customer.conftest import Author, new_author, review

HEAVIEST = 60_000
"""Bytes of a page with everything that it loads, not packed."""

WINDOWS = [(320, False), (375, False), (375, True), (1000, False), (1000, True)]

in_each_window = pytest.mark.parametrize(("width", "dark"), WINDOWS)


def has_ordered(clara: Author) -> None:
    pass


def has_written(clara: Author) -> None:
    words = review(0, 5, "Kind people,\nand quick."), review(1, 3, "Good, if a little dark.")
    assert clara.sends(*words).status == 303


def was_answered(clara: Author) -> None:
    has_written(clara)
    clara.is_moderated(reject, "off topic")
    clara.is_moderated(answer, "Thank you, Clara!", line=1)


def has_withdrawn(clara: Author) -> None:
    has_written(clara)
    clara.sends({"withdraw": "0"})


def is_too_late(clara: Author) -> None:
    has_written(clara)
    clara.waits_180_days()


def has_unsubscribed(clara: Author) -> None:
    clara.site.request("POST", clara.links.unsubscribe)


PAGES: list[tuple[Callable[[Author], None], str]] = [
    (has_ordered, "{review}"),
    (has_ordered, "{review}?from=10"),
    (has_written, "{review}?thanks"),
    (was_answered, "{review}"),
    (was_answered, "{review}?from=0"),
    (has_written, "{review}?withdraw=0"),
    (has_withdrawn, "{review}?withdrawn"),
    (is_too_late, "{review}"),
    (has_ordered, "{unsubscribe}"),
    (has_unsubscribed, "{unsubscribe}"),
    (has_ordered, "/nothing"),
    (has_ordered, "/docs"),
]


def new_order(site: Site, lang: str = "en", **changes: object) -> Author:
    return new_author(site, shop={"lang": lang, "site": "https://cafe.example/"}, **changes)


@pytest.mark.parametrize(("comes", "path"), PAGES)
def test_nothing_is_wrong_with_a_page_in_any_window(
    site: Site, browser: Browser, comes: Callable[[Author], None], path: str
) -> None:
    breads = [{"id": number, "name": f"Bread {number}"} for number in range(1, 30)]
    urls = {}
    for lang in ("en", "fr"):
        clara = new_order(site, lang, **({"products": breads} if "from=10" in path else {}))
        comes(clara)
        urls[lang] = site.url + path.format(**clara.links._asdict())
    for width, dark in WINDOWS:
        check(site, browser, browser.open(urls["en"], width=width, dark=dark))
    browser.open(urls["fr"], width=375)
    assert browser.evaluate("document.documentElement.scrollWidth") <= 375


def check(site: Site, browser: Browser, seen: Seen) -> None:
    """The open page breaks no rule, runs no script, asks nobody else for anything, is light, and fits the window."""
    assert seen.violations == [] and browser.evaluate("document.scripts.length") == 0
    assert len(seen.requests) >= 2 and all(url.startswith(f"{site.url}/") for url in seen.requests)
    assert serious(browser) == [] and browser.names("heading")
    width = browser.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]
    loaded = "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
    weight = browser.evaluate(f"{loaded}.reduce((sum, each) => sum + each.decodedBodySize, 0)")
    assert 1_000 < weight < HEAVIEST


@in_each_window
def test_nothing_is_wrong_with_a_form_that_has_something_wrong(
    site: Site, browser: Browser, width: int, dark: bool
) -> None:
    browser.open(site.url + new_order(site).links.review, width=width, dark=dark)
    browser.evaluate("document.getElementById('text-1').value = 'Good bread.'")
    check(site, browser, browser.press(".send button"))
    assert browser.evaluate("document.activeElement.className") == "errors"
    assert browser.evaluate("document.getElementById('text-1').value") == "Good bread."
    described = "document.querySelector('#review-1 [role=radiogroup]').getAttribute('aria-describedby')"
    says = browser.evaluate(f"document.getElementById({described}).textContent.trim()")
    assert says == "Choose 1 to 5 stars."


@in_each_window
def test_nothing_is_wrong_with_a_page_that_refuses(
    site: Site, browser: Browser, width: int, dark: bool
) -> None:
    """What no GET shows: the answer is put into the window of the form, whose style and policy it has."""
    clara, late = new_order(site, "fr"), new_order(site)
    has_written(clara)
    is_too_late(late)
    for status, found in {
        403: clara.sends(review(1, 5, "Forged."), **{"Sec-Fetch-Site": "cross-site"}),
        409: clara.sends(review(0, 1, "Unkind people.")),
        410: late.sends(review(0, 5, "Kind people.")),
        413: clara.sends(review(0, 5, "x" * 2**20)),
    }.items():
        assert found.status == status
        browser.open(site.url + clara.links.review, width=width, dark=dark)
        page = json.dumps(found.content.decode())
        browser.evaluate(f"document.open(); document.write({page}); document.close()")
        browser.seen()
        assert browser.evaluate("document.styleSheets.length && document.querySelector('h1').innerText")
        assert serious(browser) == [], status


def test_the_checks_see_what_is_wrong(site: Site, browser: Browser) -> None:
    """What would tell if axe had looked at nothing."""
    browser.open(site.url + new_order(site).links.review)
    browser.evaluate("document.querySelector('label[for=lived]').remove()")
    browser.evaluate("document.querySelector('.terms').style.color = '#aaa'")
    assert sorted(told.partition(" | ")[0] for told in serious(browser)) == ["color-contrast", "label"]


def test_the_policy_forbids_scripts_and_what_comes_from_elsewhere(site: Site, browser: Browser) -> None:
    browser.open(site.url + "/docs")
    hostile = "<img src=http://elsewhere.example/x onerror=stolen()><p style=color:red>"
    browser.evaluate(f"document.body.innerHTML = '{hostile}'")
    seen = browser.seen()
    assert not any("elsewhere" in url for url in seen.requests)
    assert all(any(what in told for told in seen.violations) for what in ("elsewhere", "style"))


def test_somebody_without_a_mouse_writes_a_review(site: Site, browser: Browser) -> None:
    clara = new_order(site)
    browser.open(site.url + clara.links.review)

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
    found = clara.reviews[0]
    assert (found.rating, found.text) == (4, "Kind people, and a café that I like.")
    browser.press(".acts a:nth-of-type(2)")
    assert browser.names("heading")[0] == "Withdraw this review?"
    browser.press("main button")
    assert browser.names("heading")[0] == "Your reviews" and clara.reviews[0].state == "withdrawn"


def test_somebody_without_a_mouse_can_unsubscribe(site: Site, browser: Browser) -> None:
    clara = new_order(site)
    browser.open(site.url + clara.links.unsubscribe, width=375)
    assert browser.names("button") == ["Stop these e-mails"]
    assert browser.names("heading") == ["Stop these e-mails?"]
    assert browser.evaluate("document.querySelector('button').getBoundingClientRect().height") >= 44
    seen = browser.press("button")
    assert seen.violations == [] and browser.names("heading") == ["You're unsubscribed"]
    assert site.is_stopped(clara.links)


def test_a_screen_reader_hears_what_the_stars_mean(site: Site, browser: Browser) -> None:
    browser.open(site.url + new_order(site, "fr", products=[]).links.review)
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


def test_whatever_somebody_writes_is_shown_as_text_and_stays_in_its_place(
    site: Site, browser: Browser
) -> None:
    script = "document.title='stolen'"
    hostile = f'<script>{script}</script><img src=x onerror="{script}"> \u202eevil {{{{ 7*7 }}}}'
    clara = new_order(site, firstname="<b>Eve</b>", products=[{"id": 1, "name": hostile}])
    clara.sends(review(0, 1, hostile), review(1, 1, "x" * 4_990 + "\u0301" * 8))
    for query in ("", "?from=0", "?withdraw=0"):
        seen = browser.open(site.url + clara.links.review + query, width=375)
        assert seen.violations == [] and len(seen.requests) <= 3
        assert "stolen" not in browser.evaluate("document.title")
        assert browser.evaluate("document.documentElement.scrollWidth") <= 375
        shown = "document.querySelector('main').innerText + document.querySelector('textarea')?.value"
        assert "{{ 7*7 }}" in browser.evaluate(shown)
