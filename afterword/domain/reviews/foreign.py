"""Reads reviews that were collected elsewhere from the rows of a table, and validates them.

They are shown as imported and not verified. Their text is not edited.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from afterword.domain.csv import unguarded
from afterword.domain.names import public_name_of
from afterword.domain.orders.dates import read_date
from afterword.domain.orders.fields import UnfitError, read_product_name
from afterword.domain.orders.order import FieldError
from afterword.domain.reviews.chain import canonical
from afterword.domain.reviews.review import SITE, read_rating, read_scope, read_words
from afterword.domain.shops import check_lang

COLUMNS = {
    "id": ("id", "review_id"),
    "state": ("state",),
    "rating": ("rating", "stars", "score"),
    "title": ("title", "headline"),
    "text": ("text", "content", "body", "review", "review_text", "comment"),
    "author": ("author", "name", "reviewer", "reviewer_name", "customer"),
    "date": ("date", "published_at", "created_at", "review_date", "written_at"),
    "product_id": ("product_id", "product"),
    "product_name": ("product_name", "product_title"),
    "lang": ("lang", "language", "locale"),
    "experience_date": ("experience_date", "order_date"),
    "reply": ("reply", "answer", "response"),
    "replied_at": ("replied_at", "reply_date"),
}
"""Each field and the column names that may hold it; the first name that is present wins."""

NEEDED = ("rating", "text", "date")

NO_PRODUCT = ("no", "site")
"""Values of `product_id` that mean a review of the shop, as does an empty value."""

EARLIEST = 631_152_000
"""1990, as epoch seconds: before the first web shop."""

_day = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch
_stars = re.compile(r"([1-5])(?:[.,]0+)?(?: ?/ ?5)?").fullmatch


class Head(NamedTuple):
    """The header: the index of each field's cell, the number of cells, and the names of ignored columns."""

    indexes: dict[str, int]
    width: int
    ignored: tuple[str, ...]


class Foreign(NamedTuple):
    """A review collected elsewhere. `key` (hex) is the same each time the same review is read. Times are epoch
    seconds, `experience_date` is `YYYY-MM-DD`; `author` is the public name."""

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


class Source(NamedTuple):
    """Where a table comes from: the name shown to the public, and the shop's time zone and language, which apply
    where a row has none."""

    name: str
    zone: ZoneInfo
    lang: str


def read_head(cells: Sequence[str]) -> Head:
    """The columns of the header row, in any order, ignoring case and white space. Raises ValueError with a
    sentence."""
    names = [re.sub(r"[\s-]+", "_", cell.strip().casefold()) for cell in cells]
    found = {
        field: next(name for name in known if name in names)
        for field, known in COLUMNS.items()
        if not set(names).isdisjoint(known)
    }
    if missing := [field for field in NEEDED if field not in found]:
        raise ValueError(f"the first line names no column {' or '.join(missing)}")
    ignored = tuple(cells[at] for at, name in enumerate(names) if name and name not in found.values())
    return Head({field: names.index(name) for field, name in found.items()}, len(cells), ignored)


def read_review(head: Head, cells: Sequence[str], source: Source, now: float) -> Foreign | list[FieldError]:
    """The review of a row, or all its errors. Never raises."""
    if any(cells[head.width :]):
        return [FieldError("", "more cells than the first line has")]
    row = {field: unguarded(cells[at]).strip() for field, at in head.indexes.items() if at < len(cells)}
    row["text"] = "\n\n".join(filter(None, (row.get("title"), row.get("text"))))
    if row.get("state", "published").casefold() != "published":
        return [FieldError("state", "published: nothing else is shown")]
    values, errors = _read(row, _readers(source, now))
    if row.get("product_name") and not row.get("product_id"):
        errors.append(FieldError("product_id", None))
    if errors:
        return errors
    written_at = values["date"]
    return Foreign(
        key=_key(source, row),
        scope=values["product_id"] or SITE,
        product_name=values["product_name"],
        rating=values["rating"],
        text=values["text"],
        author=values["author"] or "",
        lang=values["lang"] or source.lang,
        experience_date=values["experience_date"] or _local_day(written_at, source.zone),
        written_at=written_at,
        reply=values["reply"],
        replied_at=(values["replied_at"] or written_at) if values["reply"] else None,
    )


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
            elif field in NEEDED:
                errors.append(FieldError(field, None))
        except UnfitError as wrong:
            errors.append(FieldError(field, str(wrong)))
    return values, errors


def _readers(source: Source, now: float) -> Readers:
    def moment(text: str) -> int:
        return _moment(text, source.zone, now)

    return {
        "rating": _rating,
        "text": read_words,
        "author": public_name_of,
        "date": moment,
        "product_id": _scope,
        "product_name": read_product_name,
        "lang": _lang,
        "experience_date": lambda text: _local_day(moment(text), source.zone),
        "reply": read_words,
        "replied_at": moment,
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


def _scope(text: str) -> str:
    """A product's id, read as in orders."""
    if text.casefold() in NO_PRODUCT:
        return SITE
    return read_scope(text)


def _lang(text: str) -> str:
    try:
        return check_lang(text)
    except ValueError:
        raise UnfitError("a language such as en, fr, pt-br") from None


def _moment(text: str, zone: ZoneInfo, now: float) -> int:
    """The epoch seconds of a past date, with or without a time; a date alone means its noon."""
    local = read_date(f"{text} 12:00" if _day(text) else text, zone)
    if local is None:
        raise UnfitError("not a date and time")
    seconds = int(datetime.fromisoformat(local).replace(tzinfo=zone).timestamp())
    if not EARLIEST <= seconds <= now + 86_400:
        raise UnfitError("a date since 1990 that has passed")
    return min(seconds, int(now))


def _local_day(seconds: int, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(seconds, zone):%Y-%m-%d}"


def _key(source: Source, row: Mapping[str, str]) -> str:
    """Derived from the source's own id if there is one, so that a review edited there is recognized; otherwise from
    author, date and content."""
    of_content = ("product_id", "author", "date", "rating", "text")
    identity = {name: row.get(name, "") for name in (("id",) if row.get("id") else of_content)}
    return hashlib.blake2b(canonical([source.name, identity]).encode(), digest_size=16).hexdigest()
