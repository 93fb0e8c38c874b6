"""One value of an order as a shop sent it, read into what is stored (docs/orders-api.md, "The order").

Each reader takes any JSON value and returns what is stored, or None when nothing is left of it. It raises
`UnfitError`, and nothing else, with what was expected. Numbers with a point or an exponent come as floats.
"""

import html
import html.entities
import math
import re
import unicodedata
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from afterword.domain.orders.email import check_address

LONGEST_TEXT = 2_000
LONGEST_KEY = 191
"""Characters of `id_order` and `reference`, which are unique keys of the store."""

LONGEST_STACK = 30
"""Combining marks in a row (UAX 15, Stream-Safe Text Format): sorting longer runs takes quadratic time."""

_MOST = 2**63
"""The store's integers are from -_MOST up to _MOST - 1."""

_MOST_DIGITS = 10**300
"""Far above any number that a text field takes as its digits, and below where `str(int)` refuses."""

_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_NOT_TEXT = re.compile("[\0\ud800-\udfff]")
# Noncharacters are added to the contract's control characters and line separators: XML has no way to write
# them, so one product name would break a whole review feed.
_NOT_PRINTED = re.compile("[\x01-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")
_WEB_ADDRESS = re.compile(r"https?://[^\s/?#]", re.IGNORECASE)
_ROUND = re.compile(r"([0-9]{1,19})\.0{1,40}")
_PRICE = re.compile(r"0{0,99}([0-9]{1,15})(?:\.([0-9]{1,40}))?")
_stored_price = re.compile(r"(?:0|[1-9][0-9]{0,14})\.[0-9]{2}").fullmatch
_EXPONENT = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?[eE][+-]?[0-9]{1,2}")
_stored_date = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} (?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}").fullmatch
_DATE = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:T| +)([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]{1,9})?)?"
    r" *(?:(Z)|([+-][0-9]{2}):?([0-9]{2})?)?"
)


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
        if _NOT_TEXT.search(text):
            raise UnfitError("not text: it has a NUL or an incomplete character")
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
    """Text whose HTML entities are decoded once: shop modules send `Soin &amp; Beauté`.

    Only entities with their semicolon count, so that `Salt&copper` stays as it is.
    """
    if type(value) is str and "&" in value:
        value = _decoded(value)
    return read_text(value)


def _decoded(text: str) -> str:
    # The longest entity has 33 characters, so a longer text than this holds more than the longest text.
    if len(text) > 40 * LONGEST_TEXT:
        text = text.strip()
    if len(text) > 40 * LONGEST_TEXT:
        raise UnfitError(f"longer than {LONGEST_TEXT:,} characters")
    return _ENTITY.sub(_decode_entity, text)


def _decode_entity(found: re.Match[str]) -> str:
    entity = found[0]
    if entity[1] == "#" or entity[1:] in html.entities.html5:
        return html.unescape(entity)
    return entity


def read_label(value: object) -> str | None:
    """Text; a number is taken as its digits."""
    return read_text(value if type(value) is str else _digits(value))


def read_product_name(value: object) -> str | None:
    """A name; a number is taken as its digits."""
    return read_name(value if type(value) is str else _digits(value))


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
    """Text that starts with `http://` or `https://` and a host; any other text means none."""
    text = read_label(value)
    return text if text is not None and _WEB_ADDRESS.match(text) else None


def read_integer(value: object) -> int | None:
    """An integer of 64 bits, signed; digits in a text, and 1.0, are taken too."""
    number = _whole(value)
    if number is not None and not -_MOST <= number < _MOST:
        raise UnfitError("not a 64-bit integer")
    return number


def read_quantity(value: object) -> int | None:
    """An integer from 0; `"1"`, `"1.000"` and 1.0 are 1."""
    if type(value) is str and "." in value:
        found = _ROUND.fullmatch(value.strip())
        value = found[1] if found else value
    number = _whole(value)
    if number is not None and not 0 <= number < _MOST:
        raise UnfitError("not an integer of 0 or more")
    return number


def _whole(value: object) -> int | None:
    if type(value) is int:
        return value
    if type(value) is str:
        text = value.strip()
        if not text:
            return None
        if len(text) <= 100 and text.isascii() and text.isdecimal():
            return int(text)
    if type(value) is float and value.is_integer():
        return int(value)
    raise UnfitError("not an integer")


def read_price(value: object) -> str | None:
    """An exact decimal from 0 in its one spelling: `25.90` for `"25.90"`, 25.9 and `"25.900000"`.

    At least two decimals, no zero beyond them, no zero in front. A float counts as the shortest decimal that
    reads back as itself, so 25.899999999999999, as older PHP spells 25.9, is 25.90.
    """
    if type(value) is str and _stored_price(value):
        return value
    text = value.strip() if type(value) is str else _price_text(value)
    if not text:
        return None
    found = _PRICE.fullmatch(text)
    if not found and _EXPONENT.fullmatch(text):
        # The pattern keeps the exponent small enough to be written out.
        found = _PRICE.fullmatch(format(Decimal(text), "f"))
    if not found:
        raise UnfitError("not a decimal of 0 or more")
    whole, fraction = found.groups("")
    return f"{whole}.{fraction.rstrip('0'):0<2}"


def _price_text(value: object) -> str:
    if type(value) is float:
        return repr(value or 0.0)  # a negative zero is a zero
    if type(value) is int and 0 <= value < _MOST:
        return str(value)
    raise UnfitError("not a decimal of 0 or more")


def read_date(value: object, zone: ZoneInfo) -> str | None:
    """`YYYY-MM-DD HH:MM:SS` in the shop's local time, a real day of the calendar.

    Without an offset the time is the shop's own already. `0000-00-00` is how a database writes none.
    """
    if type(value) is not str:
        raise UnfitError("not a date and time")
    if _stored_date(value):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            pass  # 30 February, or 0000-00-00
        else:
            return value
    text = read_text(value)
    if text is None or text.startswith("0000-00-00"):
        return None
    return _read_loose_date(text, zone)


def _read_loose_date(text: str, zone: ZoneInfo) -> str:
    found = _DATE.fullmatch(text)
    if not found:
        raise UnfitError("not a date and time")
    day, hour, minute, second, utc, offset, offset_minutes = found.groups()
    zoned = "+00:00" if utc else f"{offset}:{offset_minutes or '00'}" if offset else ""
    try:
        moment = datetime.fromisoformat(f"{day}T{hour:0>2}:{minute}:{second or '00'}{zoned}")
        if zoned:
            moment = moment.astimezone(zone).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise UnfitError("not a date and time") from None
    return str(moment)
