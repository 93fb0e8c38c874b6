"""CSV as spreadsheets read and write it (RFC 4180, with their deviations)."""

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

LONGEST_CELL = 100_000
"""Characters. Without a limit, an unclosed quotation mark would make the rest of a file one cell."""

_is_formula = re.compile("[=+\\-@\t\r]").match
_is_guarded = re.compile("'[=+\\-@\t\r]").match


class Row(NamedTuple):
    """A row's cells (None if it cannot be parsed), and the line of the file on which it begins, from 1."""

    line: int
    cells: list[str] | None


def guarded(text: str) -> str:
    """The text as a cell that no spreadsheet runs as a formula: `'` is prefixed if the first character would start
    one (OWASP, "CSV Injection")."""
    return f"'{text}" if _is_formula(text) else text


def unguarded(cell: str) -> str:
    """The inverse of `guarded`."""
    return cell[1:] if _is_guarded(cell) else cell


def read_rows(lines: Iterable[str]) -> Iterator[Row]:
    """The rows of a file that was opened with `newline=""`, including the header. The delimiter is whichever of `,`
    `;` and tab is most frequent in the first line. Empty lines are skipped."""
    csv.field_size_limit(LONGEST_CELL)
    lines = iter(lines)
    first = next(lines, "")
    unquoted = re.sub('"[^"]*"', "", first)
    reader = csv.reader(chain([first], lines), delimiter=max(",;\t", key=unquoted.count))
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield Row(line, None)
        else:
            if any(cells):
                yield Row(line, cells)
