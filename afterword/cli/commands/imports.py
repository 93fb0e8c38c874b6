"""`afterword import`: reviews that were collected elsewhere."""

import codecs
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import msgspec

from afterword.actions.foreign import Became, import_reviews, which_imported_before
from afterword.actions.writing import CHECKS
from afterword.base.clock import system_clock
from afterword.base.errors import Refused
from afterword.base.settings import read_settings
from afterword.cli.options import check_text, checked, json_option, named_shop, opened, shop_argument
from afterword.cli.output import say, say_json, shown
from afterword.domain.csv import Row, read_rows
from afterword.domain.orders.order import FieldError
from afterword.domain.reviews.chain import Signer
from afterword.domain.reviews.foreign import Foreign, Head, Source, read_head, read_review
from afterword.domain.shops import Shop
from afterword.store.engine.engine_database import EngineDatabase

ROWS_A_TRANSACTION = 200
"""Few enough that a server on the same file goes on in between."""

MOST_ERRORS = 1_000
"""In the JSON: rows that were not imported. All are counted."""


class Result(msgspec.Struct):
    """What came of a file. `waiting` are among the imported."""

    imported: int = 0
    waiting: int = 0
    imported_before: int = 0
    refused: int = 0
    ignored_columns: tuple[str, ...] = ()
    errors: list[dict[str, object]] = msgspec.field(default_factory=list)

    def count(self, became: Iterable[Became]) -> None:
        for each in became:
            self.imported += each != "imported before"
            self.waiting += each == "waiting"
            self.imported_before += each == "imported before"


@click.command("import")
@shop_argument
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--from", "source", default="elsewhere", callback=checked(check_text), help="Where they were collected."
)
@click.option("--test", is_flag=True, help="As test reviews.")
@click.option("--dry-run", is_flag=True, help="Only say what would become of each row.")
@json_option
def import_(id_or_name: str, file: Path, source: str, test: bool, dry_run: bool, as_json: bool) -> None:
    """Import reviews that were collected elsewhere, from a CSV file.

    Its first line names the columns: rating, text and date must be there; id, author, product_id, product_name,
    lang, experience_date, title, reply and replied_at may be. They are shown as imported and not verified by us.
    The same file again imports nothing twice, and goes on where it was stopped. See docs/feeds.md.

    \b
      afterword import "Alba's bakery" reviews.csv --from "Old Reviews Ltd" --dry-run
    """
    signer = Signer(read_settings().link_secret())
    with opened() as database, _rows_of(file) as rows:
        shop = database.read_now(lambda tx: named_shop(tx, id_or_name))
        importing = _Import(database, shop, source, not test, signer, tell=not as_json)
        result = importing.run(rows, dry_run=dry_run)
    if as_json:
        say_json(msgspec.to_builtins(result) | {"dry_run": dry_run})
    else:
        _say(result, dry_run)
    if result.refused:
        raise click.exceptions.Exit(1)


@contextmanager
def _rows_of(file: Path) -> Iterator[Iterator[Row]]:
    """In UTF-8, or in UTF-16 if it says so; what is neither becomes halves of characters, and is refused where it
    stands."""
    with file.open("rb") as raw:
        is_wide = raw.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    encoding = "utf-16" if is_wide else "utf-8-sig"
    with file.open(encoding=encoding, errors="surrogateescape", newline="") as lines:
        yield read_rows(lines)


class _Import:
    """One run over one file."""

    def __init__(
        self, database: EngineDatabase, shop: Shop, source: str, live: bool, signer: Signer, *, tell: bool
    ) -> None:
        self._database = database
        self._shop = shop
        self._source = Source(source, ZoneInfo(shop.timezone), shop.lang)
        self._live = live
        self._signer = signer
        self._tell = tell
        self._result = Result()
        self._seen: set[str] = set()

    def run(self, rows: Iterator[Row], *, dry_run: bool) -> Result:
        """Raises Refused when the first line does not name what is needed."""
        head = _head(next(rows, Row(1, [])))
        self._result.ignored_columns = head.ignored
        good = self._good(head, rows)
        while found := list(islice(good, ROWS_A_TRANSACTION)):
            self._result.count(self._try(found) if dry_run else self._store(found))
            self._progress()
        self._progress("\n")
        return self._result

    def _good(self, head: Head, rows: Iterator[Row]) -> Iterator[Foreign]:
        """The reviews that can be imported; what is wrong with the others is told."""
        for line, cells in rows:
            if cells is None:
                self._refuse(line, [FieldError("", "a cell that does not end")])
                continue
            found = read_review(head, cells, self._source, system_clock())
            if isinstance(found, list):
                self._refuse(line, found)
            else:
                yield found

    def _refuse(self, line: int, errors: list[FieldError]) -> None:
        self._result.refused += 1
        for error in errors:
            message = error.expected or "missing"
            if self._tell:
                click.echo(f"line {line}{f', {error.field}' if error.field else ''}: {message}", err=True)
            elif len(self._result.errors) < MOST_ERRORS:
                self._result.errors.append({"line": line, "field": error.field, "message": message})

    def _store(self, found: list[Foreign]) -> list[Became]:
        return self._database.write_now(
            partial(
                import_reviews,
                shop=self._shop,
                source=self._source.name,
                found=found,
                live=self._live,
                look=CHECKS,
                signer=self._signer,
                now=system_clock(),
            )
        )

    def _try(self, found: list[Foreign]) -> list[Became]:
        """What `_store` would say."""
        before = self._database.read_now(
            lambda tx: which_imported_before(tx, self._shop, found, live=self._live)
        )
        became: list[Became] = []
        for foreign, is_known in zip(found, before, strict=True):
            if is_known or foreign.key in self._seen:
                became.append("imported before")
            else:
                became.append("waiting" if CHECKS(foreign.text) else "imported")
            self._seen.add(foreign.key)
        return became

    def _progress(self, end: str = "") -> None:
        if sys.stderr.isatty():
            done = self._result.imported + self._result.imported_before + self._result.refused
            click.echo(f"\r{done:,} rows{end}", err=True, nl=False)


def _head(row: Row) -> Head:
    try:
        return read_head(row.cells or [])
    except ValueError as error:
        raise Refused(str(error)) from error


def _say(result: Result, dry_run: bool) -> None:
    if result.ignored_columns:
        say(f"Nothing was read of {', '.join(map(shown, result.ignored_columns))}.")
    verb = "would be imported" if dry_run else "imported"
    waiting = (
        f", of which {result.waiting:,} wait for a person: afterword review list" if result.waiting else ""
    )
    say(f"{result.imported:,} {verb}{waiting}.")
    if result.imported_before:
        say(f"{result.imported_before:,} were imported before.")
    if result.refused:
        say(f"{result.refused:,} cannot be imported: what is wrong stands above.")
