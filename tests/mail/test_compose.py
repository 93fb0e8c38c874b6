"""What every kind of e-mail keeps: its header, its links and its size, whatever is in its values."""

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from afterword.domain.messages import Message
from afterword.domain.orders.order import OrderLine
from afterword.i18n.catalogue import catalogues, read_catalogues
from afterword.mail import compose as composing
from afterword.mail.compose import Composer
from afterword.mail.headers import AddressError, HeaderError
from afterword.mail.links import Links, links_of
from tests.mail.conftest import (
    ALBA,
    KINDS,
    LINKS,
    ORDER,
    TO_CUSTOMER,
    Page,
    compose,
    example,
    fields_of,
    message,
    part,
    read,
    subject,
    text_of,
)

NAMESPACE = "http://www.w3.org/1999/xhtml"

each_kind = pytest.mark.parametrize("kind", KINDS)
each_kind_to_a_customer = pytest.mark.parametrize("kind", TO_CUSTOMER)


@each_kind
def test_the_header_is_exactly_what_it_should_be(kind: str) -> None:
    composed = compose(kind, lastname="Nunez")
    header, _, _ = composed.content.partition(b"\r\n\r\n")
    mark = example(kind).fingerprint(ALBA.salt)
    to_customer = kind in TO_CUSTOMER
    unsubscribe = [
        "List-Unsubscribe: <https://reviews.alba.example/u/1/def>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    ]

    assert header.decode("ascii").split("\r\n") == [
        "From: Reviews <reviews@afterword.example>",
        "Reply-To: Alba's bakery <hello@alba.example>",
        "To: Clara Nunez <clara@nunez.example>" if to_customer else "To: Alba's bakery <hello@alba.example>",
        f"Subject: {read(composed)['Subject']}",
        "Date: Sun, 01 Mar 2026 14:12:06 +0000",
        f"Message-ID: <{mark}@reviews.example>",
        *(unsubscribe if to_customer else []),
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        "Content-Type: multipart/alternative;",
        f' boundary="=_{mark}"',
        "Content-Transfer-Encoding: 7bit",
    ]
    assert composed.fingerprint == mark
    assert (composed.sender, composed.recipient) == (
        "reviews@afterword.example",
        example(kind).recipient.email,
    )
    name = "Clara Núñez" if to_customer else "Alba's bakery"
    assert read(compose(kind))["To"].addresses[0].display_name == name


@each_kind
def test_a_subject_says_what_it_is_about_in_none_of_the_customers_words(kind: str) -> None:
    assert read(compose(kind))["Subject"] == subject(kind)


@each_kind
def test_the_same_message_gives_the_same_bytes_and_another_one_another_id(kind: str) -> None:
    found = example(kind)
    order = found.order and replace(found.order, id_order="1235")
    others = replace(found, live=False), replace(found, id=found.id + 1, order=order)

    assert compose(kind) == compose(kind)
    assert len({compose(one).fingerprint for one in (found, *others)}) == 3


@each_kind
@pytest.mark.parametrize("lang", sorted(catalogues()))
def test_every_language_has_all_of_it_and_no_foreign_address(kind: str, lang: str) -> None:
    composed = compose(kind, lang=lang)
    text, html = part(composed, "plain"), part(composed, "html")
    page = Page(composed)
    links = [LINKS.review, LINKS.unsubscribe, ALBA.site] if kind in TO_CUSTOMER else []
    links += [] if kind in TO_CUSTOMER else [LINKS.dashboard]
    verify = [LINKS.verify] if LINKS.verify in page.links else []

    assert f'<html lang="{lang}"' in html
    assert not re.search(r"\{[{%]|\[\[|\[%", text + html.partition("<body")[2])
    assert sorted(map(str, page.links)) == sorted(map(str, links + verify))
    assert set(re.findall(r"https?://[^\s\"'<>)]*", text)) == set(links + verify)
    addresses = set(re.findall(r"""(?:[\w+.-]+:)?//[^\s"'<>)]*""", html))
    assert addresses == {*links, *verify, NAMESPACE}
    assert not {"img", "link", "script", "iframe"} & set(page.tags)
    assert not re.search(r"url\(|@import|@font-face", html)


def test_a_language_that_is_not_there_is_english() -> None:
    assert compose("invitation", lang="xx") == compose("invitation")


@each_kind
def test_names_of_products_and_numbers_of_orders_carry_no_address(kind: str) -> None:
    """Nothing in them is what a mail program turns into a link."""
    evil = "pay at https://evil.example/a or www.Evil.Shop or bill@evil.example"
    found = example(kind)
    lines = (OrderLine(id=1, name=evil),)
    order = found.order and replace(found.order, id_order=evil, reference=evil, lines=lines)
    reviews = tuple(replace(review, product_name=evil) for review in found.reviews)
    composed = compose(replace(found, order=order, reviews=reviews))
    for words in (part(composed, "plain"), Page(composed).words):
        assert not re.search(r"(?i)evil\.\w|://evil|www\.\w|@evil", words)
    assert "evil" in part(composed, "plain") or kind not in SHOWING_NAMES


SHOWING_NAMES = ("digest", "invitation", "receipt", "rejection", "reply", "withdrawal")
"""Kinds that name a product or an order."""


@each_kind_to_a_customer
def test_a_shop_without_an_address_or_a_site_is_not_linked_to(kind: str) -> None:
    composed = compose(kind, replace(ALBA, email=None))
    assert read(composed).keys() == fields_of(kind, "Reply-To")
    assert "just reply" in text_of(kind) and "just reply" not in part(composed, "plain")
    for site in (None, "javascript:alert(1)", "https://alba.example/" + "é" * 500, "https://alba.example/ x"):
        composed = compose(kind, replace(ALBA, site=site))
        assert set(Page(composed).links) <= set(LINKS)
        assert "Visit the shop" not in part(composed, "plain") + Page(composed).words


@each_kind
def test_addresses_beyond_ascii(kind: str) -> None:
    domain = compose(kind, email="clara@núñez.example")
    assert (domain.recipient, domain.needs_smtputf8) == ("clara@xn--nez-7ma8b.example", False)
    assert domain.content.isascii()

    local = compose(kind, email="clárá@nunez.example")
    assert (local.recipient, local.needs_smtputf8) == ("clárá@nunez.example", True)
    assert "<clárá@nunez.example>\r\n".encode() in local.content

    of_shop = compose(kind, replace(ALBA, email="álba@alba.example"))
    assert of_shop.content.isascii() and "Reply-To" not in read(of_shop)


@each_kind
@pytest.mark.parametrize(
    "address", ["clara", "clara@nunez.example\r\nBcc: eve@x.example", "a@b.example>, <c@d.example"]
)
def test_nothing_goes_to_what_is_not_an_address(kind: str, address: str) -> None:
    with pytest.raises(AddressError):
        compose(kind, email=address)


@each_kind_to_a_customer
@pytest.mark.parametrize(
    "link",
    ["/r/1/abc", "https://x.example/\r\nBcc: e@x.example", "https://x.example/>", "https://é.example/"],
)
def test_a_link_that_cannot_be_written_in_a_message_is_refused(kind: str, link: str) -> None:
    for name in ("review", "unsubscribe", "verify"):
        with pytest.raises(ValueError, match="cannot be written in a message"):
            compose(kind, links=LINKS._replace(**{name: link}))


@pytest.mark.parametrize("kind", sorted(set(KINDS) - set(TO_CUSTOMER)))
def test_a_link_to_the_dashboard_that_cannot_be_written_in_a_message_is_refused(kind: str) -> None:
    for link in ("/r/1/abc", "https://x.example/\r\nBcc: e@x.example", "https://x.example/>"):
        with pytest.raises(ValueError, match="cannot be written in a message"):
            compose(kind, links=LINKS._replace(dashboard=link))


def test_links_are_those_of_the_order_and_its_mode() -> None:
    def linked(message: Message) -> Links:
        return links_of(message, ALBA, "https://reviews.example", "secret")

    links = linked(example("invitation"))
    test_mode = linked(replace(example("invitation"), live=False))

    assert [link.rpartition("/")[0] for link in links if link] == [
        "https://reviews.example/r/1",
        "https://reviews.example/u/1",
        "https://reviews.example/s/1",
    ]
    assert test_mode.verify == "https://reviews.example/s/1/test/verify"
    assert not set(links) & set(test_mode) - {""}
    assert linked(example("receipt")) == links
    assert linked(example("digest")) == (
        "",
        "",
        links.verify,
        "https://reviews.example/dashboard/1/moderation",
    )
    voided = linked(message("invitation", replace(ORDER, voided=1)))
    assert voided.review != links.review and voided.unsubscribe == links.unsubscribe


@each_kind
def test_a_message_with_a_forged_header_is_not_given_out(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composing, "mailbox_field", lambda *_: "To: Clara\r\nBcc: eve@x.example")

    with pytest.raises(HeaderError):
        compose(kind)


@pytest.mark.parametrize("host", ["", "reviews example", "x>\r\nBcc: e@x.example", "a..b"])
def test_a_host_that_is_none_is_refused_at_start(host: str) -> None:
    with pytest.raises(ValueError, match="not a host name"):
        Composer("reviews@afterword.example", host)


def test_hosts_of_every_kind_make_a_message_id() -> None:
    for host, written in (
        ("[::1]", "--1"),
        ("localhost", "localhost"),
        ("bäckerei.example", "xn--bckerei-5wa.example"),
    ):
        composed = compose("invitation", composer=Composer("reviews@afterword.example", host))
        assert read(composed)["Message-ID"].endswith(f"@{written}>")


@each_kind_to_a_customer
@pytest.mark.parametrize(
    "name", ["www.evil.example", "Visit https://evil.example/now", "evil.example", "eve@evil.example"]
)
def test_a_name_that_looks_like_an_address_is_not_shown(kind: str, name: str) -> None:
    composed = compose(kind, firstname=name, lastname=name)

    assert "evil" not in part(composed, "plain") + Page(composed).words
    assert part(composed, "plain").startswith("Hello,\n")


@each_kind_to_a_customer
def test_marks_in_a_value_are_shown_as_they_are_and_turned_writing_is_not(kind: str) -> None:
    marks = "{{ 7 * 7 }} {% if %} [[ _ ]] %(shop)s {shop} <b> &amp;"
    composed = compose(kind, firstname=marks)

    assert f"Hello {marks}," in part(composed, "plain") and marks in Page(composed).words
    assert "Hello Clara," in text_of(kind, firstname="Cla\u202era\u2066")


@each_kind
def test_a_language_from_right_to_left_turns_it_round(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "he.po").write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\nmsgid "Hello,"\nmsgstr "שלום,"\n',
        "utf-8",
    )
    monkeypatch.setattr(composing, "catalogues", lambda: read_catalogues(tmp_path))
    composer = Composer("reviews@afterword.example", "reviews.example")
    composed = compose(kind, composer=composer, firstname="", lang="he")
    html = part(composed, "html")

    assert '<html lang="he" dir="rtl"' in html
    assert "direction:ltr" not in html
    assert all('class="qty"' in tag for tag in re.findall(r"<[^>]*text-align:left", html))
    assert part(composed, "plain").startswith("שלום,") == (kind in TO_CUSTOMER)
