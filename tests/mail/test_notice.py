"""The letters about reviews, in every kind and language, with whatever is said in them."""

import email
import email.policy
import os
import re
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from afterword.domain.reviews.moderation import REJECTION_REASONS
from afterword.domain.shops import Shop
from afterword.i18n.catalogue import read_catalogues
from afterword.i18n.reasons import REASONS_IN_WORDS
from afterword.mail import notice as notices
from afterword.mail.headers import HeaderError
from afterword.mail.notice import (
    HEADINGS,
    Content,
    Kept,
    NoticeComposer,
    Reader,
    Receipt,
    Rejected,
    Reply,
    Waiting,
    WaitingReview,
)
from afterword.mail.stationery import Letter
from tests.mail.test_letter import ALBA, CLIPPED_AT, FIELDS, LINKS, NOW, Page

SCALE = int(os.environ.get("AFTERWORD_TEST_SCALE", "1"))
COMPOSER = NoticeComposer("Reviews <reviews@afterword.example>", "reviews.example")
CLARA = Reader("clara@nunez.example", "en", "Clara", "Núñez", *LINKS)
TO_SHOP = Reader("hello@alba.example", "en")
VERIFY = "https://reviews.alba.example/s/1/verify"
MARK = "0123456789abcdef" * 2

KEPT = Kept("Rye bread", 4, "Good bread.\n\nMy family likes it.", "ab" * 32, "cd" * 16)
RECEIPT = Receipt([KEPT], True, VERIFY)
REJECTED = Rejected("Rye bread", "personal data")
REPLY = Reply("", "Thank you, Clara!\nCome again.")
WAITING = Waiting(14, [WaitingReview(1025, "", 4, "2026-03-08"), WaitingReview(2049, "Seed rolls", 1, "")])
KINDS: list[Content] = [RECEIPT, REJECTED, REPLY, WAITING]


def compose(content: Content, shop: Shop = ALBA, reader: Reader | None = None, **changes: str) -> Letter:
    usual = TO_SHOP if isinstance(content, Waiting) else CLARA
    return COMPOSER.compose(content, shop, (reader or usual)._replace(**changes), MARK, NOW)


def read(letter: Letter) -> EmailMessage:
    found = email.message_from_bytes(letter.content, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def part(letter: Letter, kind: str) -> str:
    found = read(letter).get_body((kind,))
    assert found is not None
    content: str = found.get_content()
    return content.replace("\r\n", "\n")


def text_of(content: Content, **changes: str) -> str:
    return part(compose(content, **changes), "plain")


@pytest.mark.parametrize("content", KINDS, ids=lambda content: content.kind)
def test_the_header_is_exactly_what_it_should_be(content: Content) -> None:
    letter = compose(content)
    to_shop = isinstance(content, Waiting)
    wanted = [field for field in FIELDS if not (to_shop and field.startswith("List-Unsubscribe"))]
    assert list(read(letter).keys()) == wanted
    assert read(letter)["Auto-Submitted"] == "auto-generated"
    assert read(letter)["Message-ID"] == letter.message_id == f"<{MARK}@reviews.example>"
    assert read(letter)["List-Unsubscribe"] == (None if to_shop else f"<{LINKS.unsubscribe}>")


@pytest.mark.parametrize("content", KINDS, ids=lambda content: content.kind)
def test_the_same_notice_is_the_same_bytes_each_time(content: Content) -> None:
    assert compose(content) == compose(content)


@pytest.mark.parametrize(
    ("content", "subject"),
    [
        (RECEIPT, "Alba's bakery: thank you for your review"),
        (REJECTED, "Alba's bakery: your review was not published"),
        (REPLY, "Alba's bakery has replied to your review"),
        (WAITING, "Alba's bakery: reviews wait for you"),
    ],
)
def test_a_subject_says_what_it_is_about_in_none_of_the_customers_words(
    content: Content, subject: str
) -> None:
    assert str(read(compose(content))["Subject"]) == subject


@pytest.mark.parametrize("content", KINDS, ids=lambda content: content.kind)
@pytest.mark.parametrize("lang", sorted(read_catalogues()))
def test_every_language_says_the_same(content: Content, lang: str) -> None:
    letter = compose(content, lang=lang)
    catalogue = read_catalogues()[lang]
    assert catalogue.gettext(HEADINGS[content.kind]) in Page(letter).words
    assert "{{" not in part(letter, "plain") + part(letter, "html")
    links = re.findall(r"https?://\S+", part(letter, "plain"))
    wanted = [LINKS.review, LINKS.unsubscribe, "https://alba.example/"]
    assert links == ([] if content is WAITING else [VERIFY] * (content is RECEIPT) + wanted)


def test_french_is_french() -> None:
    said = text_of(REJECTED, lang="fr")
    assert "Le motif\u00a0: données personnelles d’autrui, ou moyen de joindre une personne." in said
    assert "Bonjour Clara," in said


def test_a_receipt_has_the_words_the_hash_and_the_salt_of_each_review() -> None:
    said = text_of(RECEIPT)
    assert "* Rye bread: ★★★★☆\n> Good bread.\n>\n> My family likes it.\nReceipt: " + "ab" * 32 in said
    assert "Salt: " + "cd" * 16 in said and VERIFY in said
    assert "They are public now." in said
    page = Page(compose(RECEIPT))
    assert "Good bread." in page.words and "ab" * 32 in page.words and VERIFY in page.links


def test_a_receipt_of_words_that_others_have_replaced_stands_without_them() -> None:
    said = text_of(Receipt([KEPT._replace(text=None)], False, VERIFY))
    assert ">" not in said and "ab" * 32 in said
    assert "Somebody looks at them before they are public" in said


@pytest.mark.parametrize("reason", REJECTION_REASONS)
def test_a_rejection_says_the_reason_in_words_and_that_it_can_be_written_again(reason: str) -> None:
    said = text_of(Rejected("", reason))
    assert f"The reason: {REASONS_IN_WORDS[reason]}." in said
    assert f"Write it again:\n{LINKS.review}" in said
    assert "It was about" not in said and "It was about: Rye bread" in text_of(REJECTED)


def test_a_reply_stands_in_the_letter_line_by_line() -> None:
    assert "> Thank you, Clara!\n> Come again.\n" in text_of(REPLY)


def test_a_shop_is_told_how_many_wait_and_what_to_type() -> None:
    said = text_of(WAITING)
    assert "14 reviews of Alba's bakery wait for somebody to look at them." in said
    assert "* 1025: Alba's bakery, ★★★★☆\npublishes itself on March 8, 2026\n" in said
    assert "* 2049: Seed rolls, ★☆☆☆☆\nwaits until somebody has decided\n" in said
    assert "and 12 more" in said and "afterword review publish 1025" in said
    assert "afterword review list 1 --state waiting\n" in said
    assert "--state waiting --test\n" in text_of(WAITING._replace(live=False))
    one = text_of(Waiting(1, WAITING.reviews[:1]))
    assert "One review of Alba's bakery waits" in one and "more" not in one


def test_many_long_reviews_stay_below_what_is_clipped() -> None:
    for sign in ("a", "é", "字", "😀", "<", "&", "="):
        kept = [KEPT._replace(text=sign * 5_000, about=sign * 500)] * 200
        letter = compose(Receipt(kept, True, VERIFY))
        assert len(letter.content) < CLIPPED_AT
        assert "and 190 more" in part(letter, "plain")
        assert part(letter, "plain").count("Receipt: ") == 10
        assert len(compose(Reply("", sign * 5_000)).content) < CLIPPED_AT
        assert len(compose(Reply("", f"{sign}\n" * 2_500)).content) < CLIPPED_AT


def test_no_line_is_longer_than_a_line_may_be() -> None:
    for content in (Reply("", "a" * 5_000), Receipt([KEPT._replace(text="=" * 5_000)], True, VERIFY)):
        assert max(map(len, compose(content).content.split(b"\r\n"))) <= 998


def test_a_letter_with_a_forged_header_is_not_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "mailbox_field", lambda *_: "To: Clara\r\nBcc: eve@x.example")
    with pytest.raises(HeaderError):
        compose(RECEIPT)


def test_a_link_that_cannot_stand_in_a_letter_is_refused() -> None:
    with pytest.raises(ValueError, match="link"):
        compose(RECEIPT, review="javascript:alert(1)")
    with pytest.raises(ValueError, match="link"):
        compose(RECEIPT, unsubscribe="https://x.example/\r\nBcc: eve@x.example")


HOSTILE = (
    "Clara\r\nBcc: eve@x.example",
    "a\n\n.\r\n",
    "=?utf-8?q?=0d=0aBcc:_eve=40x.example?=",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    '"><a href="https://evil.example">',
    "{{ review }}{% for a in b %}",
    "\u202egnirts",
    "\ud800",
    "\x00\x0b\x85\u2028",
    "--=_" + MARK,
    "z" + "\u0300" * 50,
    "字" * 300,
)

anything = st.one_of(st.text(st.characters(codec=None), max_size=60), st.sampled_from(HOSTILE))


@settings(max_examples=25 * SCALE, deadline=None)
@given(anything, anything, anything, anything, anything)
def test_whatever_is_said_no_letter_has_another_header_link_or_tag(
    name: str, firstname: str, lastname: str, about: str, text: str
) -> None:
    shop = replace(ALBA, name=name)
    reader = CLARA._replace(firstname=firstname, lastname=lastname)
    kept = KEPT._replace(about=about, text=text)
    waits = [WaitingReview(1025, about, 4, "2026-03-08")]
    contents: list[Content] = [
        Receipt([kept], True, VERIFY),
        Rejected(about, "abuse"),
        Reply(about, text),
        Waiting(2, waits),
    ]
    for content in contents:
        letter = compose(content, shop, None if isinstance(content, Waiting) else reader)
        usual = compose(KINDS[contents.index(content)])
        assert list(read(letter).keys()) == list(read(usual).keys())
        assert letter.content.isascii() and b"\n" not in letter.content.replace(b"\r\n", b"")
        page = Page(letter)
        assert page.links == Page(usual).links
        assert set(page.tags) <= set(Page(usual).tags) | {"p", "bdi"}
        assert "\u202e" not in page.words and "\x00" not in page.words
        assert "Bcc" not in read(letter) and len(read(letter).get_payload()) == 2
