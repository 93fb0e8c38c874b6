"""The receipt: what the author wrote, and what proves that it is published unchanged."""

from msgspec.structs import replace

from afterword.domain.messages import Message
from afterword.domain.reviews.review import Review
from tests.mail.conftest import LINKS, REVIEW, Page, check_wire, compose, message, part, text_of


def receipt(*reviews: Review, version: int = 1) -> Message:
    receipts = [
        {"review": one.id, "version": version, "hash": "ab" * 32, "salt": one.salt} for one in reviews
    ]
    return message("receipt", details={"receipts": receipts}, reviews=reviews)


EXAMPLE = receipt(REVIEW)
SUBJECT = "Thank you for your review of Alba's bakery"


def test_it_has_the_words_the_hash_and_the_salt_of_each_review() -> None:
    said = text_of(EXAMPLE)

    assert "* Rye bread ★★★★☆\n> Good bread.\n>\n> My family likes it.\nReceipt: " + "ab" * 32 in said
    assert "Salt: " + "cd" * 16 in said and LINKS.verify in said
    assert "Your review is now public." in said
    page = Page(compose(EXAMPLE))
    assert "Good bread." in page.words and "ab" * 32 in page.words and LINKS.verify in page.links


def test_several_reviews_are_spoken_of_as_several() -> None:
    of_shop = replace(REVIEW, id=REVIEW.id - 1, product_name=None, text="Friendly.")
    said = text_of(receipt(REVIEW, of_shop))

    assert "* Alba's bakery ★★★★☆\n> Friendly.\n" in said
    assert "Your reviews are now public." in said
    assert "Change or withdraw my reviews:" in said


def test_a_review_that_waits_says_that_its_stars_play_no_part() -> None:
    said = text_of(receipt(REVIEW, replace(REVIEW, id=REVIEW.id + 1, state="waiting")))

    assert "We check every review before publishing it. Your star rating plays no part in that." in said
    assert "now public" not in said


def test_a_receipt_of_replaced_words_is_shown_without_them() -> None:
    said = text_of(receipt(replace(REVIEW, version=2), version=1))

    assert ">" not in said and "ab" * 32 in said


def test_flagged_words_are_mailed_once_a_person_has_published_them() -> None:
    """Whoever holds the link must not have the shop send their words."""
    flagged = replace(REVIEW, flags=("link",), state="waiting")
    for state in ("waiting", "rejected", "withdrawn"):
        said = text_of(receipt(replace(flagged, state=state)))
        assert "Good bread." not in said and "ab" * 32 in said and "cd" * 16 in said
    assert "> Good bread.\n" in text_of(receipt(replace(flagged, state="published")))
    assert "> Good bread.\n" in text_of(receipt(replace(REVIEW, state="waiting")))


def test_a_receipt_of_an_erased_review_is_left_out() -> None:
    erased = replace(REVIEW, id=REVIEW.id + 1)
    known = receipt(REVIEW, erased)

    assert text_of(replace(known, reviews=(REVIEW,))).count("Receipt: ") == 1


def test_many_long_reviews_stay_below_what_is_clipped() -> None:
    for character in ("a", "é", "字", "😀", "<", "&", "=", "é\n", "😀\n"):
        long = replace(REVIEW, text=character * (5_000 // len(character)), product_name=character * 500)
        composed = compose(receipt(*(replace(long, id=number) for number in range(200))))
        check_wire(composed)
        assert "and 190 more reviews, on your review page" in part(composed, "plain")
        assert part(composed, "plain").count("Receipt: ") == 10
