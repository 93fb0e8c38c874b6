"""Reads reviews that were collected elsewhere from the rows of a table, and validates them.

They are shown as imported and not verified. Their words are not edited: only what HTML made of them is undone.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from afterword.domain.csv import unguarded
from afterword.domain.markup import decoded, plain_lines, without_tags
from afterword.domain.orders.dates import read_date
from afterword.domain.orders.fields import UnfitError, read_product_name
from afterword.domain.orders.order import FieldError
from afterword.domain.people.names import public_name, public_name_of
from afterword.domain.reviews.chain import canonical
from afterword.domain.reviews.headings import Head, is_reply_shown, is_shown
from afterword.domain.reviews.review import SITE, Unfit, read_rating, read_scope, read_words
from afterword.domain.shops import check_lang

NO_PRODUCT = ("no", SITE, "yotpo_site_reviews")
"""Values of `product_id` that mean a review of the shop."""

REQUIRED = ("rating", "date")
"""What no row may lack."""

NAMES = ("author", "full_name", "firstname", "lastname")
"""The fields that a reviewer's name is in: one or several."""

UTC = ZoneInfo("UTC")

EARLIEST = 631_152_000
"""1990, as epoch seconds: before the first web shop."""

_day = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch
_stars = re.compile(r"([1-5])(?:[.,]0+)?(?: ?/ ?5)?").fullmatch
_shortened = re.compile(r"[0-9](?:[.,][0-9]{1,20})?E\+[0-9]{1,3}", re.IGNORECASE).fullmatch
_spelled_number = re.compile(r"'?([0-9]{1,40})(?:\.0{1,9})?").fullmatch


class Foreign(NamedTuple):
    """A review collected elsewhere. `key` (hex) is the same each time the same review is read. Times are epoch
    seconds, `experience_date` is `YYYY-MM-DD`, or empty if it is unknown; `author` is the public name. The text is
    empty where there were only stars. `is_unsure`: its source does not clearly say that it shows it."""

    key: str
    scope: str
    product_name: str | None
    rating: int
    text: str
    author: str
    lang: str
    experience_date: str
    written_at: int
    reply: str | None
    replied_at: int | None
    is_unsure: bool = False


class Source(NamedTuple):
    """Where a table comes from: the name shown to the public, and the shop's time zone and language, which apply
    where a row has none."""

    name: str
    zone: ZoneInfo
    lang: str


def read_review(
    head: Head, cells: Sequence[str], source: Source, now: float
) -> Foreign | list[FieldError] | None:
    """The review of a row, or all its errors; None where its source does not show it. Never raises."""
    if any(cells[head.width :]):
        return [FieldError("", "more cells than the first line has")]
    shown = is_shown(head, cells)
    if shown is False:
        return None
    row = {field: unguarded(cells[at]).strip() for field, at in head.indexes.items() if at < len(cells)}
    row["text"] = "\n\n".join(filter(None, (row.get("title"), row.get("text"))))
    if not is_reply_shown(head, cells):
        row["reply"] = ""
    values, errors = _read(row, _readers(head, source, now))
    if head.names_products and not row.get("product_id"):
        errors.append(FieldError("product_id", _without_product(head)))
    return errors or _review(source, row, values, is_unsure=shown is None)


def _without_product(head: Head) -> str:
    """The default of a product must not be the shop: what is missing was a product's."""
    if "product_id" in head.indexes:
        return f"missing: write the product's id in your orders, or {SITE} for a review of the shop"
    return "missing: if a column has the products' ids in your orders, name it product_id"


def _review(source: Source, row: Mapping[str, str], values: Mapping[str, Any], *, is_unsure: bool) -> Foreign:
    return Foreign(
        key=_key(source, {**row, "id": values["id"] or ""}),
        scope=values["product_id"] or SITE,
        product_name=values["product_name"],
        rating=values["rating"],
        text=values["text"] or "",
        author=_author(values),
        lang=values["lang"] or source.lang,
        experience_date=values["experience_date"] or "",
        written_at=values["date"],
        reply=values["reply"] or None,
        replied_at=(values["replied_at"] or values["date"]) if values["reply"] else None,
        is_unsure=is_unsure,
    )


def _author(values: Mapping[str, Any]) -> str:
    """The public name, from one column or two. Where the last name has a column and the first has none, the name is
    the first one, as in the reviews API."""
    whole, first, last = values["author"] or values["full_name"], values["firstname"], values["lastname"]
    if not last or (whole and first):
        return public_name_of(whole or first or "")
    return public_name(whole or first or "", last)


Readers = Mapping[str, Callable[[str], Any]]


def _read(row: Mapping[str, str], readers: Readers) -> tuple[dict[str, Any], list[FieldError]]:
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    for field, read in readers.items():
        text = row.get(field, "")
        values[field] = None
        try:
            if text:
                values[field] = read(_whole(text))
            elif field in REQUIRED:
                errors.append(FieldError(field, None))
        except UnfitError as wrong:
            errors.append(FieldError(field, str(wrong)))
    return values, errors


def _readers(head: Head, source: Source, now: float) -> Readers:
    def moment(field: str) -> Callable[[str], int]:
        zone = UTC if field in head.in_utc else source.zone
        return lambda text: _moment(text, zone, now)

    def day(text: str) -> str:
        return f"{datetime.fromtimestamp(moment('experience_date')(text), source.zone):%Y-%m-%d}"

    return {
        "id": _number_as_text,
        "rating": _rating,
        "text": _words,
        **dict.fromkeys(NAMES, _name),
        "date": moment("date"),
        "product_id": _scope,
        "product_name": read_product_name,
        "lang": _lang,
        "experience_date": day,
        "reply": _words,
        "replied_at": moment("replied_at"),
    }


def _whole(text: str) -> str:
    """Raises UnfitError for bytes that were not UTF-8, which arrive as lone surrogates."""
    if re.search("[\ud800-\udfff]", text):
        raise UnfitError("text in UTF-8")
    return text


def _rating(text: str) -> int:
    """Reads `4`, `4.0` and `4/5` as four stars."""
    found = _stars(text)
    return read_rating(found[1] if found else text)


def _words(text: str) -> str:
    """Empty where there is nothing to read: stars without words count too."""
    try:
        return read_words(plain_lines(text))
    except Unfit as wrong:
        if wrong.code == "no words":
            return ""
        raise


def _name(text: str) -> str:
    return without_tags(decoded(text))


def _scope(text: str) -> str:
    """A product's id, read as in orders."""
    if text.casefold() in NO_PRODUCT:
        return SITE
    return read_scope(_number_as_text(text))


def _number_as_text(text: str) -> str:
    """A number without what spreadsheets add: `'7012` and `7012.0` are 7012. Raises UnfitError where one has cut its
    digits, as in `7.01235E+12`."""
    if _shortened(text):
        raise UnfitError("cut by a spreadsheet: format the column as text there, and export it again")
    found = _spelled_number(text)
    return found[1] if found else text


def _lang(text: str) -> str:
    try:
        return check_lang(text)
    except ValueError:
        raise UnfitError("a language such as en, fr, pt-br") from None


def _moment(text: str, zone: ZoneInfo, now: float) -> int:
    """The epoch seconds of a past date, with or without a time; a date alone means its noon."""
    try:
        local = read_date(f"{text} 12:00" if _day(text) else text, zone)
    except UnfitError:
        local = None
    if local is None:
        raise UnfitError("not a date and time: write 2025-11-03 or 2025-11-03 18:30")
    seconds = int(datetime.fromisoformat(local).replace(tzinfo=zone).timestamp())
    if not EARLIEST <= seconds <= now + 86_400:
        raise UnfitError("a date since 1990 that has passed")
    return min(seconds, int(now))


def _key(source: Source, row: Mapping[str, str]) -> str:
    """Derived from the source's own id if there is one, so that a review edited there is recognized; otherwise from
    author, date and content."""
    of_content = ("product_id", *NAMES, "date", "rating", "text")
    identity = {name: row[name] for name in (("id",) if row["id"] else of_content) if row.get(name)}
    return hashlib.blake2b(canonical([source.name, identity]).encode(), digest_size=16).hexdigest()
