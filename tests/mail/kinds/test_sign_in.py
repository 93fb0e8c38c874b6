"""The e-mail that signs in: its link, and that it does nothing by itself."""

from msgspec.structs import replace

from afterword.domain.people.users import SignIn
from afterword.mail.links import links_of, sign_in_link
from tests.mail.conftest import ALBA, LINKS, Page, compose, message, text_of

LINK = SignIn(5, 3, "00ff" * 8, 1_772_374_926, None, "hello@alba.example")
EXAMPLE = message("sign_in", None, details={"sign_in": LINK._asdict(), "review": None})
SUBJECT = "Your link to sign in to Afterword"


def test_it_says_who_asked_and_that_the_link_ends() -> None:
    said = text_of(EXAMPLE)

    assert "Someone, most likely you, asked to sign in as one of the people of Alba's bakery." in said
    assert f"\n{LINKS.dashboard}\n" in said and "This link works once, for ten minutes:" in said
    assert "Nothing happens unless the button is pressed." in Page(compose(EXAMPLE)).words


def test_its_link_is_that_of_its_row() -> None:
    found = links_of(EXAMPLE, ALBA, "https://reviews.example", "secret")
    assert found.dashboard == sign_in_link(LINK, "https://reviews.example", "secret")
    assert found.review == found.unsubscribe == ""
    other = replace(EXAMPLE, details={"sign_in": LINK._replace(nonce="11" * 16)._asdict()})
    assert links_of(other, ALBA, "https://reviews.example", "secret").dashboard != found.dashboard
