"""The public name: the first name and an initial, of the surname never more."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterword.domain.people.names import public_name, public_name_of


@pytest.mark.parametrize(
    ("firstname", "lastname", "public"),
    [
        ("Clara", "Núñez", "Clara N."),
        ("Élodie", "östberg", "Élodie Ö."),
        ("Suharto", "-", "Suharto"),
        ("Suharto", ".", "Suharto"),
        ("Suharto", "", "Suharto"),
        ("Clara", "\u200b", "Clara"),
        ("Jan", "'t Hart", "Jan H."),
        ("Jan", "’s-Gravenhage", "Jan G."),
        ("Sinéad", "O'Brien", "Sinéad O."),
        ("Charles", "d'Artagnan", "Charles D."),
        ("Jean", "(Société X)", "Jean S."),
        ("Joseph", '"Jo" Martin', "Joseph J."),
        ("Uwe", "ßeta", "Uwe S."),
        ("Ana", "ﬁgueroa", "Ana F."),
        ("Ravi", "श्रीवास्तव", "Ravi श्."),
        ("Zoë", "e\u0301tienne", "Zoë E\u0301."),
        ("Clara Nunez", "Nunez", "Clara N."),
        ("CLARA NUNEZ", "Nunez", "CLARA N."),
        ("Clara Nunez Sol", "Nunez Sol", "Clara N."),
        ("Joann", "Ann", "Joann A."),
        ("Nunez", "Nunez", ""),
        ("小明", "王", "小明"),
        ("민수", "김", "민수"),
        ("さくら", "田中", "さくら"),
        ("王小明", "王", "小明"),
        ("李 明", "-", "明"),
        ("李明", "", ""),
        ("Ming", "李", "Ming"),
        ("", "Núñez", ""),
        ("-", "Núñez", ""),
        ("Owner ✔ Verified", "Núñez", "Owner Verified N."),
        ("Clara ★★★★★", "Núñez", "Clara N."),
        ("Zoë 👩🏽‍🚀❤️", "Núñez", "Zoë N."),
        ("✔", "Núñez", ""),
        ("O´Clara", "Núñez", "O´Clara N."),
        ("www.evil.example", "Núñez", ""),
        ("Clara", "evil.example", ""),
    ],
)
def test_a_name_is_public_without_its_surname(firstname: str, lastname: str, public: str) -> None:
    assert public_name(firstname, lastname) == public


@pytest.mark.parametrize(
    ("name", "public"),
    [
        ("Clara Núñez", "Clara N."),
        ("Clara N.", "Clara N."),
        ("Clara ✔", "Clara"),
        ("Clara", "Clara"),
        ("Clara María Núñez", "Clara N."),
        ("李 明", "明"),
        ("李明", ""),
        ("", ""),
        ("see evil.example", ""),
    ],
)
def test_a_name_in_one_field_ends_with_the_surname_but_in_the_far_east(name: str, public: str) -> None:
    assert public_name_of(name) == public


_names = st.text(st.sampled_from("abzABZéßñ李明김さ-.'’ ()\u200b\u0301"), max_size=12)


@given(_names, _names)
def test_of_a_surname_at_most_one_letter_is_shown(firstname: str, lastname: str) -> None:
    shown = public_name(firstname, lastname)
    if shown.endswith(".") and not firstname.rstrip().endswith("."):
        initial = shown.removesuffix(".").rpartition(" ")[2]
        assert unicodedata.category(initial[0]).startswith("L")
        assert all(unicodedata.category(mark).startswith("M") for mark in initial[1:])
    surname = lastname.strip()
    if len(surname) > 1 and surname.isalpha() and surname not in firstname:
        assert surname.casefold() not in shown.casefold() or surname.casefold() in firstname.casefold()
