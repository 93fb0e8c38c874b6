"""Keys and the tokens in an e-mail's links: unguessable, and good for one purpose and one order only."""

from base64 import urlsafe_b64decode
from string import ascii_letters, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterword.base.ids import is_signed, new_private_key, new_public_key, new_salt, order_id_of, sign_token

ALPHABET = ascii_letters + digits + "-_"
SECRET = "0123456789abcdef" * 2
SUBJECT = "a" * 32


def test_keys_look_as_known_clients_expect_and_no_two_are_alike() -> None:
    shop, lang, digits = new_private_key(7, "fr").split("/")
    assert (shop, lang, len(bytes.fromhex(digits))) == ("7", "fr", 32)
    assert len(bytes.fromhex(new_public_key())) == 16
    for make in (lambda: new_private_key(7, "fr"), new_public_key, new_salt):
        assert len({make() for _ in range(100)}) == 100


@given(st.integers(0, 2**53), st.sampled_from(["r", "u"]))
def test_a_token_says_its_order_and_opens_it(order_id: int, purpose: str) -> None:
    token = sign_token(SECRET, purpose, order_id, SUBJECT)
    assert order_id_of(SECRET, token) == order_id
    assert is_signed(SECRET, purpose, token, SUBJECT)
    assert len(token) == 31 and token.isascii() and set(token).isdisjoint("+/=")


def test_a_token_does_not_show_how_many_orders_there_are() -> None:
    """Neither its order's number nor how far it is from another's."""
    shown = [
        urlsafe_b64decode(sign_token(SECRET, "r", number, f"{number:032x}") + "=")[:7] for number in range(64)
    ]
    assert len(set(shown)) == 64 and not any(each.startswith(b"\0\0") for each in shown)


def test_a_token_is_good_for_nothing_else() -> None:
    token = sign_token(SECRET, "u", 7, SUBJECT)
    assert not is_signed(SECRET, "r", token, SUBJECT)
    assert not is_signed(SECRET, "u", token, "b" * 32)
    assert not is_signed(SECRET[::-1], "u", token, SUBJECT)
    assert not is_signed(SECRET, "u", sign_token(SECRET, "u", 8, SUBJECT)[:10] + token[10:], SUBJECT)
    assert not is_signed(SECRET, "u\0", sign_token(SECRET, "u", 7, SUBJECT), SUBJECT)


def test_no_changed_character_of_a_token_goes_unnoticed() -> None:
    token = sign_token(SECRET, "u", 7, SUBJECT)
    for place in range(len(token)):
        for character in set(ALPHABET) - {token[place]}:
            changed = token[:place] + character + token[place + 1 :]
            assert not is_signed(SECRET, "u", changed, SUBJECT)


@pytest.mark.parametrize(
    "token", ["", "A", "A" * 30, "A" * 32, "é" * 31, "=" * 31, "A" * 30 + "!", "\0" * 31, "\ud800"]
)
def test_what_is_no_token_is_refused_without_an_error(token: str) -> None:
    assert not is_signed(SECRET, "u", token, SUBJECT)
    assert order_id_of(SECRET, token) is None or len(token) == 31
