"""Import reviews that were collected elsewhere, from a CSV file (docs/feeds.md)."""

import codecs
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from afterword.actions.reviews.checking import CHECKS, looked_at
from afterword.actions.reviews.foreign import (
    Collection,
    ImportResult,
    flags_of,
    import_reviews,
    which_imported_before,
)
from afterword.base.clock import Clock
from afterword.base.errors import Refused
from afterword.domain.csv import Row, read_rows
from afterword.domain.orders.order import FieldError
from afterword.domain.reviews.chain import Signer
from afterword.domain.reviews.foreign import Foreign, Source, read_review
from afterword.domain.reviews.headings import Head, read_head
from afterword.store.engine.database import Database

ROWS_A_TRANSACTION = 200
"""Few enough that a server on the same file gets its turn in between."""


class RowRefused(NamedTuple):
    """What is wrong with one row; `field` is empty where it is the row as a whole."""

    line: int
    field: str
    message: str


class Imported(msgspec.Struct):
    """The counts of one file. `waiting` ones are among the imported, `not_shown` ones are not shown by their source.
    `columns` has the headings that each field is read from."""

    imported: int = 0
    waiting: int = 0
    imported_before: int = 0
    not_shown: int = 0
    refused: int = 0
    columns: dict[str, tuple[str, ...]] = {}
    ignored_columns: tuple[str, ...] = ()

    def add(self, results: Iterable[ImportResult]) -> None:
        for each in results:
            self.imported += each != "imported before"
            self.waiting += each == "waiting"
            self.imported_before += each == "imported before"

    @property
    def rows(self) -> int:
        return self.imported + self.imported_before + self.not_shown + self.refused


@contextmanager
def rows_of(file: Path) -> Iterator[Iterator[Row]]:
    """UTF-8, or UTF-16 with its mark. Bytes that are neither become half characters, for which their row is
    refused."""
    with file.open("rb") as raw:
        is_wide = raw.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    encoding = "utf-16" if is_wide else "utf-8-sig"
    with file.open(encoding=encoding, errors="surrogateescape", newline="") as lines:
        yield read_rows(lines)


@dataclass
class Import:
    """One run over one file. `report` gets what is wrong with a row; `progress` the counts so far.

    The same file again imports nothing twice, and continues where it was stopped: a transaction is ROWS_A_TRANSACTION
    rows, each stored with what identifies it.
    """

    database: Database
    collection: Collection
    signer: Signer
    clock: Clock
    report: Callable[[RowRefused], None]
    _done: Imported = field(default_factory=Imported, init=False)
    _seen: set[str] = field(default_factory=set, init=False)

    def run(
        self,
        rows: Iterator[Row],
        *,
        dry_run: bool = False,
        progress: Callable[[Imported], None] = lambda done: None,
    ) -> Imported:
        """A dry run changes nothing, and counts the same. Raises Refused when a needed column is missing."""
        try:
            head = read_head(next(rows, Row(1, [])).cells or [])
        except ValueError as error:
            raise Refused(str(error)) from error
        self._done.columns, self._done.ignored_columns = head.columns, head.ignored
        good = self._good(head, rows)
        while found := list(islice(good, ROWS_A_TRANSACTION)):
            self._done.add(self._try(found) if dry_run else self._store(found))
            progress(self._done)
        return self._done

    def _good(self, head: Head, rows: Iterator[Row]) -> Iterator[Foreign]:
        """The reviews that can be imported; wrong rows are reported, those that are not shown are counted."""
        shop = self.collection.shop
        source = Source(self.collection.source, ZoneInfo(shop.timezone), shop.lang)
        for line, cells in rows:
            if cells is None:
                self._refuse(line, [FieldError("", "a cell that does not end")])
                continue
            found = read_review(head, cells, source, self.clock())
            if found is None:
                self._done.not_shown += 1
            elif isinstance(found, list):
                self._refuse(line, found)
            else:
                yield found

    def _refuse(self, line: int, errors: list[FieldError]) -> None:
        self._done.refused += 1
        for error in errors:
            self.report(RowRefused(line, error.field, error.expected or "missing"))

    def _store(self, found: list[Foreign]) -> list[ImportResult]:
        signer, now = self.signer, self.clock()
        look = looked_at(CHECKS, map(self.collection.checked, found))
        return self.database.write_now(
            lambda tx: import_reviews(tx, self.collection, found, look, signer=signer, now=now)
        )

    def _try(self, found: list[Foreign]) -> list[ImportResult]:
        """What `_store` would return."""
        shop, _, live = self.collection
        before = self.database.read_now(lambda tx: which_imported_before(tx, shop, found, live=live))
        return [self._would(foreign, is_known) for foreign, is_known in zip(found, before, strict=True)]

    def _would(self, foreign: Foreign, is_known: bool) -> ImportResult:
        if is_known or foreign.key in self._seen:
            return "imported before"
        self._seen.add(foreign.key)
        return "waiting" if flags_of(self.collection, foreign, CHECKS) else "imported"
