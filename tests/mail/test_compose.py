"""What every kind of e-mail keeps: its header, its links and its size, whatever is in its values."""

import email
import email.policy
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from afterword.domain.messages import Message, Recipient
from afterword.domain.orders.order import OrderLine
from afterword.domain.shops import Shop
from afterword.i18n.catalogue import catalogues, read_catalogues
from afterword.mail import compose as composing
from afterword.mail.compose import Composer
from afterword.mail.headers import AddressError, HeaderError
from afterword.mail.links import Linker
from afterword.mail.transport import ComposedMessage
from tests.mail.conftest import (
    ALBA,
    CLIPPED_AT,
    COMPOSER,
    KINDS,
    LINKS,
    NOW,
    SCALE,
    TO_CUSTOMER,
    Page,
    compose,
    example,
    part,
    read,
    text_of,
)

NAMESPACE = "http://www.w3.org/1999/xhtml"

each_kind = pytest.mark.parametrize("kind", KINDS)
each_kind_to_a_customer = pytest.mark.parametrize("kind", TO_CUSTOMER)


def fields_of(kind: str, *without: str) -> list[str]:
    """The names of the header fields that a kind has."""
    unsubscribe = ["List-Unsubscribe", "List-Unsubscribe-Post"] if kind in TO_CUSTOMER else []
    fields = ["From", "Reply-To", "To", "Subject", "Date", "Message-ID", *unsubscribe, "Auto-Submitted"]
    fields += ["MIME-Version", "Content-Type", "Content-Transfer-Encoding"]
    return [name for name in fields if name not in without]


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
    assert composed.message_id == f"<{mark}@reviews.example>"


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        ("invitation", "How was your order from Alba's bakery?"),
        ("receipt", "Thank you for your review of Alba's bakery"),
        ("rejection", "Your review of Alba's bakery was not published"),
        ("reply", "Alba's bakery has replied to your review"),
        ("digest", "Alba's bakery: 14 reviews are waiting for you"),
    ],
)
def test_a_subject_says_what_it_is_about_in_none_of_the_customers_words(kind: str, subject: str) -> None:
    assert read(compose(kind))["Subject"] == subject


@each_kind
def test_the_envelope_and_the_header_agree(kind: str) -> None:
    composed = compose(kind)
    [to] = read(composed)["To"].addresses

    assert composed.sender == "reviews@afterword.example"
    assert to.addr_spec == composed.recipient == example(kind).recipient.email
    assert to.display_name == ("Clara Núñez" if kind in TO_CUSTOMER else "Alba's bakery")


@each_kind
def test_the_same_message_gives_the_same_bytes_and_another_one_another_id(kind: str) -> None:
    found = example(kind)
    order = found.order and replace(found.order, id_order="1235")
    others = replace(found, live=False), replace(found, id=found.id + 1, order=order)

    assert compose(kind) == compose(kind)
    assert len({compose(one).message_id for one in (found, *others)}) == 3


@each_kind
@pytest.mark.parametrize("lang", sorted(catalogues()))
def test_every_language_has_all_of_it_and_no_foreign_address(kind: str, lang: str) -> None:
    composed = compose(kind, lang=lang)
    text, html = part(composed, "plain"), part(composed, "html")
    page = Page(composed)
    links = [LINKS.review, LINKS.unsubscribe, ALBA.site] if kind in TO_CUSTOMER else []
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
    for name in LINKS._fields:
        with pytest.raises(ValueError, match="cannot be written in a message"):
            compose(kind, links=LINKS._replace(**{name: link}))


def test_links_are_those_of_the_order_and_its_mode() -> None:
    linker = Linker("https://reviews.example", "secret")
    links = linker.links(example("invitation"), ALBA)
    test_mode = linker.links(replace(example("invitation"), live=False), ALBA)

    assert [link.rpartition("/")[0] for link in links] == [
        "https://reviews.example/r/1",
        "https://reviews.example/u/1",
        "https://reviews.example/s/1",
    ]
    assert test_mode.verify == "https://reviews.example/s/1/test/verify"
    assert not set(links) & set(test_mode)
    assert linker.links(example("receipt"), ALBA) == links
    assert linker.links(example("digest"), ALBA) == ("", "", links.verify)


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
        assert composed.message_id.endswith(f"@{written}>")


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
    assert (
        html.count("text-align:left")
        == html.count('class="qty" style="padding:13px 0;border-top:1px solid #ece6db;text-align:left')
        == 3 * (kind == "invitation")
    )
    assert part(composed, "plain").startswith("שלום,") == (kind in TO_CUSTOMER)


TRICKS = [
    "\r\nBcc: eve@evil.example",
    "\r\n\r\n<html>",
    "\nFrom: a@b.example",
    "\rX: y",
    "\x00",
    "\x0b\x0c\x1c\x1d\x1e",
    "\x85",
    "\u2028Bcc: x",
    "\u2029",
    "\ud800",
    "\udfff",
    "\u202e",
    "\u2066",
    "=?utf-8?q?=0d=0aBcc:_eve=40evil.example?=",
    "=?utf-8?b?DQpCY2M6IHhAeQ==?=",
    "=?",
    '"',
    "\\",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    '"><a href="https://evil.example">',
    "</bdi></td></table>",
    "<!--",
    "]]>",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "[[ _ ]]",
    "%(shop)s",
    "--=_",
    "\r\n.\r\n",
    "\r\n--=_",
    "&lt;b&gt;",
    "&#13;&#10;",
    "王" * 40,
    "👩‍👩‍👧‍👦",
    "e" + "\u0301" * 300,
    "\ufeff",
    "\U0010ffff",
    "x" * 2000,
    " " * 90,
]
hostile = st.lists(st.sampled_from(TRICKS) | st.text(max_size=30), min_size=1, max_size=6).map("".join)
shops = st.builds(
    Shop,
    id=st.just(1),
    name=hostile,
    lang=st.just("en"),
    site=st.none() | hostile | hostile.map("https://".__add__),
    timezone=st.just("UTC"),
    email=st.none() | hostile | st.just("hello@alba.example"),
    delay=st.just(1),
    salt=st.just(ALBA.salt),
)
order_lines = st.lists(
    st.builds(OrderLine, id=st.just(1), name=hostile, qty=st.none() | st.integers(0, 2**63 - 1)), max_size=13
).map(tuple)


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """The example of any kind, with every text in it replaced."""
    found = example(draw(st.sampled_from(KINDS)))
    lang = draw(st.sampled_from(["en", "fr", "pt-br"]) | hostile)
    recipient = Recipient("clara@nunez.example", lang, draw(hostile), draw(hostile))
    order = found.order and replace(
        found.order,
        id_order=draw(hostile),
        reference=draw(st.none() | hostile),
        order_date=draw(hostile | st.just("2026-02-18 10:00:00")),
        lines=draw(order_lines),
    )
    reviews = tuple(
        replace(one, product_name=draw(st.none() | hostile), text=draw(hostile), reply=draw(hostile))
        for one in found.reviews
    )
    return replace(found, recipient=recipient, order=order, reviews=reviews)


@settings(max_examples=400 * SCALE, deadline=None)
@given(messages(), shops)
def test_any_values_give_a_message_with_nothing_added(message: Message, shop: Shop) -> None:
    """Guarantee 7: there are no poison orders, and no poison reviews."""
    composed = COMPOSER.compose(message, shop, LINKS, NOW)

    check_wire(composed)
    has_reply_to = b"\r\nReply-To:" in composed.content
    check_structure(composed, fields_of(message.kind, "" if has_reply_to else "Reply-To"))
    check_page(Page(composed), Page(compose(message.kind)), shop)


def check_wire(composed: ComposedMessage) -> None:
    """What every message keeps on the wire (RFC 5322 2.1.1 and 2.3)."""
    content = composed.content
    assert content.isascii() and content.endswith(b"\r\n") and b"\0" not in content
    assert content.count(b"\r") == content.count(b"\n") == content.count(b"\r\n")
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert len(content) < CLIPPED_AT


def check_structure(composed: ComposedMessage, fields: list[str]) -> None:
    for policy in (email.policy.default, email.policy.compat32):
        message = email.message_from_bytes(composed.content, policy=policy)
        assert message.keys() == fields
        assert not message.defects
        parts = message.get_payload()
        assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
        assert [part.keys() for part in parts] == [fields[-2:]] * 2
        assert not any(part.defects for part in parts)
    assert [address.addr_spec for address in read(composed)["To"].addresses] == ["clara@nunez.example"]
    assert not set(str(read(composed)["Subject"])) & set("\r\n\0\u2028\u2029")


def check_page(page: Page, usual: Page, shop: Shop) -> None:
    assert set(page.tags) <= set(usual.tags) | {"p", "bdi"}
    assert page.attributes <= usual.attributes | {"colspan"}
    assert page.links in (usual.links, [*usual.links[:-1], shop.site], usual.links[:-1])
    assert not set(page.words) & set("\u202e\u2066\0")
