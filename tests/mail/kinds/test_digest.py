"""The digest: how many reviews wait for the shop, and where to decide."""

import pytest
from msgspec.structs import replace

from afterword.domain.reviews.review import Review
from afterword.mail.links import links_of
from tests.mail.conftest import ALBA, LINKS, REVIEW, Page, check_wire, compose, message, read, text_of


def waiting(number: int, about: str | None, rating: int, publish_at: int | None) -> Review:
    return replace(
        REVIEW, id=number, product_name=about, rating=rating, publish_at=publish_at, state="waiting"
    )


FIRST = waiting(1025, None, 4, 1_772_960_400)
EXAMPLE = message("digest", None, reviews=(FIRST, waiting(2049, "Seed rolls", 1, None)), waiting=14)
SUBJECT = "Alba's bakery: 14 reviews are waiting for you"


def test_it_says_how_many_wait_and_where_to_decide() -> None:
    said = text_of(EXAMPLE)

    assert said.startswith("14 reviews of Alba's bakery are waiting for moderation:\n\n* 1025")
    assert "* 1025 Alba's bakery ★★★★☆\nWill be published automatically on 8 March 2026\n" in said
    assert "* 2049 Seed rolls ★☆☆☆☆\nNeeds your decision\n" in said
    assert f"and 12 more reviews\n\nRead and decide:\n{LINKS.dashboard}\n" in said
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


def test_it_leads_to_the_queue_of_its_mode() -> None:
    def queue(live: bool) -> str:
        return links_of(replace(EXAMPLE, live=live), ALBA, "https://reviews.example", "secret").dashboard

    assert queue(True) == "https://reviews.example/dashboard/1/moderation"
    assert queue(False) == "https://reviews.example/dashboard/1/test/moderation"


def test_all_that_can_be_named_stay_below_what_is_clipped() -> None:
    worst = tuple(waiting(n, "\U0010fffd" * 500, 5, 1_772_960_400) for n in range(2**62, 2**62 + 10))

    check_wire(compose(replace(EXAMPLE, reviews=worst, waiting=2**62)))
