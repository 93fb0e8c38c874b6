"""The public name of a customer (docs/reviews-api.md, "The public name"): the only place that makes one, so that
e-mails, the form, pages, APIs, feed and structured data always agree."""

import re
import unicodedata

from afterword.domain.values import shown_name

_PARTICLE = re.compile(r"['’‘`´][a-z](?=[ -])")
"""As in `'t Hart`, which is sorted under H."""

_WITHOUT_INITIALS = ("CJK", "HANGUL", "HIRAGANA", "KATAKANA", "BOPOMOFO", "IDEOGRAPHIC")
"""The beginnings of characters' names in Unicode, of scripts without initials."""


def public_name(firstname: str, lastname: str) -> str:
    """The first name and the initial of the last name, `Clara N.`; empty if nothing can be shown, or if a part looks
    like an address.

    The initial is the first letter of the last name. A first name loses the last name where it repeats it: at its
    end, or in the order of the Far East at its beginning. Where the last name says nothing, the first may be whole.
    """
    first, last = _without_symbols(shown_name(firstname)), shown_name(lastname)
    if not _first_letter(first) or (lastname.strip() and not last):
        return ""
    initial = _first_letter(_PARTICLE.sub("", last))
    if not initial:
        return _without_surname(first)
    first = _given_part(first, last)
    if not first or _has_no_initials(initial):
        return first
    return f"{first} {initial}."


def public_name_of(name: str) -> str:
    """The public form of a name in one field, whose last word is the last name; `Clara N.` does not change."""
    words = name.split()
    if len(words) < 2 or _has_no_initials(_first_letter(name)):
        return _without_surname(_without_symbols(shown_name(name)))
    return public_name(words[0], words[-1].rstrip("."))


def _without_symbols(name: str) -> str:
    """Without ticks, stars and emoji, with which a name looks like a badge: `Owner ✔`."""
    if name.isascii():
        return name
    kept, is_left_out = [], False
    for character in name:
        category = unicodedata.category(character)
        is_left_out = category == "So" or (is_left_out and category in ("Sk", "Cf", "Mn", "Me"))
        kept.append("" if is_left_out else character)
    return " ".join("".join(kept).split())


def _given_part(first: str, last: str) -> str:
    """The first name, without the last name that some shops repeat in it."""
    if first.casefold() == last.casefold():
        return ""
    if first.casefold().endswith(f" {last.casefold()}"):
        return first[: -len(last)].rstrip()
    if _has_no_initials(_first_letter(last)) and first.startswith(last):
        return first[len(last) :].lstrip()
    return first


def _without_surname(name: str) -> str:
    """A name without a last name. In scripts without initials it begins with the surname, and only a blank tells what
    follows."""
    if not _has_no_initials(_first_letter(name)):
        return name
    return name.partition(" ")[2].strip()


def _first_letter(text: str) -> str:
    """The first letter, in upper case and with its marks; empty if there is none."""
    for at, character in enumerate(text):
        if unicodedata.category(character).startswith("L"):
            end = at + 1
            while end < len(text) and unicodedata.category(text[end]).startswith("M"):
                end += 1
            return character.upper()[0] + text[at + 1 : end]
    return ""


def _has_no_initials(letter: str) -> bool:
    return bool(letter) and unicodedata.name(letter[0], "").startswith(_WITHOUT_INITIALS)
