"""CSV as spreadsheets read and write it (RFC 4180, with their deviations)."""

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

LONGEST_CELL = 100_000
"""Characters. Without a limit, an unclosed quotation mark would make the rest of a file one cell."""

_BEGINNING = '(?:^|(?<=[;\t\r\n]))"*'
"""Where a cell begins for a spreadsheet that expects `;` or a tab between cells: our quotation marks then do not hold
a cell together. Quotation marks at a cell's beginning are not part of its text."""

_formula = re.compile(f"({_BEGINNING})(?=[=+\\-@\t\r])")
_guarded_formula = re.compile(f"({_BEGINNING})'(?=[=+\\-@\t\r])")
_separator = re.compile(r"sep=([,;\t])\s*", re.IGNORECASE).fullmatch


class Row(NamedTuple):
    """A row's cells (None if it cannot be parsed), and the line of the file on which it begins, from 1."""

    line: int
    cells: list[str] | None


def guarded(text: str) -> str:
    """The text as a cell in which no spreadsheet runs a formula, whichever separator it expects: `'` is put before
    each character that would start one (OWASP, "CSV Injection")."""
    return _formula.sub(r"\1'", text)


def unguarded(cell: str) -> str:
    """The inverse of `guarded`."""
    return _guarded_formula.sub(r"\1", cell)


def read_rows(lines: Iterable[str]) -> Iterator[Row]:
    """The rows of a file that was opened with `newline=""`, including the header. The delimiter is the one named by a
    line `sep=;` before the header, otherwise whichever of `,` `;` and tab is most frequent in the header. Empty lines
    are skipped."""
    csv.field_size_limit(LONGEST_CELL)
    lines = iter(lines)
    first = next(lines, "")
    skipped = 0
    if named := _separator(first):
        first, skipped = next(lines, ""), 1
    unquoted = re.sub('"[^"]*"', "", first)
    delimiter = named[1] if named else max(",;\t", key=unquoted.count)
    reader = csv.reader(chain([first], lines), delimiter=delimiter)
    while True:
        line = reader.line_num + 1 + skipped
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield Row(line, None)
        else:
            if any(cells):
                yield Row(line, cells)
