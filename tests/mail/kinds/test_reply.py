"""The reply: what the shop says, line by line."""

from msgspec.structs import replace

from afterword.domain.messages import Message
from tests.mail.conftest import REVIEW, Page, check_wire, compose, message, part, text_of


def reply(text: str, about: str | None = "Rye bread") -> Message:
    return message("reply", reviews=(replace(REVIEW, reply=text, product_name=about),))


EXAMPLE = reply("Thank you, Clara!\n\nCome again.")
SUBJECT = "Alba's bakery has replied to your review"


def test_it_quotes_the_shop_line_by_line() -> None:
    assert "review of Rye bread:\n\n> Thank you, Clara!\n>\n> Come again.\n\nView my review:" in text_of(
        EXAMPLE
    )
    assert "Thank you, Clara!" in Page(compose(EXAMPLE)).words


def test_a_review_of_the_shop_is_about_nothing_else() -> None:
    assert "Alba's bakery has replied to your review:\n" in text_of(reply("Thank you!", None))


def test_a_long_reply_stays_below_what_is_clipped() -> None:
    for character in ("a", "é", "字", "😀", "<", "&", "="):
        for text in (character * 5_000, f"{character}\n" * 2_500):
            check_wire(compose(reply(text)))


def test_of_very_many_lines_the_first_are_shown() -> None:
    said = part(compose(reply("a\n" * 2_500)), "plain")

    assert said.count("> a\n") == 199 and "> …\n" in said
