"""Dates and numbers as people of a language write them (CLDR, by Babel)."""

from datetime import date
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_decimal


@lru_cache(maxsize=256)
def locale_of(lang: str) -> Locale:
    """What CLDR knows of a language; of one that it does not know, what it knows of English."""
    try:
        return Locale.parse(lang, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale("en")


@lru_cache(maxsize=4096)
def day(order_date: str, lang: str) -> str:
    """The day of an order's `YYYY-MM-DD HH:MM:SS` as people of this language write it, or nothing when
    there is no such day."""
    try:
        return format_date(date.fromisoformat(order_date[:10]), "long", locale_of(lang))
    except ValueError:
        return ""


@lru_cache(maxsize=4096)
def number(value: float, lang: str, pattern: str | None = None) -> str:
    """A number with the language's own grouping and decimal sign."""
    return format_decimal(value, pattern, locale_of(lang))
