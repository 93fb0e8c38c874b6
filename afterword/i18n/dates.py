"""Dates, times and numbers as people of a language write them (CLDR, by Babel)."""

from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, format_timedelta
from babel.numbers import format_decimal

_WORLDWIDE = Locale("en", "001")
"""English as written in most countries: 3 March 2026."""


def locale_of(lang: str) -> Locale:
    """What CLDR knows of a language; of one that it does not know, what it knows of English."""
    return (_parsed(lang) if lang != "en" else None) or _WORLDWIDE


def language_name(lang: str) -> str:
    """What a language calls itself; its tag where CLDR does not know it."""
    locale = _parsed(lang)
    return (locale and locale.get_display_name()) or lang


def english_name(lang: str) -> str:
    """What a language is called in English; its tag where CLDR does not know it."""
    locale = _parsed(lang)
    return (locale and locale.get_display_name("en")) or lang


@lru_cache(maxsize=256)
def _parsed(lang: str) -> Locale | None:
    try:
        return Locale.parse(lang, sep="-")
    except (UnknownLocaleError, ValueError):
        return None


@lru_cache(maxsize=4096)
def day(text: str, lang: str) -> str:
    """The day of a `YYYY-MM-DD`, with or without a time after it, or nothing when there is no such day."""
    try:
        return format_date(date.fromisoformat(text[:10]), "long", locale_of(lang))
    except ValueError:
        return ""


def time_of_day(seconds: float, zone: ZoneInfo, lang: str) -> str:
    """Hours and minutes of a moment, in this time zone."""
    return format_time(datetime.fromtimestamp(seconds, zone), "short", locale=locale_of(lang))


def ago(seconds: float, lang: str) -> str:
    """How long ago something was: 5 minutes ago."""
    return format_timedelta(timedelta(seconds=-seconds), add_direction=True, locale=locale_of(lang))


@lru_cache(maxsize=4096)
def number(value: float, lang: str, pattern: str | None = None) -> str:
    """A number with the language's own grouping and decimal mark."""
    return format_decimal(value, pattern, locale_of(lang))


def written(value: object, lang: str) -> str:
    """A value as it goes into a message: a number as people write it, and text (also markup) as it is."""
    if isinstance(value, str):
        return value
    return number(value, lang) if isinstance(value, int | float) else str(value)
