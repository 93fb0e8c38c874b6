"""The pages that an e-mail's links lead to: what they say, in whose language, and what they change."""

import re
from collections.abc import Iterator
from html import unescape

import pytest

from afterword.domain.messages import MessageOrder
from afterword.mail.links import Links as MessageLinks
from tests.browser import Browser
from tests.mail.conftest import compose, message
from tests.web.conftest import Site
from tests.web.customer.conftest import Author, new_author, plain, review

# What they say.


def test_a_page_speaks_the_language_of_the_order(site: Site) -> None:
    shop = {"name": "Les livres de Bruno", "lang": "fr", "site": "https://bruno.example/?a=1&b=2"}
    keys = site.new_shop(**shop)
    links = site.links(keys.private_key, "R-3")
    page = site.get(links.review, **{"Accept-Language": "en"}).content.decode()
    assert '<html lang="fr" dir="ltr">' in page and "Qu’en avez-vous pensé" in page
    assert "Commande <bdi>R-3</bdi> du <bdi>1 mars 2026</bdi>" in page
    assert '<a href="https://bruno.example/?a=1&amp;b=2"' in page and ">Visiter la boutique" in page
    assert "Ne plus recevoir ces e-mails" in plain(site.get(links.unsubscribe))


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
    keys = site.new_shop(name="<b>Eve</b>\u202e {{ lang }}", site="javascript:alert(1)")
    links = site.links(keys.private_key, "<script>alert(1)</script>", reference='"><img src=x>')
    for path in (links.review, links.unsubscribe):
        page = site.get(path).content.decode()
        assert not any(mark in page for mark in ("<script", "<img", "<b>", "\u202e", "javascript:"))
        assert "<bdi>&lt;b&gt;Eve&lt;/b&gt; {{ lang }}</bdi>" in page and "Visit the shop" not in page


def test_a_page_shows_no_more_of_the_customer_than_the_public_sees(site: Site) -> None:
    links = site.links(site.keys.private_key, "P-1", email="clara.nunez@mail.example")
    pages = [site.get(path).content.decode() for path in (links.review, links.unsubscribe)]
    pages.append(site.request("POST", links.unsubscribe).content.decode())
    assert "published as <bdi>Clara N.</bdi>" in pages[0]
    for page in pages:
        rest = page.replace("<bdi>Clara N.</bdi>", "")
        assert not re.search("clara|n[uú]ñ?nez|mail.example", rest, re.IGNORECASE)


# What they change.


def test_looking_changes_nothing_however_often(clara: Author) -> None:
    site, links = clara.site, clara.links
    before = site.rows()
    for method in ("GET", "HEAD", "GET"):
        for path in (links.review, links.unsubscribe):
            assert site.request(method, path).status == 200
    assert site.rows() == before
    assert "Stop these e-mails?" in plain(site.get(links.unsubscribe))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click"),
        ("application/x-www-form-urlencoded", b""),
        ("multipart/form-data; boundary=x", b"\xff\x00" * 99),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: nothing"),
    ],
)
def test_a_press_counts_at_once_with_any_body_and_however_often(
    clara: Author, kind: str, body: bytes
) -> None:
    for _ in range(2):
        answer = clara.site.request("POST", clara.links.unsubscribe, body, {"Content-Type": kind})
        assert answer.status == 200 and b"<h1>You&#39;re unsubscribed</h1>" in answer.content
        assert clara.site.is_stopped(clara.links)
    assert "You're unsubscribed" in plain(clara.site.get(clara.links.unsubscribe))


def test_a_press_counts_for_one_address_of_one_shop_in_one_mode(site: Site) -> None:
    alba, bruno = site.keys, site.new_shop()
    orders = [
        site.links(key, id_order, email=f"{name}@mail.example")
        for key, id_order, name in (
            (alba.private_key, "U-1", "diego"),
            (alba.private_key, "U-2", "Diego"),
            (alba.private_key, "U-3", "carla"),
            (alba.test_key, "U-1", "diego"),
            (bruno.private_key, "U-1", "diego"),
        )
    ]
    site.request("POST", orders[3].unsubscribe)
    assert [site.is_stopped(links) for links in orders] == [False, False, False, True, False]
    assert "Stop these e-mails?" in plain(site.get(orders[0].unsubscribe))
    site.request("POST", orders[0].unsubscribe)
    assert [site.is_stopped(links) for links in orders] == [True, True, False, True, False]


def test_a_link_opens_its_own_page_and_no_other(clara: Author) -> None:
    shop, stranger = clara.shop.id, new_author(clara.site).shop.id
    tokens = {path[1]: path.rpartition("/")[2] for path in (clara.links.review, clara.links.unsubscribe)}
    before = clara.site.rows()
    answers = []
    for page, other in ("ru", "ur"):
        token = tokens[page]
        changed = token[:-6] + ("A" if token[-6] != "A" else "B") + token[-5:]
        for end in (
            f"{shop}/{tokens[other]}",
            f"{stranger}/{token}",
            f"{shop}/{changed}",
            f"{shop}/{token[:-4]}",
        ):
            forged = clara._replace(links=clara.links._replace(review=f"/{page}/{end}"))
            answers += [forged.opens(), forged.sends(review(0, 1, "Forged."))]
    assert {answer.status for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1, "one wrong link tells more than another"
    assert clara.site.rows() == before


def test_a_scanner_that_opens_every_link_of_an_e_mail_and_its_pages_changes_nothing(
    site: Site, browser: Browser
) -> None:
    authors = new_author(site), new_author(site)
    authors[0].sends(review(0, 5, "Kind people."))
    before = site.rows()
    for clara in authors:
        opened = list(email_links(clara))
        assert len(opened) == 2
        for url in opened:
            path = url.removeprefix(site.url)
            assert [site.request(method, path).status for method in ("HEAD", "GET", "GET")] == [200] * 3
            browser.open(url)
            browser.evaluate("Promise.all([...document.links].map(a => fetch(a.href).catch(() => 0)))")
            for link in browser.evaluate("[...document.links].map(a => a.href)"):
                if link.startswith(url):
                    browser.open(link)
    assert site.rows() == before


def email_links(clara: Author) -> Iterator[str]:
    """Every address of this server in the invitation of these links, in its header or its body."""
    invitation = message("invitation", MessageOrder(clara.links.order.order_id, "S-1", None, "", ()))
    url, links = clara.site.url, clara.links
    content = compose(invitation, clara.shop, MessageLinks(url + links.review, url + links.unsubscribe, url))
    found = re.findall(rb"https?://[^\s\"'<>]+", content.content)
    yield from {unescape(address.decode()) for address in found if address.startswith(url.encode())}
