"""A row of another service's table becomes a review, or is told with what is wrong with it."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterword.domain.orders.order import FieldError
from afterword.domain.reviews.foreign import Foreign, Source, read_review
from afterword.domain.reviews.headings import COLUMNS, read_head

NOW = 1_772_374_326
PARIS = ZoneInfo("Europe/Paris")
SOURCE = Source("Old Reviews Ltd", PARIS, "fr")
GOOD = {"rating": "4", "text": "Good crust.", "date": "2026-02-10 14:05:26"}


def read(row: dict[str, str], source: Source = SOURCE) -> Foreign | list[FieldError] | None:
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
    assert (found.author, found.experience_date, found.is_unsure) == ("", "", False)
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
    ("fields", "shown"),
    [
        ({"author": "Clara María Núñez"}, "Clara N."),
        ({"author": "Clara N."}, "Clara N."),
        ({"author": "clara@nunez.example"}, ""),
        ({"author": "Sinéad O&#039;Brien"}, "Sinéad O."),
        ({"full_name": "Clara Nunez"}, "Clara N."),
        ({"nickname": "Bread lover", "full_name": "Clara Nunez"}, "Bread L."),
        ({"nickname": "", "full_name": "Clara Nunez"}, "Clara N."),
        ({"display_name": "Clara"}, "Clara"),
        ({"first_name": "Ana María", "last_name": "de la Cruz"}, "Ana María D."),
        ({"first_name": "Clara"}, "Clara"),
        ({"last_name": "Nunez"}, ""),
        ({"reviewer_name": "Clara", "reviewer_lastname": "Nunez"}, "Clara N."),
        ({"reviewer_name": "Clara N.", "reviewer_lastname": ""}, "Clara N."),
        ({"author": "Clara N.", "firstname": "Clara", "lastname": "Nunez"}, "Clara N."),
    ],
)
def test_a_name_in_any_column_is_shown_as_first_name_and_initial(fields: dict[str, str], shown: str) -> None:
    assert good(**fields).author == shown


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
            "not a date and time: write 2025-11-03 or 2025-11-03 18:30",
            [
                "10/02/2026",
                "12/31/2024",
                "Nov 3, 2025",
                "yesterday",
                "2026-02-30",
                "0000-00-00 00:00:00",
                "20260210",
            ],
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
        "text": ("x" * 5_001, "too long (at most 5,000)"),
        "date": ("soon", "not a date and time: write 2025-11-03 or 2025-11-03 18:30"),
        "product_id": ("x" * 192, "longer than 191 characters"),
        "lang": ("french", "a language such as en, fr, pt-br"),
        "reply": ("x" * 5_001, "too long (at most 5,000)"),
        "experience_date": ("x", "not a date and time: write 2025-11-03 or 2025-11-03 18:30"),
    }
    found = wrong(**{field: cell for field, (cell, _) in told.items()})
    assert found == {field: words for field, (_, words) in told.items()}


def test_bytes_that_are_no_utf_8_are_told() -> None:
    assert wrong(text="caf\udce9", author="Zo\udceb") == {"text": "text in UTF-8", "author": "text in UTF-8"}


NAMING_PRODUCTS = (
    *("handle", "product_handle", "productHandle", "sku", "Product SKU", "product_url", "Product Name"),
    *("product_title", "asin", "ean13", "GTIN", "Product UPC", "product_external_id"),
)


@pytest.mark.parametrize("heading", NAMING_PRODUCTS)
@pytest.mark.parametrize("cell", ["rye-bread", ""])
def test_a_file_that_names_products_makes_no_review_of_the_shop(heading: str, cell: str) -> None:
    told = {"product_id": "missing: if a column has the products' ids in your orders, name it product_id"}
    assert wrong(**{heading: cell}) == told
    told = {"product_id": "missing: write the product's id in your orders, or site for a review of the shop"}
    assert wrong(**{heading: cell, "productId": ""}) == told
    assert good(**{heading: cell, "productId": "100"}).scope == "100"


@pytest.mark.parametrize("product", ["no", "NO", "site", "yotpo_site_reviews"])
def test_a_review_of_the_shop_says_so_where_products_have_a_column(product: str) -> None:
    assert good(product_id=product).scope == "site"
    assert "product_id" in wrong(product_id="")


@pytest.mark.parametrize(
    ("cell", "scope"),
    [
        ("7012345678901", "7012345678901"),
        ("'7012345678901", "7012345678901"),
        ("7012345678901.0", "7012345678901"),
        ("gid://shopify/Product/1", "gid://shopify/Product/1"),
        ("SKU-1", "SKU-1"),
    ],
)
def test_a_products_id_is_what_it_was_before_a_spreadsheet_had_it(cell: str, scope: str) -> None:
    assert good(product_id=cell).scope == scope


@pytest.mark.parametrize("cell", ["7.01235E+12", "7,01235E+12", "7E+12", "7.01235e+12"])
@pytest.mark.parametrize("field", ["product_id", "id"])
def test_a_number_that_a_spreadsheet_has_cut_is_told(field: str, cell: str) -> None:
    assert wrong(**{"product_id": "1", field: cell}) == {
        field: "cut by a spreadsheet: format the column as text there, and export it again"
    }


@pytest.mark.parametrize(
    ("heading", "shown", "hidden", "unknown"),
    [
        ("state", "Published", "rejected", "Queensland"),
        ("curated", "ok", "spam", "not-yet"),
        ("Status", "Active", "Hidden", "Flagged"),
        ("Review Status", "Approved", "Pending", ""),
        ("reviewState", "published", "unpublished", "3"),
        ("Published", "TRUE", "FALSE", "2025-01-11"),
        ("comment_approved", "1", "spam", "post-trashed"),
        ("comment_approved", "approve", "trash", "?"),
        ("review_status", "1", "2", "7"),
        ("review_status", "1", "0", ""),
        ("is_published", "yes", "no", "perhaps"),
        ("isApproved", "VRAI", "FAUX", "peut-être"),
        ("visible", "1", "0", ""),
        ("Moderation status", "accepted", "on hold", "escalated"),
        ("hidden", "FALSE", "TRUE", "2025-01-11"),
        ("is_spam", "", "1", "maybe"),
        ("deleted_at", "", "yes", "2025-01-11 10:00:00"),
        ("not published", "no", "yes", "perhaps"),
    ],
)
def test_what_its_source_does_not_show_is_never_published(
    heading: str, shown: str, hidden: str, unknown: str
) -> None:
    """Whatever the column is called. A value that is not known waits for a person."""
    assert not good(**{heading: shown}).is_unsure
    assert read(GOOD | {heading: hidden}) is None
    assert read({"rating": "9", "text": "", "date": "soon", heading: hidden}) is None
    assert good(**{heading: unknown}).is_unsure


def test_several_columns_about_the_state_agree_or_the_review_is_not_published() -> None:
    assert not good(published="true", hidden="false").is_unsure
    assert read(GOOD | {"published": "true", "hidden": "true"}) is None
    assert read(GOOD | {"state": "what?", "spam": "yes"}) is None
    assert good(published="true", status="what?").is_unsure


@pytest.mark.parametrize(
    "heading",
    ["order_status", "Fulfillment Status", "verified", "Status Details", "published_image_url", "live"],
)
def test_what_is_not_about_the_review_decides_nothing(heading: str) -> None:
    found = good(**{heading: "no"})
    assert not found.is_unsure and read_head([*GOOD, heading]).ignored == (heading,)


def test_a_reply_that_its_source_does_not_show_is_left_out() -> None:
    reply = {"Comment Content": "Thank you!", "Comment Date": "2026-02-11"}
    assert good(**reply).reply == "Thank you!"
    assert good(**reply, **{"Comment Public": "true"}).reply == "Thank you!"
    for cell in ("false", "", "?"):
        found = good(**reply, **{"Comment Public": cell})
        assert (found.reply, found.replied_at) == (None, None)


@pytest.mark.parametrize("text", ["", " ", "\u200b", "<br />", "&nbsp;"])
def test_stars_without_words_are_a_review(text: str) -> None:
    assert good(text="", title="Good").text == "Good"
    assert (good(text=text).text, good(text=text).rating) == ("", 4)
    assert good(reply=text).reply is None


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        ("J&#039;ai aim&eacute; &amp; mes filles aussi<br />Merci", "J'ai aimé & mes filles aussi\nMerci"),
        ("One.<br />\r\nTwo.<BR>\nThree.", "One.\nTwo.\nThree."),
        ("<p>One.</p><p>A <strong>good</strong> loaf.</p>", "One.\n\nA good loaf."),
        ("&lt;b&gt;Good&lt;/b&gt; &amp;amp; fresh", "Good &amp; fresh"),
        ("Fresh <3, and 1 < 2 > 0; Salt&copper", "Fresh <3, and 1 < 2 > 0; Salt&copper"),
    ],
)
def test_entities_are_decoded_once_and_tags_end_lines(stored: str, text: str) -> None:
    found = good(text=stored, reply=stored)
    assert (found.text, found.reply) == (text, text)


@pytest.mark.parametrize("heading", ["Review Created (UTC)", "comment_date_gmt", "dateCreatedUtc"])
def test_a_heading_that_names_utc_is_its_columns_zone(heading: str) -> None:
    row = {"rating": "4", "text": "Good.", heading: "2026-02-10 14:05:26"}
    found = read(row)
    assert isinstance(found, Foreign)
    assert found.written_at == datetime(2026, 2, 10, 14, 5, 26, tzinfo=ZoneInfo("UTC")).timestamp()


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
    assert (head.indexes["date"], head.indexes["text"], head.ignored) == (1, 3, ("published_at", "text"))


def test_a_column_that_is_needed_and_missing_is_told() -> None:
    with pytest.raises(ValueError, match="names no column rating or date"):
        read_head(["id", "text"])
    with pytest.raises(ValueError, match="names no column rating or text or date"):
        read_head([])


def test_no_name_means_two_things_but_those_of_a_reply_that_may_be_the_reviews_own() -> None:
    names = [name for known in COLUMNS.values() for name in known]
    assert {name for name in names if names.count(name) > 1} == {"comment_content", "comment_date"}


# What is the same review.


def test_a_number_of_the_source_says_which_review_it_is_whatever_was_changed_there() -> None:
    assert good(id="17").key == good(id="17", text="Better crust.", rating="5").key
    assert good(id="17").key != good(id="18").key
    assert good(id="17").key == good(id="'17").key == good(id="17.0").key


def test_without_a_number_who_wrote_what_and_when_says_it() -> None:
    key = good(author="Clara Nunez").key
    assert key == good(author="Clara Nunez", reply="Thanks!", lang="en").key
    others = {"rating": "5", "text": "Bad.", "date": "2026-02-11", "product_id": "1", "author": "D"}
    others |= {"last_name": "Cruz"}
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
        assert found.written_at <= NOW and 1 <= found.rating <= 5
