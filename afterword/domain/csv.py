"""CSV as spreadsheets read it and as they write it (RFC 4180, and what they make of it)."""

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

LONGEST_CELL = 100_000
"""Characters. A quotation mark that is never closed would make one cell of the rest of a file."""

_is_formula = re.compile("[=+\\-@\t\r]").match
_is_guarded = re.compile("'[=+\\-@\t\r]").match


class Row(NamedTuple):
    """The cells of a row, and the line of the file on which it begins, from 1; None where no row can be made out."""

    line: int
    cells: list[str] | None


def guarded(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula: with `'` before a first sign that would make it one
    (OWASP, "CSV Injection")."""
    return f"'{text}" if _is_formula(text) else text


def unguarded(cell: str) -> str:
    """What was guarded, as it was."""
    return cell[1:] if _is_guarded(cell) else cell


def read_rows(lines: Iterable[str]) -> Iterator[Row]:
    """The rows of a file that was opened with `newline=""`, the head too. What separates cells, `,` `;` or a tab, is
    what stands in the first line most often. Lines without anything are passed over."""
    csv.field_size_limit(LONGEST_CELL)
    lines = iter(lines)
    first = next(lines, "")
    reader = csv.reader(chain([first], lines), delimiter=_separator(first))
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


def _separator(line: str) -> str:
    plain = re.sub('"[^"]*"', "", line)
    return max(",;\t", key=plain.count)
