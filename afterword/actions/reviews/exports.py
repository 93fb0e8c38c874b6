"""Write all reviews of a shop, for a spreadsheet, a program, or Google (docs/feeds.md)."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from afterword.actions import present
from afterword.domain.csv import guarded
from afterword.domain.reviews.google_feed import Feed
from afterword.domain.shops import Shop
from afterword.store.engine.database import Database, Transaction
from afterword.store.reviews.walking import Collected, all_reviews

Pages = Iterable[list[Collected]]


class Export(NamedTuple):
    """Which reviews are written; `url` is the public address of this server."""

    shop: Shop
    live: bool
    url: str


def write(
    database: Database, export: Export, format: str, progress: Callable[[int], None] = lambda done: None
) -> Iterator[str]:
    """The parts of the text. `format` is one of FORMATS; `progress` is called with how many reviews are done.

    Every review that is there comes, whatever its state, but for erased ones, of which nothing is left. `google` has
    what its feed of product reviews has: published ones, and nothing private.
    """
    return FORMATS[format](_pages(database, export, progress), export)


def _pages(database: Database, export: Export, progress: Callable[[int], None]) -> Iterator[list[Collected]]:
    """Page after page, so that no snapshot stays open for long."""
    behind = done = 0

    def page(tx: Transaction) -> list[Collected]:
        return all_reviews(tx, export.shop, live=export.live, behind=behind)

    while rows := database.read_now(page):
        yield rows
        behind, done = rows[-1].review.number, done + len(rows)
        progress(done)


def _as_csv(pages: Pages, export: Export) -> Iterator[str]:
    """RFC 4180, with a byte order mark, without which spreadsheets misread accents; no cell is a formula."""
    yield "\ufeff" + _line(present.EXPORTED)
    for page in pages:
        yield "".join(_line(map(_cell, fields.values())) for fields in _fields(page))


def _line(cells: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else guarded(str(value))


def _as_json(pages: Pages, export: Export) -> Iterator[str]:
    """One array, a review a line, in ASCII."""
    before = "["
    for page in pages:
        for fields in _fields(page):
            yield f"{before}{json.dumps(fields)}\n"
            before = ","
    yield "[]\n" if before == "[" else "]\n"


def _as_google(pages: Pages, export: Export) -> Iterator[str]:
    feed = Feed(export.shop.id, export.shop.name, export.url, live=export.live)
    yield feed.start()
    for page in pages:
        yield feed.add((row.review, row.product) for row in page)
    yield feed.end()


FORMATS = {"csv": _as_csv, "json": _as_json, "google": _as_google}


def _fields(page: list[Collected]) -> Iterator[present.Fields]:
    return (present.exported(row) for row in page if row.review.state != "erased")
