"""One value of an order as a shop sent it, read into what is stored (docs/orders-api.md, "The order").

Each reader takes any JSON value and returns what is stored, or None when nothing is left of it. It raises
`UnfitError`, and nothing else, with what was expected. Numbers with a point or an exponent come as floats.
"""

import math
import re
import unicodedata
from decimal import Decimal

from afterword.domain.markup import decoded, without_tags
from afterword.domain.orders.email import check_address

LONGEST_TEXT = 2_000
LONGEST_KEY = 191
"""Characters of `id_order` and `reference`, which are unique keys of the store."""

RESERVED_IDS = ("site", "no")
"""What the reviews API calls a review of the shop: no product has these ids."""

LONGEST_STACK = 30
"""Combining marks in a row (UAX 15, Stream-Safe Text Format): sorting longer runs takes quadratic time."""

_MOST = 2**63
"""The store's integers are from -_MOST up to _MOST - 1."""

_MOST_DIGITS = 10**300
"""Far above any number that a text field takes as its digits, and below where `str(int)` refuses."""

_NOT_TEXT = re.compile("[\0\ud800-\udfff]")
# Noncharacters are added to the contract's control characters and line separators: XML has no way to write
# them, so one product name would break a whole review feed.
_NOT_PRINTED = re.compile("[\x01-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")
_WEB_ADDRESS = re.compile(r"https?://[^\s/?#]", re.IGNORECASE)
_plain_integer = re.compile("[1-9][0-9]*").fullmatch
_stored_price = re.compile(r"(?:0|[1-9][0-9]{0,14})\.[0-9]{2}").fullmatch
_EXPONENT = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?[eE][+-]?[0-9]{1,2}")
_currency = re.compile(
    r"(?:[^\W\d_]{1,3}\.?|[^\W\d_]{0,2}[$¢-¥֏؋৲৳৻૱௹฿៛\u20a0-\u20cf﷼﹩＄￠￡￥￦])?"
).fullmatch
"""A symbol such as `€` or `US$`, or a code or abbreviation such as `EUR`, `zł` or `kr.`; or nothing."""

_plainly_spelled = re.compile(r"0{0,99}([0-9]{1,15})(?:\.([0-9]{1,40}))?").fullmatch
_OTHER_SPELLINGS = tuple(
    re.compile(pattern)
    for pattern in (
        r"()\.([0-9]{1,40})",  # .90
        r"([0-9]{1,15}),([0-9]{1,2})",  # 25,90
        r"([0-9]{1,3}(?:,[0-9]{2,3})+)\.([0-9]{1,40})",  # 1,234.50
        r"([0-9]{1,3}(?:\.[0-9]{3})+),([0-9]{1,40})",  # 1.234,50
        r"([0-9]{1,3}(?:,[0-9]{3}){2,}|[0-9]{1,3}(?:\.[0-9]{3}){2,})()",  # 1,234,567
    )
)
"""Numbers as people write them: whole part and decimals. `1,234` is not among them, since it can mean either."""

_BLANK_BETWEEN_GROUPS = re.compile(r"(?<=[0-9])[\s'’](?=[0-9]{3}(?![0-9]))")


class UnfitError(Exception):
    """The value is not what the field takes: what was expected, without the field's name."""


def read_text(value: object, longest: int = LONGEST_TEXT) -> str | None:
    """Clean text: NFC, control characters and line separators made spaces, trimmed, then measured."""
    if type(value) is not str:
        raise UnfitError("not text")
    text = value.strip() if value.isascii() and value.isprintable() else _clean(value)
    if len(text) > longest:
        raise UnfitError(f"longer than {longest:,} characters")
    return text or None


def _clean(text: str) -> str:
    # Control characters go before NFC, which neither makes nor moves any: it is the same text, and what is
    # trimmed need not be normalised.
    if not text.isprintable():
        if wrong := _NOT_TEXT.search(text):
            raise UnfitError(
                "not text in UTF-8"
                if "\udc80" <= wrong[0] <= "\udcff"
                else "not text: it has a NUL or an incomplete character"
            )
        text = _NOT_PRINTED.sub(" ", text)
    text = text.strip()
    # NFC makes at most one character of four, so this much can be no shorter than the longest text.
    if len(text) > 4 * LONGEST_TEXT or unicodedata.is_normalized("NFC", text):
        return text
    if _is_stacked(text):
        raise UnfitError(f"not text: more than {LONGEST_STACK} combining marks in a row")
    return unicodedata.normalize("NFC", text).strip()


def _is_stacked(text: str) -> bool:
    run = 0
    for character in text:
        run = run + 1 if unicodedata.combining(character) else 0
        if run > LONGEST_STACK:
            return True
    return False


def read_name(value: object) -> str | None:
    """Text whose HTML entities are decoded once."""
    if type(value) is str and "&" in value:
        value = _decoded(value)
    return read_text(value)


def _decoded(text: str) -> str:
    # The longest entity has 33 characters, so a longer text than this holds more than the longest text.
    if len(text) > 40 * LONGEST_TEXT:
        text = text.strip()
    if len(text) > 40 * LONGEST_TEXT:
        raise UnfitError(f"longer than {LONGEST_TEXT:,} characters")
    return decoded(text)


def read_label(value: object) -> str | None:
    """Text; a number is taken as its digits."""
    return read_text(value if type(value) is str else _digits(value))


def read_product_name(value: object) -> str | None:
    """A name without its HTML tags, which shops' databases hold; a number is taken as its digits."""
    text = value if type(value) is str else _digits(value)
    if "&" in text:
        text = _decoded(text)
    return read_text(without_tags(text))


def read_key(value: object) -> str | None:
    """Text of at most 191 characters; an integer is taken as its digits."""
    if type(value) is float and not value.is_integer():
        raise UnfitError("not text or an integer")
    return read_text(value if type(value) is str else _digits(value), LONGEST_KEY)


def _digits(value: object) -> str:
    """The number in plain decimal notation: 1234 for 1234.0, 0.00001 for 1e-05."""
    if type(value) is float and math.isfinite(value):
        value = int(value) if value.is_integer() else format(Decimal(repr(value)), "f")
    if type(value) is int and -_MOST_DIGITS < value < _MOST_DIGITS:
        value = str(value)
    if type(value) is not str:
        raise UnfitError("not text")
    return value


def read_reference(value: object) -> str | None:
    """A key; none where it is `0` or has no letter or digit, which shops write when they have none."""
    text = read_key(value)
    if text is None or text == "0":
        return None
    return text if text[0].isalnum() or any(map(str.isalnum, text)) else None


def read_id(value: object) -> int | str | None:
    """An integer of 64 bits, for digits in a text too unless they begin with a zero; any other text as it is."""
    if type(value) is str and len(value) <= 18 and _plain_integer(value):
        return int(value)
    if type(value) is int and -_MOST <= value < _MOST:
        return value
    text = read_key(value)
    return int(text) if text and _is_integer(text) else text


def read_product_id(value: object) -> int | str | None:
    """The same, but for the words that mean the shop."""
    number = read_id(value)
    if type(number) is str and number in RESERVED_IDS:
        raise UnfitError(f"not {' or '.join(RESERVED_IDS)}, which mean the shop")
    return number


def _is_integer(text: str) -> bool:
    digits = text.removeprefix("-")
    is_plain = digits.isascii() and digits.isdecimal() and (digits == text == "0" or digits[0] != "0")
    return is_plain and len(digits) <= 19 and -_MOST <= int(text) < _MOST


def read_email(value: object) -> str | None:
    """An address that an e-mail can be sent to; see `check_address`."""
    text = read_text(value)
    if text is None:
        return None
    try:
        return check_address(text)
    except ValueError as wrong:
        raise UnfitError(str(wrong)) from None


def read_web_address(value: object) -> str | None:
    """An address that starts with `http://` or `https://` and a host, its HTML entities decoded once; any other text
    means none, however long it is."""
    text = value if type(value) is str else _digits(value)
    if not _WEB_ADDRESS.match(text.lstrip()):
        return None
    return read_text(_decoded(text) if "&" in text and ";" in text else text)


def read_quantity(value: object) -> int | float | None:
    """A number from 0; `"1"`, `"1.000"` and 1.0 are the integer 1, goods by weight have 1.5."""
    if type(value) is str and value.isascii() and value.isdecimal() and len(value) <= 15:
        return int(value)
    text = value.strip() if type(value) is str else _number_text(value)
    if not text:
        return None
    whole, decimals = _spelled(text)
    return float(f"{whole}.{decimals}") if decimals else int(whole)


def read_price(value: object) -> str | None:
    """An exact decimal from 0 in its one spelling: `25.90` for `"25.90"`, 25.9, `"25.900000"` and `"25,90 €"`.

    At least two decimals, no zero beyond them, no zero in front. A float counts as the shortest decimal that
    reads back as itself, so 25.899999999999999, as older PHP spells 25.9, is 25.90.
    """
    if type(value) is str and _stored_price(value):
        return value
    text = value.strip() if type(value) is str else _number_text(value)
    if not text:
        return None
    whole, decimals = _spelled(_without_currency(text))
    return f"{whole}.{decimals:0<2}"


def _number_text(value: object) -> str:
    if type(value) is float:
        return repr(value or 0.0)  # a negative zero is a zero
    if type(value) is int and 0 <= value < _MOST:
        return str(value)
    raise UnfitError("not a decimal")


def _without_currency(text: str) -> str:
    digits = [at for at, character in enumerate(text[:100]) if character.isdecimal()] or [0]
    first, end = digits[0], digits[-1] + 1
    if _currency(text[:first].strip()) and _currency(text[end:].strip()):
        return text[first:end]
    return text


def _spelled(text: str) -> tuple[str, str]:
    """The whole part and the decimals of a number, as people and programs write it. Raises UnfitError."""
    found = _plainly_spelled(text) or _spelled_otherwise(text)
    whole, decimals = found.groups("")
    whole = whole.replace(",", "").replace(".", "").lstrip("0")
    if len(whole) > 15:
        raise UnfitError("not a decimal")
    return whole or "0", decimals.rstrip("0")


def _spelled_otherwise(text: str) -> re.Match[str]:
    if len(text) <= 100:
        if _EXPONENT.fullmatch(text):
            # The pattern keeps the exponent small enough to be written out.
            text = format(Decimal(text), "f")
        text = _BLANK_BETWEEN_GROUPS.sub("", text)
        for pattern in _OTHER_SPELLINGS:
            if found := pattern.fullmatch(text):
                return found
        if found := _plainly_spelled(text):
            return found
    raise UnfitError("not a decimal")
