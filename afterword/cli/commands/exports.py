"""`afterword export`: all reviews of a shop, for a spreadsheet, a program, or Google."""

import csv
import io
import json
import os
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from afterword.base.errors import Refused
from afterword.base.files import sync
from afterword.base.settings import read_settings
from afterword.cli.options import named_shop, opened, shop_argument
from afterword.cli.output import Fields, say, shown, time_text
from afterword.domain.csv import guarded
from afterword.domain.reviews.google_feed import Feed
from afterword.domain.reviews.review import SITE
from afterword.domain.shops import Shop
from afterword.store.engine.database import Transaction
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.reviews.walking import REVIEWS_A_PAGE, Collected, all_reviews

OF_THE_ORDER = ("id_order", "reference", "firstname", "lastname", "email")
"""Empty where a review was imported, and its order is not known."""

FIELDS = (
    *(
        "id",
        "id_order",
        "reference",
        "product_id",
        "product_name",
        "state",
        "reason",
        "flags",
        "rating",
        "text",
    ),
    *("author", "firstname", "lastname", "email", "lang", "experience_date"),
    *("written_at", "published_at", "changed_at", "version"),
    *("reply", "replied_at", "doubt", "doubted_at", "imported_from", "live"),
)

Pages = Iterable[list[Collected]]


@click.command()
@shop_argument
@click.option(
    "--format", "form", type=click.Choice(["csv", "json", "google"]), default="csv", help="csv unless named."
)
@click.option("--test", is_flag=True, help="The test reviews.")
@click.option(
    "--output", "file", type=click.Path(path_type=Path, dir_okay=False), help="A file; stdout unless given."
)
def export(id_or_name: str, form: str, test: bool, file: Path | None) -> None:
    """Write all reviews of a shop, whatever became of them.

    With what is known of their orders: names and addresses of customers. The format google has what its product
    review feed has: what is published, and nothing private. With --output the file is there when it is whole; what
    was there before is replaced.
    """
    with opened() as database:
        shop = database.read_now(lambda tx: named_shop(tx, id_or_name))
        parts = FORMATS[form](_pages(database, shop, live=not test, tell=file is not None), shop, not test)
        if file is None:
            _write(sys.stdout.buffer, parts)
            return
        with _replacing(file) as draft:
            _write(draft, parts)
    say(f"{shown(str(file))} is written ({file.stat().st_size:,} bytes).")


def _pages(database: EngineDatabase, shop: Shop, *, live: bool, tell: bool) -> Iterator[list[Collected]]:
    """Page after page, so that no reader keeps a snapshot open for long."""
    behind = done = 0

    def page(tx: Transaction) -> list[Collected]:
        return all_reviews(tx, shop.id, live=live, behind=behind)

    while rows := database.read_now(page):
        yield rows
        behind, done = rows[-1].review.number, done + len(rows)
        if tell and sys.stderr.isatty():
            end = "\n" if len(rows) < REVIEWS_A_PAGE else ""
            click.echo(f"\r{done:,} reviews{end}", err=True, nl=False)


def _write(stream: BinaryIO, parts: Iterable[str]) -> None:
    for part in parts:
        stream.write(part.encode())
    stream.flush()


@contextmanager
def _replacing(file: Path) -> Iterator[BinaryIO]:
    """Guarantee: a file of this name is whole, and survives a power cut."""
    if not file.parent.is_dir():
        raise Refused(f"there is no folder {file.parent}")
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            yield stream
        sync(draft)
        draft.replace(file)
        sync(file.parent)
    finally:
        draft.unlink(missing_ok=True)


def _as_csv(pages: Pages, shop: Shop, live: bool) -> Iterator[str]:
    """RFC 4180, in UTF-8; no cell is a formula."""
    yield _line(FIELDS)
    for page in pages:
        yield "".join(_line(map(_cell, export_fields(row).values())) for row in _left(page))


def _line(cells: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else guarded(str(value))


def _as_json(pages: Pages, shop: Shop, live: bool) -> Iterator[str]:
    """One array, a review a line, in ASCII."""
    before = "["
    for page in pages:
        for row in _left(page):
            yield f"{before}{json.dumps(export_fields(row))}\n"
            before = ","
    yield "[]\n" if before == "[" else "]\n"


def _as_google(pages: Pages, shop: Shop, live: bool) -> Iterator[str]:
    feed = Feed(shop.id, shop.name, read_settings().url, live=live)
    yield feed.start()
    for page in pages:
        yield feed.add((row.review, row.product) for row in page)
    yield feed.end()


FORMATS: dict[str, Callable[[Pages, Shop, bool], Iterator[str]]] = {
    "csv": _as_csv,
    "json": _as_json,
    "google": _as_google,
}


def _left(page: list[Collected]) -> Iterator[Collected]:
    """But for what was erased: nothing is left of it."""
    return (row for row in page if row.review.state != "erased")


def export_fields(row: Collected) -> Fields:
    """All that the shop may know of a review. Times are UTC, dates the shop's."""
    return {name: _field(row, name) for name in FIELDS}


def _field(row: Collected, name: str) -> object:
    review, order = row
    if name in OF_THE_ORDER:
        return getattr(order, name, None)
    if name == "product_id":
        return None if review.scope == SITE else review.scope
    if name == "flags":
        return ", ".join(review.flags) or None
    value = getattr(review, name)
    return time_text(value) if name.endswith("_at") else value
