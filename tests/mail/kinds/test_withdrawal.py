"""The withdrawal: what was withdrawn with the link, and what to do about it if its author did not."""

from msgspec.structs import replace

from afterword.domain.messages import Message
from afterword.domain.reviews.review import Review
from tests.mail.conftest import LINKS, REVIEW, Page, check_wire, compose, message, part, text_of


def withdrawal(*reviews: Review) -> Message:
    details = {"withdrawn": [{"review": one.id} for one in reviews]}
    gone = tuple(replace(one, state="withdrawn") for one in reviews)
    return message("withdrawal", details=details, reviews=gone)


EXAMPLE = withdrawal(REVIEW)
SUBJECT = "Your review of Alba's bakery was withdrawn"


def test_it_says_what_was_withdrawn_and_what_to_do() -> None:
    said = text_of(EXAMPLE)

    assert (
        "This review was withdrawn with the link in our e-mail, and is no longer shown:\n\n- Rye bread\n"
        in said
    )
    assert "If it was not you, someone else has this link." in said and LINKS.review in said
    assert "Good bread." not in said
    page = Page(compose(EXAMPLE))
    assert (
        "Your review was withdrawn" in page.words and "Rye bread" in page.words and LINKS.review in page.links
    )


def test_several_are_spoken_of_as_several_and_the_shop_by_its_name() -> None:
    said = text_of(withdrawal(REVIEW, replace(REVIEW, id=REVIEW.id + 1, product_name=None)), lang="fr")

    assert "- Rye bread\n- Alba's bakery\n" in said and "Ces avis ont été retirés" in said


def test_very_many_stay_below_what_is_clipped() -> None:
    composed = compose(
        withdrawal(*(replace(REVIEW, id=n, product_name="\U0010fffd" * 500) for n in range(99)))
    )

    check_wire(composed)
    assert "- and 89 more reviews\n" in part(composed, "plain")
