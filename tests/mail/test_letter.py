import email
import email.message
import email.policy
import html.parser
import os
import re

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterword.domain.invitations import Invitation, message_id
from afterword.domain.orders.order import OrderLine
from afterword.domain.shops import Shop
from afterword.mail import letter as letters
from afterword.mail.headers import AddressError, HeaderError
from afterword.mail.letter import Composer, Links
from afterword.mail.stationery import Letter

SCALE = int(os.environ.get("AFTERWORD_TEST_SCALE", "1"))

NOW = 1_772_374_326.7
LINKS = Links("https://reviews.alba.example/r/1/abc", "https://reviews.alba.example/u/1/def")
SALT = "5a" * 16
NAMESPACE = "http://www.w3.org/1999/xhtml"
CLIPPED_AT = 102 * 1024

FIELDS = [
    "From",
    "Reply-To",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
]

ALBA = Shop(
    id=1,
    name="Alba's bakery",
    lang="en",
    site="https://alba.example/",
    timezone="Europe/Madrid",
    email="hello@alba.example",
    delay=864_000,
    salt=SALT,
)
CLARAS = Invitation(
    id=7,
    shop_id=1,
    live=True,
    tries=0,
    first_try_at=None,
    due_at=1_772_374_326,
    id_order="1234",
    reference=None,
    order_date="2026-02-18 10:00:00",
    firstname="Clara",
    lastname="Núñez",
    email="clara@nunez.example",
    lang="en",
    lines=(
        OrderLine(id=1, name="Sourdough loaf", qty=2),
        OrderLine(id=2, name="Rye and walnut loaf, sliced, 1 kg", qty=1),
        OrderLine(id=3, name="Crème brûlée tartlets, box of six", qty=3),
    ),
)

COMPOSER = Composer("Reviews <reviews@afterword.example>", "reviews.example")


def compose(
    invitation: Invitation = CLARAS,
    shop: Shop = ALBA,
    composer: Composer = COMPOSER,
    links: Links = LINKS,
    **changes,
) -> Letter:
    return composer.compose(msgspec.structs.replace(invitation, **changes), shop, links, NOW)


def read(letter: Letter) -> email.message.EmailMessage:
    return email.message_from_bytes(letter.content, policy=email.policy.default)


def text_of(letter: Letter) -> str:
    return read(letter).get_body(("plain",)).get_content().replace("\r\n", "\n")


class Page(html.parser.HTMLParser):
    """What a mail program sees of the HTML part: its tags, its links and its words."""

    def __init__(self, letter: Letter) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.links: list[str | None] = []
        self.words = ""
        self.feed(read(letter).get_body(("html",)).get_content())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "a":
            self.links.append(dict(attrs)["href"])

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_header_is_exactly_what_it_should_be() -> None:
    header, _, _ = compose(firstname="Clara", lastname="Nunez").content.partition(b"\r\n\r\n")

    assert header.decode("ascii").split("\r\n") == [
        "From: Reviews <reviews@afterword.example>",
        "Reply-To: Alba's bakery <hello@alba.example>",
        "To: Clara Nunez <clara@nunez.example>",
        "Subject: How was your order from Alba's bakery?",
        "Date: Sun, 01 Mar 2026 14:12:06 +0000",
        f"Message-ID: {message_id(SALT, live=True, id_order='1234', host='reviews.example')}",
        "List-Unsubscribe: <https://reviews.alba.example/u/1/def>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        "Content-Type: multipart/alternative;",
        f' boundary="=_{message_id(SALT, live=True, id_order="1234", host="x")[1:33]}"',
        "Content-Transfer-Encoding: 7bit",
    ]


def test_the_envelope_and_the_header_agree() -> None:
    letter = compose()

    assert letter.sender == "reviews@afterword.example"
    assert letter.recipient == "clara@nunez.example"
    assert read(letter)["To"].addresses[0].addr_spec == letter.recipient
    assert read(letter)["To"].addresses[0].display_name == "Clara Núñez"
    assert read(letter)["Message-ID"] == letter.message_id


def test_the_same_invitation_gives_the_same_bytes() -> None:
    assert compose() == compose()
    assert compose(id_order="1235").message_id != compose().message_id
    assert compose(live=False).message_id != compose().message_id


def test_the_shop_signs_when_the_sender_has_no_name() -> None:
    letter = compose(composer=Composer("reviews@afterword.example", "reviews.example"))

    assert read(letter)["From"] == "Alba's bakery <reviews@afterword.example>"
    assert "because you placed an order with Alba's bakery" in text_of(letter)
    assert "Reviews writes to you on behalf of Alba's bakery" in text_of(compose())


def test_a_shop_without_an_address_gets_no_reply_field() -> None:
    letter = compose(shop=msgspec.structs.replace(ALBA, email=None))

    assert read(letter).keys() == [name for name in FIELDS if name != "Reply-To"]
    assert "simply reply" not in text_of(letter)
    assert "simply reply" in text_of(compose())


def test_the_text_says_who_asks_about_what_and_how_to_stop() -> None:
    assert text_of(compose()) == (
        "Hello Clara,\n\n"
        "Thank you for choosing Alba's bakery.\n"
        "Good or bad, we would love to know what you think of your order.\n"
        "Two minutes are enough, and your words help others choose.\n\n"
        "Write my review:\nhttps://reviews.alba.example/r/1/abc\n\n"
        "Order 1234, placed on February 18, 2026\n"
        "- 2 x Sourdough loaf\n"
        "- Rye and walnut loaf, sliced, 1 kg\n"
        "- 3 x Crème brûlée tartlets, box of six\n\n"
        "Your review will be public, with Clara N. as its only signature.\n"
        "Your surname and your e-mail address are never shown.\n"
        "Only you can change your words or withdraw them, and you can at any time.\n"
        "The review page says how reviews are checked and published.\n\n"
        "Reviews writes to you on behalf of Alba's bakery, where you placed this order.\n"
        "There is one such e-mail for each order, and no reminder.\n"
        "To write to the shop, simply reply.\n\n"
        "Stop these e-mails:\nhttps://reviews.alba.example/u/1/def\n\n"
        "Visit the shop:\nhttps://alba.example/\n"
    )


def test_the_page_says_the_same() -> None:
    words = " ".join(Page(compose()).words.split())

    for piece in (
        "Hello Clara,",
        "Order 1234, placed on February 18, 2026",
        "Sourdough loaf × 2",
        "Crème brûlée tartlets, box of six × 3",
        "with Clara N. as its only signature. Your surname and your e-mail address are never shown. Only",
        "Reviews writes to you on behalf of Alba's bakery, where you placed this order. There is",
        "and no reminder. To write to the shop, simply reply.",
        "Write my review",
        "Stop these e-mails",
    ):
        assert piece in words


def test_a_letter_is_in_the_language_of_its_order() -> None:
    letter = compose(lang="fr")

    assert read(letter)["Subject"] == "Que pensez-vous de votre commande chez Alba's bakery\u00a0?"
    assert "Commande 1234 du 18 février 2026" in text_of(letter)
    assert '<html lang="fr"' in read(letter).get_body(("html",)).get_content()
    assert read(compose(lang="xx"))["Subject"] == "How was your order from Alba's bakery?"


def test_a_reference_is_shown_before_an_id() -> None:
    assert "Order XKBKNABJK, placed" in text_of(compose(reference="XKBKNABJK"))


@pytest.mark.parametrize(
    ("count", "named", "more"), [(0, 0, 0), (10, 10, 0), (11, 11, 0), (12, 10, 2), (1000, 10, 990)]
)
def test_a_long_order_is_shortened(count: int, named: int, more: int) -> None:
    text = text_of(compose(lines=tuple(OrderLine(id=n, name=f"Loaf {n}") for n in range(count))))

    assert len(re.findall(r"^- Loaf \d+$", text, re.MULTILINE)) == named
    assert re.findall(r"^- and (\d+) more products$", text, re.MULTILINE) == ([str(more)] if more else [])


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_no_foreign_address_is_in_a_letter(lang: str) -> None:
    letter = compose(lang=lang)
    page = read(letter).get_body(("html",)).get_content()
    addresses = set(re.findall(r"""(?:[\w+.-]+:)?//[^\s"'<>)]*""", page + text_of(letter)))

    assert addresses == {LINKS.review, LINKS.unsubscribe, ALBA.site, NAMESPACE}
    assert Page(letter).links == [LINKS.review, LINKS.unsubscribe, ALBA.site]
    assert not {"img", "link", "script", "iframe"} & set(Page(letter).tags)
    assert not re.search(r"url\(|@import|@font-face", page)


def test_a_shop_without_a_site_gets_no_link_to_it() -> None:
    for site in (None, "javascript:alert(1)", "https://alba.example/" + "é" * 500, "https://alba.example/ x"):
        letter = compose(shop=msgspec.structs.replace(ALBA, site=site))
        assert Page(letter).links == [LINKS.review, LINKS.unsubscribe]
        assert "Visit the shop" not in text_of(letter)


def test_a_non_ascii_domain_needs_nothing_special() -> None:
    letter = compose(email="clara@núñez.example")

    assert letter.recipient == "clara@xn--nez-7ma8b.example"
    assert not letter.needs_smtputf8
    assert letter.content.isascii()


def test_a_non_ascii_local_part_needs_smtputf8() -> None:
    letter = compose(email="clárá@nunez.example")

    assert letter.recipient == "clárá@nunez.example"
    assert letter.needs_smtputf8
    assert "<clárá@nunez.example>\r\n".encode() in letter.content


def test_a_shop_s_non_ascii_address_does_not_burden_its_letters() -> None:
    letter = compose(shop=msgspec.structs.replace(ALBA, email="álba@alba.example"))

    assert letter.content.isascii()
    assert "Reply-To" not in read(letter)


@pytest.mark.parametrize(
    "address", ["clara", "clara@nunez.example\r\nBcc: eve@x.example", "a@b.example>, <c@d.example"]
)
def test_no_letter_goes_to_what_is_no_address(address: str) -> None:
    with pytest.raises(AddressError):
        compose(email=address)


@pytest.mark.parametrize(
    "link",
    ["/r/1/abc", "https://x.example/\r\nBcc: e@x.example", "https://x.example/>", "https://é.example/"],
)
def test_a_link_that_cannot_stand_in_a_header_is_refused(link: str) -> None:
    with pytest.raises(ValueError, match="cannot stand in a letter"):
        compose(links=Links(LINKS.review, link))
    with pytest.raises(ValueError, match="cannot stand in a letter"):
        compose(links=Links(link, LINKS.unsubscribe))


def test_an_invitation_with_a_forged_header_is_not_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "mailbox_field", lambda *_: "To: Clara\r\nBcc: eve@x.example")

    with pytest.raises(HeaderError):
        compose()


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
        letter = compose(composer=Composer("reviews@afterword.example", host))
        assert letter.message_id.endswith(f"@{written}>")


@pytest.mark.parametrize(
    "name", ["www.evil.example", "Visit https://evil.example/now", "evil.example", "eve@evil.example"]
)
def test_a_name_that_looks_like_an_address_is_not_shown(name: str) -> None:
    letter = compose(firstname=name, lastname=name)

    assert "evil" not in text_of(letter)
    assert "evil" not in Page(letter).words
    assert text_of(letter).startswith("Hello,\n")
    assert "signed with your first name and initial" in text_of(letter)


def test_values_that_turn_the_writing_direction_are_made_harmless() -> None:
    letter = compose(firstname="Cla\u202era\u2066", reference="12\u202d34")

    assert "Hello Clara," in text_of(letter)
    assert "Order 1234," in text_of(letter)


def test_marks_in_a_value_are_shown_as_they_stand() -> None:
    marks = "{{ 7 * 7 }} {% if %} [[ _ ]] %(shop)s {shop} <b> &amp;"
    letter = compose(firstname=marks)

    assert f"Hello {marks}," in text_of(letter)
    assert marks in Page(letter).words


def test_the_largest_letter_is_below_the_size_that_is_clipped() -> None:
    worst = "\U0010fffd" * 2000
    letter = compose(
        shop=msgspec.structs.replace(ALBA, name=worst, site="https://alba.example/" + "é" * 100),
        links=Links("https://alba.example/" + "&" * 175, "https://alba.example/" + "x" * 875),
        firstname=worst,
        lastname=worst,
        reference=worst,
        lang="fr",
        lines=tuple(OrderLine(id=n, name=worst, qty=2**63 - 1) for n in range(1000)),
    )

    assert len(letter.content) < CLIPPED_AT
    check_wire(letter)


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
orders = st.builds(
    dict,
    firstname=hostile,
    lastname=hostile,
    reference=st.none() | hostile,
    id_order=hostile,
    order_date=hostile | st.just("2026-02-18 10:00:00"),
    lang=st.sampled_from(["en", "fr", "pt-br"]) | hostile,
    lines=st.lists(
        st.builds(OrderLine, id=st.just(1), name=hostile, qty=st.none() | st.integers(0, 2**63 - 1)),
        max_size=13,
    ).map(tuple),
)
shops = st.builds(
    Shop,
    id=st.just(1),
    name=hostile,
    lang=st.just("en"),
    site=st.none() | hostile | hostile.map("https://".__add__),
    timezone=st.just("UTC"),
    email=st.none() | hostile | st.just("hello@alba.example"),
    delay=st.just(1),
    salt=st.just(SALT),
)


def check_wire(letter: Letter) -> None:
    """What every letter keeps on the wire (RFC 5322 2.1.1 and 2.3)."""
    assert letter.content.isascii()
    assert letter.content.endswith(b"\r\n")
    assert letter.content.count(b"\r") == letter.content.count(b"\n") == letter.content.count(b"\r\n")
    assert b"\0" not in letter.content
    assert max(map(len, letter.content.split(b"\r\n"))) <= 998


@settings(max_examples=300 * SCALE, deadline=None)
@given(orders, shops)
def test_any_values_give_a_letter_with_nothing_added(values: dict[str, object], shop: Shop) -> None:
    """Guarantee 7: there are no poison orders."""
    letter = compose(shop=shop, **values)

    check_wire(letter)
    assert len(letter.content) < CLIPPED_AT
    check_messages(
        letter, [name for name in FIELDS if name != "Reply-To" or b"\r\nReply-To:" in letter.content]
    )
    check_page(letter, shop)


def check_messages(letter: Letter, fields: list[str]) -> None:
    for policy in (email.policy.default, email.policy.compat32):
        message = email.message_from_bytes(letter.content, policy=policy)
        assert message.keys() == fields
        assert not message.defects
        assert [part.get_content_type() for part in message.get_payload()] == ["text/plain", "text/html"]
        assert [part.keys() for part in message.get_payload()] == [FIELDS[-2:]] * 2
        assert not any(part.defects for part in message.get_payload())
    assert [address.addr_spec for address in read(letter)["To"].addresses] == ["clara@nunez.example"]
    assert not set(str(read(letter)["Subject"])) & set("\r\n\0\u2028\u2029")


def check_page(letter: Letter, shop: Shop) -> None:
    page, plain = Page(letter), Page(compose())
    assert set(page.tags) <= set(plain.tags)
    assert page.attributes <= plain.attributes | {"colspan"}
    assert page.links in ([LINKS.review, LINKS.unsubscribe], [LINKS.review, LINKS.unsubscribe, shop.site])
