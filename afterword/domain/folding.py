"""One spelling for texts that look alike, for the checks: no accents, no invisible characters, plain digits."""

import re
import unicodedata

_DROPPED = ("Mn", "Me", "Cf")
"""Unicode categories that are removed: accents, and invisible characters such as zero-width and direction marks and
soft hyphens."""


_PHRASES = str.maketrans("\ufdfa\ufdfb", "  ")
"""Two blessings, of which Unicode makes 18 and 8 characters each. No other character becomes more than seven."""


def spelled_out(text: str) -> str:
    """The text with compatible characters in their plain forms, and accents as characters of their own (NFKD), at
    most seven times as long. A character that means a whole phrase becomes a blank."""
    return unicodedata.normalize("NFKD", text.translate(_PHRASES))


def fold(text: str) -> str:
    """`fold_case` in lower case."""
    return lower(fold_case(text))


def fold_case(text: str) -> str:
    """The text without accents, look-alike letters and digits in their plain form (NFKD), and runs of blanks or line
    ends reduced to one."""
    if not text.isascii():
        # Remove marks first: normalizing a long run of them takes quadratic time.
        text = _without_marks(spelled_out(_without_marks(text)))
    blanks = re.sub(r"[^\S\n]+", " ", text)
    return re.sub(r" ?\n[\n ]*", "\n", blanks)


def lower(text: str) -> str:
    """Lower case of a text without accents. Via upper case, so that `ı` becomes `i`, as its capital is `I`."""
    return text.lower() if text.isascii() else _without_marks(text.upper().casefold()).lower()


def _without_marks(text: str) -> str:
    return "".join(map(_plain, text))


def _plain(character: str) -> str:
    if character.isascii():
        return character
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    return "" if category in _DROPPED else "." if character == "。" else character
