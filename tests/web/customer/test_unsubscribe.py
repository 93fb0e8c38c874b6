"""The pages that a letter's links lead to: what they say, in whose language, and what they change."""

import re
from collections.abc import Iterator
from html import unescape

import pytest

from afterword.domain.messages import MessageOrder
from afterword.mail.links import Links as MessageLinks
from tests.axe import serious
from tests.browser import Browser
from tests.mail.conftest import compose, message
from tests.web.conftest import Links, Site

ONE_CLICK = "List-Unsubscribe=One-Click"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def text(site: Site, path: str, **headers: str) -> str:
    """What a page says, as one line."""
    answer = site.get(path, **headers)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.content.decode())).split())


# What they say.


def test_the_review_page_says_who_asks_and_about_which_order(site: Site) -> None:
    links = site.links(site.keys.private_key, "R-1", reference="REF-7")
    page = text(site, links.review)
    assert "Alba's bakery would like to know what you think of your order." in page
    assert "Order REF-7 , placed on 1 March 2026" in page


def test_an_order_without_a_reference_goes_by_its_number(site: Site) -> None:
    assert "Order R-2 , placed" in text(site, site.links(site.keys.private_key, "R-2").review)


def test_a_page_speaks_the_language_of_the_order(site: Site) -> None:
    _, keys = site.new_shop(name="Les livres de Bruno", lang="fr", site="https://bruno.example/?a=1&b=2")
    links = site.links(keys.private_key, "R-3")
    page = site.get(links.review, **{"Accept-Language": "en"}).content.decode()
    assert '<html lang="fr" dir="ltr">' in page and "Qu’en avez-vous pensé" in page
    assert "Commande <bdi>R-3</bdi> du <bdi>1 mars 2026</bdi>" in page
    assert '<a href="https://bruno.example/?a=1&amp;b=2"' in page and ">Visiter la boutique" in page
    assert "Ne plus recevoir ces e-mails" in text(site, links.unsubscribe)


def test_a_language_without_a_catalogue_is_answered_in_english(site: Site) -> None:
    _, keys = site.new_shop(lang="tlh")
    page = site.get(site.links(keys.private_key, "R-4").review).content.decode()
    assert '<html lang="en" dir="ltr">' in page and "How was your order?" in page


@pytest.mark.parametrize(
    ("wanted", "lang"),
    [
        ("fr", "fr"),
        ("de-CH, fr-CH;q=0.8, en;q=0.5", "fr"),
        ("en-GB,fr;q=0.9", "en"),
        ("fr;q=0, de", "en"),
        ("*, ;;q=x,fr;q=9" + "," * 999, "en"),
        ("", "en"),
    ],
)
def test_where_there_is_no_order_the_browser_says_the_language(site: Site, wanted: str, lang: str) -> None:
    assert f'<html lang="{lang}"' in site.get("/nothing", **{"Accept-Language": wanted}).content.decode()


def test_what_a_shop_or_a_customer_wrote_is_only_text(site: Site) -> None:
    _, keys = site.new_shop(name="<b>Eve</b>\u202e {{ lang }}", site="javascript:alert(1)")
    links = site.links(keys.private_key, "<script>alert(1)</script>", reference='"><img src=x>')
    for path in (links.review, links.unsubscribe):
        page = site.get(path).content.decode()
        assert "<script" not in page and "<img" not in page and "<b>" not in page and "\u202e" not in page
        assert "<bdi>&lt;b&gt;Eve&lt;/b&gt; {{ lang }}</bdi>" in page
        assert "javascript:" not in page and "Visit the shop" not in page


def test_a_page_shows_no_more_of_the_customer_than_the_public_sees(site: Site) -> None:
    links = site.links(site.keys.private_key, "P-1", email="clara.nunez@mail.example")
    pages = [site.get(path).content.decode() for path in (links.review, links.unsubscribe)]
    pages.append(site.request("POST", links.unsubscribe).content.decode())
    assert "published as <bdi>Clara N.</bdi>" in pages[0]
    for page in pages:
        assert not re.search(
            "clara|n[uú]ñ?nez|mail.example", page.replace("<bdi>Clara N.</bdi>", ""), re.IGNORECASE
        )


# What they change.


def test_looking_changes_nothing_however_often(site: Site) -> None:
    links = site.links(site.keys.private_key, "U-1")
    before = site.rows()
    for method in ("GET", "HEAD", "GET"):
        assert site.request(method, links.review).status == 200
        assert site.request(method, links.unsubscribe).status == 200
    assert site.rows() == before
    assert "Stop these e-mails?" in text(site, links.unsubscribe)


def test_a_press_of_the_button_counts_at_once_and_for_good(site: Site) -> None:
    links = site.links(site.keys.private_key, "U-2", email="diego@mail.example")
    later = site.links(site.keys.private_key, "U-3", email="Diego@mail.example")
    other = site.links(site.keys.private_key, "U-4", email="clara@mail.example")
    answer = site.request("POST", links.unsubscribe, "", FORM)
    assert answer.status == 200 and b"<h1>You&#39;re unsubscribed</h1>" in answer.content
    assert site.is_stopped(links) and site.is_stopped(later)
    assert not site.is_stopped(other)
    assert "You're unsubscribed" in text(site, links.unsubscribe)


def test_one_click_of_a_mail_program_is_answered_200_each_time(site: Site) -> None:
    links = site.links(site.keys.private_key, "U-5")
    for _ in range(2):
        assert site.request("POST", links.unsubscribe, ONE_CLICK, FORM).status == 200
    assert site.is_stopped(links)


def test_no_body_keeps_a_press_from_counting(site: Site) -> None:
    for number, body in enumerate((b"", b"\xff\x00" * 99, b"--x\r\nContent-Disposition: nothing")):
        links = site.links(site.keys.private_key, f"U-6-{number}")
        answer = site.request(
            "POST", links.unsubscribe, body, {"Content-Type": "multipart/form-data; boundary=x"}
        )
        assert answer.status == 200 and site.is_stopped(links)


def test_a_press_counts_for_one_shop_alone(site: Site) -> None:
    _, bruno = site.new_shop(name="Bruno's books")
    at_albas = site.links(site.keys.private_key, "U-7", email="both@mail.example")
    at_brunos = site.links(bruno.private_key, "U-7", email="both@mail.example")
    site.request("POST", at_albas.unsubscribe)
    assert site.is_stopped(at_albas) and not site.is_stopped(at_brunos)


def test_a_press_in_a_test_letter_counts_for_test_orders_alone(site: Site) -> None:
    test = site.links(site.keys.test_key, "U-8", email="tester@mail.example")
    live = site.links(site.keys.private_key, "U-8", email="tester@mail.example")
    site.request("POST", test.unsubscribe)
    assert site.is_stopped(test) and not site.is_stopped(live)
    assert "Stop these e-mails?" in text(site, live.unsubscribe)


def test_a_link_opens_its_own_page_and_no_other(site: Site) -> None:
    _, keys = site.new_shop()
    links, stranger = site.links(site.keys.private_key, "U-9"), site.links(keys.private_key, "U-9")
    token, other = links.unsubscribe.rpartition("/")[2], links.review.rpartition("/")[2]
    shop, neighbour = links.review.split("/")[2], stranger.review.split("/")[2]
    changed = token[:-6] + ("A" if token[-6] != "A" else "B") + token[-5:]
    forged = (
        f"/u/{shop}/{other}",
        f"/u/{neighbour}/{token}",
        f"/u/{shop}/{changed}",
        f"/u/{shop}/{token[:-4]}",
    )
    before = site.rows()
    answers = [site.request(method, path) for path in forged for method in ("GET", "POST")]
    answers.append(site.get(f"/r/{shop}/{token}"))
    assert {answer.status for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1, "one wrong link tells more than another"
    assert site.rows() == before


# In a browser.


@pytest.mark.parametrize("width", [320, 375, 1000])
def test_a_page_asks_nobody_else_and_keeps_its_own_policy(site: Site, browser: Browser, width: int) -> None:
    links = site.links(site.keys.private_key, f"B-{width}")
    for path in (links.review, links.unsubscribe, "/nothing", "/docs"):
        seen = browser.open(site.url + path, width=width)
        assert seen.violations == []
        assert len(seen.requests) >= 2 and all(url.startswith(f"{site.url}/") for url in seen.requests)
        assert browser.evaluate("document.documentElement.scrollWidth") == width, f"{path} scrolls sideways"
        assert len(browser.names("heading")) >= 1 and browser.evaluate("document.scripts.length") == 0


def test_the_policy_forbids_scripts_and_what_comes_from_elsewhere(site: Site, browser: Browser) -> None:
    browser.open(site.url + "/docs")
    browser.evaluate(
        "document.body.innerHTML = '<img src=http://elsewhere.example/x onerror=stolen()><p style=color:red>'"
    )
    seen = browser.seen()
    assert not any("elsewhere" in url for url in seen.requests)
    assert any("elsewhere" in told for told in seen.violations) and any(
        "style" in told for told in seen.violations
    )


def test_somebody_without_a_mouse_can_unsubscribe(site: Site, browser: Browser) -> None:
    links = site.links(site.keys.private_key, "B-2")
    browser.open(site.url + links.unsubscribe, width=375)
    assert browser.names("button") == ["Stop these e-mails"] and browser.names("heading") == [
        "Stop these e-mails?"
    ]
    size = browser.evaluate(
        "[...document.querySelectorAll('button')].map(b => b.getBoundingClientRect().height)"
    )
    assert size[0] >= 44
    seen = browser.press("button")
    assert seen.violations == [] and browser.names("heading") == ["You're unsubscribed"]
    assert site.is_stopped(links)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [375, 1000])
def test_nothing_is_wrong_for_whoever_sees_little_or_hears_the_page(
    site: Site, browser: Browser, width: int, dark: bool
) -> None:
    links = site.links(site.keys.private_key, f"X-{width}-{dark}")
    for path in ("/docs", "/nothing", links.unsubscribe):
        browser.open(site.url + path, width=width, dark=dark)
        assert serious(browser) == [], path
    browser.press("button")
    assert browser.names("heading") == ["You're unsubscribed"] and serious(browser) == []


def test_a_scanner_that_opens_every_link_of_a_letter_changes_nothing(site: Site, browser: Browser) -> None:
    links = site.links(site.keys.private_key, "S-1")
    before = site.rows()
    opened = list(email_links(site, links))
    assert len(opened) == 2
    for url in opened:
        path = url.removeprefix(site.url)
        assert [site.request(method, path).status for method in ("HEAD", "GET", "GET")] == [200] * 3
        browser.open(url)
        browser.evaluate("document.querySelectorAll('a').forEach(a => fetch(a.href).catch(() => 0))")
        browser.seen()
    assert site.rows() == before


def email_links(site: Site, links: Links) -> Iterator[str]:
    """Every address of this server in the invitation of these links, in its header or its body."""
    shop = site.shop(site.keys.private_key)
    invitation = message("invitation", MessageOrder(links.order_id, "S-1", None, "", ()))
    addresses = MessageLinks(site.url + links.review, site.url + links.unsubscribe, site.url)
    content = compose(invitation, shop, addresses)
    found = re.findall(rb"https?://[^\s\"'<>]+", content.content)
    yield from {unescape(url.decode()) for url in found if url.decode().startswith(site.url)}
