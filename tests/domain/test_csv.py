import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterword.domain.csv import LONGEST_CELL, Row, guarded, read_rows, unguarded


def rows(text: str) -> list[Row]:
    return list(read_rows(io.StringIO(text, newline="")))


@pytest.mark.parametrize("text", ["=1+1", "+33 1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_formula_is_no_formula_any_more_and_comes_back_as_it_was(text: str) -> None:
    assert guarded(text) == f"'{text}"
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("text", ["", "Good bread.", "'tis good", "a=1", "2 - 1", "–", "''"])
def test_any_other_text_stays_as_it_is(text: str) -> None:
    assert guarded(text) == unguarded(text) == text


@given(st.text())
def test_whatever_is_guarded_begins_with_nothing_that_a_spreadsheet_runs(text: str) -> None:
    assert not guarded(text).startswith(tuple("=+-@\t\r"))
    assert unguarded(guarded(text)) == unguarded(text)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_what_stands_most_often_in_the_first_line(separator: str) -> None:
    found = rows(separator.join(('"a,b;c;d;e"', "rating", "text")) + "\r\n" + separator.join("123"))
    assert found == [Row(1, ["a,b;c;d;e", "rating", "text"]), Row(2, ["1", "2", "3"])]


def test_a_row_has_the_line_on_which_it_begins() -> None:
    assert rows('a,b\n"two\nlines",1\r\n\n,\nlast,2') == [
        Row(1, ["a", "b"]),
        Row(2, ["two\nlines", "1"]),
        Row(6, ["last", "2"]),
    ]


def test_a_cell_that_does_not_end_takes_no_more_with_it_than_the_longest_cell() -> None:
    lines = "".join(f"{number},good\n" for number in range(2 * LONGEST_CELL // 10))
    found = rows(f'a,b\n1,"bad\n{lines}last,good\n')
    assert [row for row in found if row.cells is None] == [Row(2, None)]
    assert found[-1].cells == ["last", "good"]


def test_nothing_has_no_rows() -> None:
    assert rows("") == []


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8"), max_size=9), min_size=2), min_size=2))
def test_what_python_writes_is_read_as_it_was(table: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([["id", "text"], *table])
    assert [row.cells for row in rows(text.getvalue())[1:]] == [cells for cells in table if any(cells)]
