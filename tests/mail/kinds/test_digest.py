"""The digest: how many reviews wait for the shop, and what to type."""

import pytest
from msgspec.structs import replace

from afterword.domain.reviews.review import Review
from tests.mail.conftest import ALBA, REVIEW, Page, check_wire, compose, message, read, text_of


def waiting(number: int, about: str | None, rating: int, publish_at: int | None) -> Review:
    return replace(
        REVIEW, id=number, product_name=about, rating=rating, publish_at=publish_at, state="waiting"
    )


FIRST = waiting(1025, None, 4, 1_772_960_400)
EXAMPLE = message("digest", None, reviews=(FIRST, waiting(2049, "Seed rolls", 1, None)), waiting=14)
SUBJECT = "Alba's bakery: 14 reviews are waiting for you"


def test_it_says_how_many_wait_and_what_to_type() -> None:
    said = text_of(EXAMPLE)

    assert said.startswith("14 reviews of Alba's bakery are waiting for moderation:\n\n* 1025")
    assert "* 1025 Alba's bakery ★★★★☆\nWill be published automatically on 8 March 2026\n" in said
    assert "* 2049 Seed rolls ★☆☆☆☆\nNeeds your decision\n" in said
    assert "and 12 more reviews\n" in said and "afterword review publish 1025\n" in said
    assert "14 reviews are waiting for you" in Page(compose(EXAMPLE)).words


@pytest.mark.parametrize(
    ("lang", "one", "more"),
    [
        ("en", "Alba's bakery: 1 review is waiting for you", "Alba's bakery: 14 reviews are waiting for you"),
        ("fr", "Alba's bakery\u202f: 1 avis vous attend", "Alba's bakery\u202f: 14 avis vous attendent"),
    ],
)
def test_the_subject_counts_in_words_of_its_language(lang: str, one: str, more: str) -> None:
    assert read(compose(EXAMPLE, lang=lang))["Subject"] == more
    assert read(compose(replace(EXAMPLE, waiting=1, reviews=(FIRST,)), lang=lang))["Subject"] == one


def test_the_day_is_that_of_the_shop() -> None:
    tokyo = replace(ALBA, timezone="Asia/Tokyo")

    assert "on 9 March 2026" in text_of(
        replace(EXAMPLE, reviews=(replace(FIRST, publish_at=1_772_985_600),)), tokyo
    )


def test_it_names_its_mode_where_that_is_to_be_typed() -> None:
    assert "afterword review list 1 --state waiting\n" in text_of(EXAMPLE)
    assert "afterword review list 1 --state waiting --test\n" in text_of(replace(EXAMPLE, live=False))


def test_all_that_can_be_named_stay_below_what_is_clipped() -> None:
    worst = tuple(waiting(n, "\U0010fffd" * 500, 5, 1_772_960_400) for n in range(2**62, 2**62 + 10))

    check_wire(compose(replace(EXAMPLE, reviews=worst, waiting=2**62)))
