"""The dashboard as a person's browser shows it: signed in by a press, on a phone, in the dark, by keyboard alone."""

import json
from urllib.parse import urlsplit

import pytest

from afterword.actions.users import link_for
from afterword.domain.reviews.checks.flags import Checked
from tests.axe import serious
from tests.browser import Browser
from tests.web.asking import plain
from tests.web.conftest import SECRET
from tests.web.dashboard.conftest import Signed, clock
from tests.web.reviewed import Reviewed

HEAVIEST = 150_000
"""Bytes of a page with everything that it loads, not packed (docs/dashboard.md)."""

WINDOWS = [(320, False), (375, True), (1280, False), (1280, True)]

EMPTY = ("", "/orders", "/moderation", "/reviews", "/suppressions", "/refused", "/people", "/webhooks")
BUSY = (
    *EMPTY,
    *(
        "/orders/1",
        "/orders/flagged",
        "?days=365",
        "/orders?q=nothing",
        "/orders?state=failed",
        "/keys",
        "/settings",
        "/team",
    ),
)
ENTRANCE = ("dashboard/sign-in", "dashboard/sign-in/" + "A" * 31, "dashboard/account")


def finds_an_address(checked: Checked) -> tuple[str, ...]:
    return ("e-mail address",)


def enter(browser: Browser, owner: Signed) -> None:
    """Opens a link that signs in, and presses its button."""
    email = f"owner{owner.shop.id}@alba.example"
    link = owner.site.write(lambda tx: link_for(tx, email, owner.site.url, SECRET, clock()))
    assert not browser.open(link).violations
    browser.press("button")
    assert urlsplit(browser.evaluate("location.href")).path == f"/dashboard/{owner.shop.id}"


def fill(reviewed: Reviewed) -> None:
    """Something of everything."""
    reviewed.review("1", rating=4)
    reviewed.review(
        "flagged", text="Write to karl@inbox.example, or call 0171 2345678.", look=finds_an_address
    )
    reviewed.member.order("waiting", firstname="W" * 120, lastname="x" * 120, reference="R" * 60)
    reviewed.member.suppresses("noor@mail.example")
    body = [{"id_order": "wrong", "email": "nobody"}]
    reviewed.site.post_orders(body, key=reviewed.member.shown.private_key)


def check(browser: Browser, owner: Signed, path: str) -> None:
    url = f"{owner.site.url}/{path if path.startswith('dashboard') else owner.base() + path}"
    for width, dark in WINDOWS:
        seen = browser.open(url, width=width, dark=dark)
        assert seen.violations == []
        assert all(each.startswith(owner.site.url) for each in seen.requests), seen.requests
        assert browser.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
        assert serious(browser) == [], (path, width, dark)
        assert browser.evaluate("document.querySelectorAll('h1').length") == 1
    loaded = json.loads(browser.evaluate(WEIGHTS))
    assert 3_000 < sum(loaded) < HEAVIEST, (path, loaded)


WEIGHTS = """JSON.stringify([...performance.getEntriesByType("navigation"),
    ...performance.getEntriesByType("resource")].map(each => each.decodedBodySize))"""


@pytest.mark.parametrize("path", EMPTY)
def test_pages_without_anything_are_for_everyone(path: str, browser: Browser, owner: Signed) -> None:
    enter(browser, owner)
    check(browser, owner, path)


@pytest.mark.parametrize("path", BUSY)
def test_pages_with_something_are_for_everyone(
    path: str, browser: Browser, owner: Signed, reviewed: Reviewed
) -> None:
    fill(reviewed)
    enter(browser, owner)
    check(browser, owner, path)


def test_a_review_is_for_everyone(browser: Browser, owner: Signed, reviewed: Reviewed) -> None:
    review = reviewed.review("1", rating=2)
    enter(browser, owner)
    check(browser, owner, f"/reviews/{review.id}")


@pytest.mark.parametrize("path", ENTRANCE)
def test_the_way_in_is_for_everyone(path: str, browser: Browser, owner: Signed) -> None:
    enter(browser, owner)
    check(browser, owner, path)


def test_the_queue_is_worked_off_by_keyboard(browser: Browser, owner: Signed, reviewed: Reviewed) -> None:
    reviewed.review("1", text="Write to karl@inbox.example.", rating=5, look=finds_an_address)
    reviewed.review("2", text="Call 0171 2345678 if you like.", rating=1, look=finds_an_address)
    enter(browser, owner)
    browser.open(f"{owner.site.url}/{owner.base()}/moderation")
    assert "out of 5 stars" not in browser.evaluate("document.body.innerHTML")
    browser.press("[accesskey=p]")
    assert "Clara N. on" in browser.evaluate("document.querySelector('.flash').innerText")
    browser.evaluate("document.querySelector('[name=reason]').focus()")
    browser.type("Space")
    browser.press("[accesskey=r]")
    assert "Nothing is waiting" in browser.evaluate("document.body.innerText")
    page = plain(owner.get("/reviews").content)
    assert "Published" in page and "Rejected" in page


def test_a_newcomer_finds_the_way_from_the_link_to_the_public_page(
    browser: Browser, owner: Signed, reviewed: Reviewed
) -> None:
    """Sees what waits, moderates, replies, and finds all of it in public."""
    review = reviewed.review(
        "1", text="Write to karl@inbox.example for more.", rating=4, look=finds_an_address
    )
    enter(browser, owner)
    assert "1 review is waiting for moderation" in browser.evaluate("document.body.innerText")
    browser.press(".attention a.button")
    browser.press("[accesskey=p]")
    browser.open(f"{owner.site.url}/{owner.base()}/reviews/{review.id}")
    browser.evaluate("document.querySelector('textarea[name=text]').focus()")
    browser.type("Thank you, Clara.")
    browser.press("form[action$=reply] button")
    assert "Your reply is saved." in browser.evaluate("document.body.innerText")
    public = plain(reviewed.site.get(reviewed.path).content)
    assert "Write to karl@inbox.example for more." in public and "Thank you, Clara." in public
