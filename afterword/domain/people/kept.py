"""The people who ordered, whom an address stands for."""

from string import ascii_lowercase, ascii_uppercase

_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)

KEEP_FOR = 730 * 86_400
"""Seconds for which an order's name and address are kept, unless its shop says otherwise (docs/privacy.md)."""

SHORTEST_KEPT = 365 * 86_400
"""An order can be reviewed for half a year after its e-mail, and a review changed."""

LONGEST_KEPT = 3_650 * 86_400


def addresses_like(email: str) -> set[str]:
    """What databases, which know the capitals of ASCII alone, may have an address under. No character becomes another
    one: straße@ and strasse@ are two people."""
    return {email.translate(_LOWER), email.lower()}
