"""Automatic checks of a review's text and of its author's name (docs/law.md, "Moderation").

A flagged review waits for a person. Checks never reject a review, and they never see its rating. docs/moderation.md
describes what they look for and what they miss.

Every pattern is bounded, so a check takes time in proportion to the length of the text.
"""

import re
from collections.abc import Iterator
from itertools import compress
from typing import NamedTuple

from afterword.domain.folding import fold_case, lower
from afterword.domain.reviews.checks.abuse import BadWords
from afterword.domain.reviews.checks.advertising import EMAIL_ADDRESS, has_link, undisguised
from afterword.domain.reviews.checks.own import Own

UNSURE = "unknown state"
"""The flag of an imported review whose source does not clearly say that it shows it (docs/feeds.md)."""

COPIED = "copied text"
"""The flag of a review whose text is that of another order's."""

FLAGS = ("link", "e-mail address", "phone number", "abuse", "threat", COPIED, "many orders", UNSURE)
"""All flags. Two come from comparing with other reviews (`actions.writing`), the last from an import."""


class Checked(NamedTuple):
    """What the checks look at: a review's text, and its author's public name. `lang` is the language of the order."""

    text: str
    author: str = ""
    lang: str = ""
    own: Own = Own()


def look(checked: Checked, words: BadWords) -> tuple[str, ...]:
    """The flags for a review, in the order of `FLAGS`. Never raises.

    `words` are those that count in its language. Only links depend on capitals, which begin sentences.
    """
    found = [_look(text, checked, words) for text in (checked.text, checked.author) if text]
    return tuple(compress(FLAGS, map(any, zip(*found, strict=True))))


def _look(text: str, checked: Checked, words: BadWords) -> tuple[bool, ...]:
    """Whether there is each of `FLAGS`, as far as one text shows it."""
    cased = fold_case(text)
    plain = undisguised(lower(cased))
    spellings = [re.findall(r"[^\W_]+", each) for each in set(_spellings(plain))]
    return (
        has_link(cased, checked.lang, checked.own),
        any(_may_be_a_persons(found, checked.own) for found in EMAIL_ADDRESS.finditer(plain)),
        any(_is_phone_number(found, plain, checked.own) for found in _PHONE_NUMBERS.finditer(plain)),
        any(map(words.abuse.are_in, spellings)),
        any(map(words.threats.are_in, spellings)),
    )


def _may_be_a_persons(found: re.Match[str], own: Own) -> bool:
    """Whether an e-mail address may name a person. One of the shop's with up to three characters before the `@` is
    that of a department."""
    before = found.string[max(0, found.start() - 3) : found.start()]
    return bool(re.fullmatch(r"[\w.+-]{3}", before)) or not own.has_host(found[0].partition("@")[2])


_PHONE_NUMBERS = re.compile(
    r"""
      (?<!\w) (?:\+|00)\ ?
      (?: [1-9]\d{7,13} | [1-9]\d{0,2} (?: [ .\-/()]{1,3}\d{1,8} ){2,8} ) (?!\d)      # with its country
    | (?<!\w)(?<!\d[.,]) [0o][1-9] (?: \d{8} | ([ .\-/_]{1,3})\d\d (?: \1\d\d ){3} ) (?![ .\-/]?\d)   # in pairs
    | (?<!\w)(?<!\d[.,]) [0o] (?: [ .\-/_]\d ){9} (?![ .\-/]?\d)                                # digit by digit
    | (?<!\w)(?<!\d[.,]) \(?0\d{2,4}\)? [ \-/]{1,3} \d{3,8} (?: [ \-]\d{2,4} ){0,2} (?![ .\-]?\d)
    | (?<!\w) (?: \(\d{3}\)\ ?\d{3}[ .\-]?\d{4} | \d{3}([.\-])\d{3}\2\d{4} ) (?!\d)
    """,
    re.VERBOSE,
)

_NUMBERED = re.compile(
    r"(?: order|commande|ref|reference|colis|suivi|tracking|parcel|facture|invoice|lot|isbn|ean|sku|article|account|"
    r"konto|compte|cuenta|conta|rekening|hesap|\# )\ ?(?: n°|no|nr|number|numero|numarasi )? [.:\ \#(]{0,3} $",
    re.VERBOSE,
)
"""Words before the number of an order, a parcel, an article or an account, which is not a phone number."""

_FEWEST_DIGITS, _MOST_DIGITS = 9, 15
"""The digits of a phone number as people write it (E.164 sets the maximum)."""


def _is_phone_number(found: re.Match[str], text: str, own: Own) -> bool:
    digits = sum(character.isdecimal() for character in found[0])
    if own.has_number(found[0]):
        return False
    if found[0].isdecimal() and _NUMBERED.search(text[max(0, found.start() - 32) : found.start()]):
        return False
    return _FEWEST_DIGITS <= digits + found[0].startswith("o") <= _MOST_DIGITS


_BROKEN_UP = re.compile(r"(?<![^\W_])(?:[^\W\d_][.*_-]){3,}[^\W\d_](?![^\W_])")
_LOOKALIKES = str.maketrans("013457@$", "oieastas")
_STRETCHED = re.compile(r"(.)\1{2,}")


def _spellings(text: str) -> Iterator[str]:
    """The text, and what it may stand for: `c.o.n.n.a.r.d`, `connnard` and `c0nnard` are one word."""
    whole = _BROKEN_UP.sub(lambda found: re.sub(r"[.*_-]", "", found[0]), text)
    for each in (whole, whole.translate(_LOOKALIKES)):
        yield from (each, _STRETCHED.sub(r"\1\1", each), _STRETCHED.sub(r"\1", each))
