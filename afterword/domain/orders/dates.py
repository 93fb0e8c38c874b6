"""Dates of orders, and of what was collected elsewhere, as programs print them (docs/orders-api.md, "The order")."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from afterword.domain.orders.fields import UnfitError, read_text

_stored_date = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} (?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}").fullmatch
_DATE = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:(?:T| +)([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]{1,9})?)?"
    r" *(?:(Z|UTC|GMT)|([+-][0-9]{2}):?([0-9]{2})?)?)?",
    re.IGNORECASE,
)

NO_DATE = "not a date and time: write 2026-03-01 14:05:26"
"""What is said of text that is no date: how to write one."""


def read_date(value: object, zone: ZoneInfo) -> str | None:
    """`YYYY-MM-DD HH:MM:SS` in the shop's local time, a real day of the calendar.

    Without an offset the time is the shop's own already, and a date alone is the start of that day.
    `0000-00-00` is how a database writes none.
    """
    if type(value) is str and _stored_date(value):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            pass  # 30 February, or 0000-00-00
        else:
            return value
    text, own_zone = _of_php(value) if type(value) is dict else (value, "")
    if type(text) is not str:
        raise UnfitError(NO_DATE)
    text = read_text(text)
    if text is None or text.startswith("0000-00-00"):
        return None
    return _read_loose_date(text, own_zone, zone)


def _of_php(value: dict[str, object]) -> tuple[object, str]:
    """The time and the zone, or offset, of a DateTime that PHP's json_encode wrote."""
    zone = value.get("timezone", "")
    return value.get("date"), zone if type(zone) is str else ""


def _read_loose_date(text: str, own_zone: str, zone: ZoneInfo) -> str:
    is_named = "/" in own_zone
    found = _DATE.fullmatch(text if is_named else f"{text} {own_zone}".rstrip())
    if not found:
        raise UnfitError(NO_DATE)
    day, hour, minute, second, utc, offset, offset_minutes = found.groups()
    zoned = "+00:00" if utc else f"{offset}:{offset_minutes or '00'}" if offset else ""
    try:
        moment = datetime.fromisoformat(f"{day}T{hour or '00':0>2}:{minute or '00'}:{second or '00'}{zoned}")
        if is_named:
            moment = moment.replace(tzinfo=ZoneInfo(own_zone))
        if moment.tzinfo:
            moment = moment.astimezone(zone).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError, ZoneInfoNotFoundError):
        raise UnfitError(NO_DATE) from None
    return str(moment)
