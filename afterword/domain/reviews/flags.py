"""Automatic checks of a review's text (docs/law.md, "Moderation").

A flagged review waits for a person. Checks never reject a review, and they never see its rating. docs/moderation.md
describes what they look for and what they miss.

Every pattern is bounded, so a check takes time in proportion to the length of the text.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import compress

from afterword.domain.reviews.abuse import AbuseWords

UNSURE = "unknown state"
"""The flag of an imported review whose source does not clearly say that it shows it (docs/feeds.md)."""

FLAGS = ("link", "e-mail address", "phone number", "abuse", "copied text", "many orders", UNSURE)
"""All flags. Two come from comparing with other reviews (`actions.writing`), the last from an import."""


def look(text: str, abuse: AbuseWords) -> tuple[str, ...]:
    """The flags for a text, in the order of `FLAGS`, regardless of case. Never raises."""
    plain = _undisguised(_fold(text))
    found = (
        _LINK.search(_ADDRESS.sub(" ", plain)),
        _ADDRESS.search(plain),
        any(_is_phone_number(number, plain) for number in _PHONE_NUMBERS.finditer(plain)),
        any(abuse.are_in(re.findall(r"[^\W_]+", each)) for each in set(_spellings(plain))),
    )
    return tuple(compress(FLAGS, found))


_DROPPED = ("Mn", "Me", "Cf")
"""Unicode categories that are removed: accents, and invisible characters such as zero-width and direction marks and
soft hyphens."""


def _fold(text: str) -> str:
    """Lower case without accents, look-alike letters and digits in their plain form (NFKD), and runs of spaces or
    line ends reduced to one."""
    if not text.isascii():
        # Remove marks first: normalizing a long run of them takes quadratic time.
        decomposed = unicodedata.normalize("NFKD", _without_marks(text))
        # Via upper case, so that `ı` becomes `i`, as its capital is `I`.
        text = _without_marks(decomposed.upper().casefold())
    blanks = re.sub(r"[^\S\n]+", " ", text.lower())
    return re.sub(r" ?\n[\n ]*", "\n", blanks)


def _without_marks(text: str) -> str:
    return "".join(map(_plain, text))


def _plain(character: str) -> str:
    if character.isascii():
        return character
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    return "" if category in _DROPPED else "." if character == "。" else character


_AT = re.compile(r"\s?(?:[(\[{<]\s?(?:at|a|@|arobase)\s?[)\]}>]|(?<=\s)arobase(?=\s))\s?")
_DOT = re.compile(r"\s?[(\[{<]\s?(?:dot|point|punkt|\.)\s?[)\]}>]\s?")
_SPACED = re.compile(r"(?<![^\W_])(?:[^\W\d_] ){2,}[^\W\d_](?![^\W_])")


def _undisguised(text: str) -> str:
    """Resolves disguises such as `mail (at) shop [dot] com` and `w w w`."""
    text = _SPACED.sub(lambda found: found[0].replace(" ", ""), text)
    return _DOT.sub(".", _AT.sub("@", text))


_ENDS = (
    "com|net|org|fr|uk|co|io|ch|lu|nl|pl|pt|dk|cz|ru|cn|jp|br|ro|hu|biz|dev|xyz|ly|gl|ws|tk|mobi|asso|"
    "bzh|nz|za|kr|tr|ua|mx"
)
"""Top-level domains that cannot be the first word of a sentence."""

_WORDS_TOO = "de|it|be|at|in|is|me|us|es|eu|ca|au|se|ie|tv|ai|app|info|example"
"""Top-level domains that may also be the first word of a sentence whose author left out the space ("très bien.De
plus"). They count only at the end of a line or before punctuation."""

_LINK = re.compile(
    rf"""
      (?<![^\W_]) (?: h(?:tt|xx)ps? | www\d? ) (?![^\W_])
    | [a-z]{{2}} \ ?:// \ ?\w
    | \w\. (?:{_ENDS}) (?!\w)
    | \w\. (?:{_WORDS_TOO}) (?= $ | \ ?[\n,;!?)\]] | \.(?:\s|$) )
    | \w\. [a-z]{{2,24}} / \w
    | \w\ \. \ ? (?:com|fr|org|uk|io) (?!\w)
    | \w\. \ com (?!\w)
    | \w\ dot\ (?:{_ENDS}) (?!\w)
    | \w\ point\ (?:com|fr|org) (?!\w)
    """,
    re.VERBOSE,
)

_ADDRESS = re.compile(
    rf"""
      \w @ (?: [\w-]{{1,63}}\. ){{1,8}} [a-z]{{2,63}}
    | \w\ ?@\ ? [\w-]{{1,63}} (?: \ ?\.\ ? | \ dot\ | \ point\ ) (?:{_ENDS}) (?!\w)
    """,
    re.VERBOSE,
)


_PHONE_NUMBERS = re.compile(
    r"""
      (?<!\w) (?:\+|00)\ ?
      (?: [1-9]\d{7,13} | [1-9]\d{0,2} (?: [ .\-/()]{1,3}\d{1,8} ){2,8} ) (?!\d)      # with its country
    | (?<!\w)(?<!\d[.,]) [0o][1-9] (?: \d{8} | (?: [ .\-/_]{1,3}\d\d ){4} ) (?![ .\-/]?\d)         # in pairs
    | (?<!\w)(?<!\d[.,]) [0o] (?: [ .\-/_]\d ){9} (?![ .\-/]?\d)                             # digit by digit
    | (?<!\w)(?<!\d[.,]) \(?0\d{2,4}\)? [ \-/]{1,3} \d{3,8} (?: [ \-]\d{2,4} ){0,2} (?![ .\-]?\d)
    | (?<!\w) (?: \(\d{3}\)\ ?\d{3}[ .\-]?\d{4} | \d{3}([.\-])\d{3}\1\d{4} ) (?!\d)
    """,
    re.VERBOSE,
)

_NUMBERED = re.compile(
    r"(?: order|commande|ref|reference|colis|suivi|tracking|parcel|facture|invoice|lot|isbn|ean|sku|article|\# )"
    r"\ ?(?: n°|no|nr|number|numero )? [.:\ \#(]{0,3} $",
    re.VERBOSE,
)
"""Words before the number of an order, a parcel or an article, which is not a phone number."""

_FEWEST_DIGITS, _MOST_DIGITS = 9, 15
"""The digits of a phone number as people write it (E.164 sets the maximum)."""


def _is_phone_number(found: re.Match[str], text: str) -> bool:
    digits = sum(character.isdecimal() for character in found[0])
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
