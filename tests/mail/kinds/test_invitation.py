"""The invitation: who asks about what, and how to stop it."""

import re

import pytest
from msgspec.structs import replace

from afterword.domain.orders.order import OrderLine
from afterword.mail.compose import Composer
from tests.mail.conftest import ALBA, LINKS, ORDER, Page, check_wire, compose, message, part, read, text_of

EXAMPLE = message("invitation")
SUBJECT = "How was your order from Alba's bakery?"


def test_the_text_says_who_asks_about_what_and_how_to_stop() -> None:
    assert text_of(EXAMPLE) == (
        "Hello Clara,\n\n"
        "Thank you for choosing Alba's bakery.\n"
        "Good or bad, we would love to know what you think of your order.\n"
        "It takes two minutes, and your words help other customers choose.\n\n"
        "Write my review:\nhttps://reviews.alba.example/r/1/abc\n\n"
        "Order 1234, placed on 18 February 2026\n"
        "- 2 x Sourdough loaf\n"
        "- Rye and walnut loaf, sliced, 1 kg\n"
        "- 3 x Crème brûlée tartlets, box of six\n\n"
        'Your review will be public and signed "Clara N."; your surname and e-mail address are never shown.\n'
        "Only you can change your review, and you can withdraw it at any time.\n"
        "The review page explains how reviews are checked and published.\n\n"
        "Reviews is writing on behalf of Alba's bakery, where you placed this order.\n"
        "We send one such e-mail for each order, and no reminders.\n"
        "To contact the shop, just reply to this e-mail.\n\n"
        "Stop these e-mails:\nhttps://reviews.alba.example/u/1/def\n\n"
        "Visit the shop:\nhttps://alba.example/\n"
    )


def test_the_page_says_the_same() -> None:
    words = Page(compose(EXAMPLE)).words

    assert (
        "Order 1234, placed on 18 February 2026 Sourdough loaf × 2 Rye and walnut loaf, sliced, 1 kg" in words
    )
    assert 'signed "Clara N."; your surname and e-mail address are never shown. Only you can' in words
    assert "Alba's bakery, where you placed this order. We send one such e-mail for each order" in words


def test_it_is_in_the_language_of_its_order() -> None:
    assert "Commande 1234 du 18 février 2026" in text_of(EXAMPLE, lang="fr")
    assert read(compose(EXAMPLE, lang="fr"))["Subject"] == (
        "Que pensez-vous de votre commande chez Alba's bakery\u202f?"
    )


def test_a_sender_without_a_name_takes_the_shops() -> None:
    composed = compose(EXAMPLE, composer=Composer("reviews@afterword.example", "reviews.example"))

    assert read(composed)["From"] == "Alba's bakery <reviews@afterword.example>"
    assert "because you placed an order with Alba's bakery" in part(composed, "plain")


def test_a_reference_is_shown_before_an_id() -> None:
    order = replace(ORDER, reference="XKBKNABJK")

    assert "Order XKBKNABJK, placed" in text_of(message("invitation", order))


def test_an_impossible_date_is_left_out() -> None:
    order = replace(ORDER, order_date="2026-02-30 10:00:00")

    assert "Order 1234\n" in text_of(message("invitation", order))


def test_a_name_that_is_not_shown_signs_as_a_customer() -> None:
    assert 'public and signed "A customer"' in text_of(EXAMPLE, lastname="www.evil.example")
    assert "Clara N" not in text_of(EXAMPLE, lastname="www.evil.example")


@pytest.mark.parametrize(
    ("count", "named", "more"), [(0, 0, 0), (10, 10, 0), (11, 11, 0), (12, 10, 2), (1000, 10, 990)]
)
def test_a_long_order_is_shortened(count: int, named: int, more: int) -> None:
    lines = tuple(OrderLine(id=n, name=f"Loaf {n}") for n in range(count))
    text = text_of(message("invitation", replace(ORDER, lines=lines)))

    assert len(re.findall(r"^- Loaf \d+$", text, re.MULTILINE)) == named
    assert re.findall(r"^- and (\d+) more products$", text, re.MULTILINE) == ([str(more)] if more else [])


def test_the_largest_is_below_the_size_that_is_clipped() -> None:
    worst = "\U0010fffd" * 2000
    lines = tuple(OrderLine(id=n, name=worst, qty=2**63 - 1) for n in range(1000))
    composed = compose(
        message("invitation", replace(ORDER, reference=worst, lines=lines)),
        replace(ALBA, name=worst, site="https://alba.example/" + "é" * 100),
        LINKS._replace(
            review="https://alba.example/" + "&" * 175, unsubscribe="https://alba.example/" + "x" * 875
        ),
        firstname=worst,
        lastname=worst,
        lang="fr",
    )

    check_wire(composed)
