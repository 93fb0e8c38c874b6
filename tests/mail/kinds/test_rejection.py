"""The rejection: for which of the listed reasons, in words, and that the review can be edited."""

import pytest
from msgspec.structs import replace

from afterword.domain.reviews.moderation import REJECTION_REASONS
from afterword.i18n.codes import REASONS_IN_WORDS
from tests.mail.conftest import LINKS, REVIEW, Page, compose, message, text_of

EXAMPLE = message("rejection", details={"reason": "personal data"}, reviews=(REVIEW,))
SUBJECT = "Your review of Alba's bakery was not published"


@pytest.mark.parametrize("reason", REJECTION_REASONS)
def test_it_says_the_reason_in_words(reason: str) -> None:
    rejection = replace(EXAMPLE, details={"reason": reason})

    assert f"Reason: {REASONS_IN_WORDS[reason]}.\n" in text_of(rejection)
    assert f"Reason: {REASONS_IN_WORDS[reason]}." in Page(compose(rejection)).words


def test_it_says_what_the_review_was_about_and_how_to_edit_it() -> None:
    said = text_of(EXAMPLE)

    assert "Alba's bakery has not published your review of Rye bread.\n" in said
    assert "You can edit it and submit it again.\nYour star rating played no part" in said
    assert f"Edit my review:\n{LINKS.review}" in said


def test_a_review_of_the_shop_is_about_nothing_else() -> None:
    of_shop = replace(EXAMPLE, reviews=(replace(REVIEW, product_name=None),))

    assert "Alba's bakery has not published your review.\n" in text_of(of_shop)
