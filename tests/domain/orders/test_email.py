import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from afterword.domain.orders import email as addresses
from afterword.domain.orders.email import check_address

TAKEN = [
    *("clara@mail.example", "Clara.Nunez+cake@Mail.Example", "o'brien!#$%&*/=?^_`{|}~-@mail.example"),
    *("clara@sub.sub.mail.example", "clara@bakery.test", "clara@mailhost.local", "clara@123.example"),
    *("clara@xn--bcher-kva.example", "clara@bücher.example", "clara@Bücher.Example", "jérôme@mail.example"),
    *("用户@例子.例子", "c@a.xn--p1ai", "clara@a-b.example", f"{'c' * 64}@mail.example"),
    *(f"clara@{'a' * 63}.example", f"{'c' * 58}@{'.'.join(['a' * 60] * 3)}.example"),
    *("clara.@docomo.example", "a..b@docomo.example", ".clara@docomo.example", "a...b.@bücher.example"),
]

_HALVES = ["", "clara", "clara@", "@mail.example", "clara@mail", "clara@localhost"]
_TOO_MANY = ["clara@@mail.example", "clara@mail@mail.example", "clara@mail.example, diego@mail.example"]
_DOTS = ["clara@mail..example", "clara@.mail.example", "clara@mail.example.", "..@mail.example"]
_MORE_DOTS = ["cl é.@mail.example", "é..a@mail.example", f"{'c' * 64}.@mail.example", "a..b@[192.0.2.1]"]
_QUOTED = ['"clara"@mail.example', '"cla ra"@mail.example', "clara@mail.example(comment)"]
_LITERALS = ["clara@[192.0.2.1]", "clara@[IPv6:2001:db8::1]", "clara@192.0.2.1"]
_NAMED = ["Clara <clara@mail.example>", "<clara@mail.example>"]
_HYPHENS = ["clara@-mail.example", "clara@mail-.example", "clara@ab--cd.example", "clara@xn--a.example"]
REFUSED = [
    *(*_HALVES, *_TOO_MANY, *_DOTS, *_MORE_DOTS, *_QUOTED, *_LITERALS, *_NAMED, *_HYPHENS),
    *("cla ra@mail.example", "clara@mail.example\nBcc: diego@mail.example", "clara@ma_il.example"),
    *("clara\0@mail.example", "clara\u202e@mail.example", "clara\ud800@mail.example"),
    *("clara@mail\ud800.example", f"{'c' * 65}@mail.example", f"{'é' * 33}@mail.example"),
    *(f"clara@{'a' * 64}.example", f"{'c' * 64}@{'.'.join(['a' * 60] * 3)}.example"),
    *(f"clara@{'ü' * 60}.example", "a" * 1_000_000, "@" * 1_000_000),
]


@pytest.mark.parametrize("address", TAKEN)
def test_an_address_that_an_e_mail_can_be_sent_to_is_kept_as_it_was_written(address: str) -> None:
    assert check_address(address) == address


@pytest.mark.parametrize("address", REFUSED, ids=range(len(REFUSED)))
def test_what_is_no_address_is_refused_at_once_however_long_it_is(address: str) -> None:
    with pytest.raises(ValueError, match=r"^not an e-mail address$"):
        check_address(address)


@pytest.mark.parametrize(
    "written",
    [
        " \tclara@mail.example\r\n",
        "clara@mail.example\u200b",
        "\ufeff clara@mail.example\u00a0\u200e",
        "ｃｌａｒａ＠ｍａｉｌ．ｅｘａｍｐｌｅ",
        "\u3000clara＠mail.example\u2060",
    ],
)
def test_what_is_not_seen_around_an_address_is_cut_off_and_full_width_is_ascii(written: str) -> None:
    assert check_address(written) == "clara@mail.example"


_texts = st.text(string.ascii_letters + string.digits + ".-_@!#+'\"[]()<>,:; \\\té。ü☃\u0301", max_size=70)
_parts = st.lists(st.one_of(st.text("aZ09-._", max_size=66), _texts), max_size=5).map(".".join)


@given(
    st.one_of(
        st.builds("{}@{}".format, _parts, _parts), st.builds("a{}@b.{}".format, _texts, _parts), st.emails()
    )
)
@example("a@b.xn--a")
@example("a@b.c-")
@example("a@1.2.3.4")
@example("a@b.co\n")
@example(f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 60}.ee")
def test_a_common_address_is_never_one_that_the_library_refuses(address: str) -> None:
    if addresses.is_common_address(address):
        assert addresses._is_sound(address)


@given(st.emails())
def test_nearly_all_addresses_are_common(address: str) -> None:
    local, _, domain = address.partition("@")
    ordinary = len(local) <= 64 and "--" not in address and domain.rpartition(".")[2].isalpha()
    assert addresses.is_common_address(address) is (ordinary and len(address) <= 254)
