"""A row of another service's table becomes a review, or is told with what is wrong with it."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterword.domain.orders.order import FieldError
from afterword.domain.reviews.foreign import COLUMNS, Foreign, Source, public_name, read_head, read_review

NOW = 1_772_374_326
PARIS = ZoneInfo("Europe/Paris")
SOURCE = Source("Old Reviews Ltd", PARIS, "fr")
GOOD = {"rating": "4", "text": "Good crust.", "date": "2026-02-10 14:05:26"}


def read(row: dict[str, str], source: Source = SOURCE) -> Foreign | list[FieldError]:
    return read_review(read_head(list(row)), list(row.values()), source, NOW)


def good(**fields: str) -> Foreign:
    """The good row with these cells too, which must be a review."""
    found = read(GOOD | fields)
    assert isinstance(found, Foreign), found
    return found


def wrong(**fields: str) -> dict[str, str | None]:
    """What is wrong with the good row with these cells, by field."""
    found = read(GOOD | fields)
    assert isinstance(found, list), found
    return {error.field: error.expected for error in found}


def test_three_columns_are_enough() -> None:
    found = good()
    assert (found.scope, found.rating, found.text, found.lang) == ("site", 4, "Good crust.", "fr")
    assert (found.author, found.experience_date) == ("", "2026-02-10")
    assert (found.reply, found.replied_at) == (None, None)
    assert datetime.fromtimestamp(found.written_at, PARIS).isoformat() == "2026-02-10T14:05:26+01:00"


def test_all_columns_are_read() -> None:
    found = good(
        id="r-17",
        author="Clara Nunez",
        product_id="100",
        product_name="Rye &amp; seeds",
        lang="pt_BR",
        experience_date="2026-01-02",
        title="Well baked",
        reply="Thank you!",
        replied_at="2026-02-11",
    )
    assert (found.scope, found.product_name) == ("100", "Rye & seeds")
    assert (found.author, found.lang, found.experience_date) == ("Clara N.", "pt-br", "2026-01-02")
    assert (found.text, found.reply) == ("Well baked\n\nGood crust.", "Thank you!")
    assert found.replied_at == datetime(2026, 2, 11, 12, tzinfo=PARIS).timestamp()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Clara Nunez", "Clara N."),
        ("Clara María Núñez", "Clara N."),
        ("Clara N.", "Clara N."),
        ("Clara", "Clara"),
        ("  clara   nunez ", "clara N."),
        ("", ""),
        ("clara@nunez.example", ""),
        ("www.evil.example Nunez", ""),
        ("Cla\u202era Nunez", "Clara N."),
        ("山田 太郎", "山田 太."),
    ],
)
def test_a_name_is_shown_as_first_name_and_initial(name: str, shown: str) -> None:
    assert public_name(name) == shown


@pytest.mark.parametrize("rating", ["4", "4.0", "4,0", "4.00", "4/5", "4 / 5", " 4 "])
def test_four_stars_have_many_spellings(rating: str) -> None:
    assert good(rating=rating).rating == 4


@pytest.mark.parametrize(
    ("date", "utc"),
    [
        ("2026-02-10", "2026-02-10T11:00:00"),
        ("2026-02-10 14:05", "2026-02-10T13:05:00"),
        ("2026-02-10T14:05:26Z", "2026-02-10T14:05:26"),
        ("2026-02-10T14:05:26.123+05:00", "2026-02-10T09:05:26"),
        ("2026-03-01 20:00", "2026-03-01T14:12:06"),
    ],
)
def test_a_date_without_an_offset_is_the_shops_own(date: str, utc: str) -> None:
    """The last one is later today: another clock was ahead."""
    moment = datetime.fromtimestamp(good(date=date).written_at, ZoneInfo("UTC"))
    assert moment.isoformat() == f"{utc}+00:00"


@pytest.mark.parametrize(
    ("field", "words", "cells"),
    [
        ("rating", "not 1 to 5 stars", ["0", "6", "4.5", "44", "four", "-4", "4/10", "٤"]),
        (
            "date",
            "not a date and time",
            ["10/02/2026", "yesterday", "2026-02-30", "0000-00-00 00:00:00", "20260210"],
        ),
        (
            "date",
            "a date since 1990 that has passed",
            ["2026-03-04", "9999-12-31 23:59:59", "1989-12-31", "0001-01-01"],
        ),
    ],
)
def test_what_is_no_rating_or_no_past_date_is_told(field: str, words: str, cells: list[str]) -> None:
    for cell in cells:
        assert wrong(**{field: cell}) == {field: words}


def test_all_that_is_wrong_with_a_row_is_told() -> None:
    told = {
        "rating": ("", None),
        "text": ("\u200b", "no words"),
        "date": ("soon", "not a date and time"),
        "product_id": ("x" * 192, "longer than 191 characters"),
        "lang": ("french", "a language such as en, fr, pt-br"),
        "reply": ("\u200b", "no words"),
        "experience_date": ("x", "not a date and time"),
    }
    found = wrong(**{field: cell for field, (cell, _) in told.items()})
    assert found == {field: words for field, (_, words) in told.items()}


def test_bytes_that_are_no_utf_8_are_told() -> None:
    assert wrong(text="caf\udce9", author="Zo\udceb") == {"text": "text in UTF-8", "author": "text in UTF-8"}


def test_a_product_without_its_number_is_told() -> None:
    assert wrong(product_name="Rye bread") == {"product_id": None}


@pytest.mark.parametrize("product", ["", "no", "NO", "site"])
def test_a_review_of_no_product_is_of_the_shop(product: str) -> None:
    assert good(product_id=product).scope == "site"


def test_what_was_not_published_there_is_not_published_here() -> None:
    assert good(state="Published").rating == 4
    assert wrong(state="rejected") == {"state": "published: nothing else is shown"}


def test_what_was_guarded_against_spreadsheets_is_as_it_was() -> None:
    assert good(text="'-10% was a lie").text == "-10% was a lie"


def test_a_row_may_be_short_and_must_not_be_long() -> None:
    head = read_head(["rating", "text", "date", "author"])
    assert isinstance(read_review(head, ["4", "Good.", "2026-02-10"], SOURCE, NOW), Foreign)
    assert isinstance(read_review(head, ["4", "Good.", "2026-02-10", "", ""], SOURCE, NOW), Foreign)
    assert read_review(head, ["4", "Good", " sort of.", "2026-02-10", "x"], SOURCE, NOW) == [
        FieldError("", "more cells than the first line has")
    ]


# The first line.


def test_columns_are_known_by_many_names_in_any_order_and_spelling() -> None:
    head = read_head(["Review Text", " STARS ", "Created-At", "product", "Colour", ""])
    assert head.indexes == {"text": 0, "rating": 1, "date": 2, "product_id": 3}
    assert head.ignored == ("Colour",)


def test_the_first_name_that_is_known_counts_and_others_are_ignored() -> None:
    head = read_head(["published_at", "date", "rating", "text", "text"])
    assert (head.indexes["date"], head.indexes["text"], head.ignored) == (1, 3, ("published_at",))


def test_a_column_that_is_needed_and_missing_is_told() -> None:
    with pytest.raises(ValueError, match="names no column rating or date"):
        read_head(["id", "text"])
    with pytest.raises(ValueError, match="names no column rating or text or date"):
        read_head([])


def test_no_name_means_two_things() -> None:
    names = [name for known in COLUMNS.values() for name in known]
    assert len(names) == len(set(names))


# What is the same review.


def test_a_number_of_the_source_says_which_review_it_is_whatever_was_changed_there() -> None:
    assert good(id="17").key == good(id="17", text="Better crust.", rating="5").key
    assert good(id="17").key != good(id="18").key


def test_without_a_number_who_wrote_what_and_when_says_it() -> None:
    key = good(author="Clara Nunez").key
    assert key == good(author="Clara Nunez", reply="Thanks!", lang="en").key
    others = {"rating": "5", "text": "Bad.", "date": "2026-02-11", "product_id": "1", "author": "D"}
    for name, other in others.items():
        assert good(**{"author": "Clara Nunez", name: other}).key != key


def test_another_source_has_other_reviews() -> None:
    other = SOURCE._replace(name="New Reviews Ltd")
    for row in (GOOD, GOOD | {"id": "17"}):
        mine, theirs = read(row), read(row, other)
        assert isinstance(mine, Foreign) and isinstance(theirs, Foreign)
        assert mine.key != theirs.key


@given(st.dictionaries(st.sampled_from(list(COLUMNS)), st.text(max_size=30), min_size=1))
def test_nothing_in_a_row_is_an_error_of_ours(fields: dict[str, str]) -> None:
    found = read(GOOD | fields)
    if isinstance(found, Foreign):
        assert found.written_at <= NOW and 1 <= found.rating <= 5 and found.text
