import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterword.domain.csv import LONGEST_CELL, Row, guarded, read_rows, unguarded


def rows(text: str) -> list[Row]:
    return list(read_rows(io.StringIO(text, newline="")))


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        *((text, f"'{text}") for text in ("=1+1", "+33 1", "-1", "@SUM(A1)")),
        ("\t=1", "'\t'=1"),
        ("Good;=1+1", "Good;'=1+1"),
        ("Good\t@SUM(A1)", "Good\t'@SUM(A1)"),
        ("Good:\n- crust\n- crumb", "Good:\n'- crust\n'- crumb"),
        ('Good;""=1+1', 'Good;""\'=1+1'),
    ],
)
def test_a_formula_is_no_formula_any_more_and_comes_back_as_it_was(text: str, cell: str) -> None:
    assert guarded(text) == cell
    assert unguarded(cell) == text


@pytest.mark.parametrize(
    "text", ["", "Good bread.", "'tis good", "a=1", "2 - 1", "–", "''", "a; b", "a,=1", "a\nb"]
)
def test_any_other_text_stays_as_it_is(text: str) -> None:
    assert guarded(text) == unguarded(text) == text


@given(st.text())
def test_whatever_is_guarded_begins_with_nothing_that_a_spreadsheet_runs(text: str) -> None:
    assert not guarded(text).startswith(tuple("=+-@\t\r"))
    assert unguarded(guarded(text)) == unguarded(text)


@given(st.text("=+-@\"';,\t\n x", max_size=12))
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_whichever_separator_a_spreadsheet_expects_no_cell_is_a_formula(separator: str, text: str) -> None:
    """It reads what we write with commas: with another separator, our quotation marks do not hold a cell together."""
    written = io.StringIO()
    csv.writer(written).writerows([["id", "text", "end"], ["1", guarded(text), "x"]])
    lines = io.StringIO(written.getvalue(), newline="")
    for row in csv.reader(lines, delimiter=separator):
        assert not any(cell.startswith(tuple("=+-@")) for cell in row), row


@pytest.mark.parametrize("first", ["sep=;", "SEP=;", "sep=; "])
def test_a_first_line_that_names_the_separator_is_no_row(first: str) -> None:
    assert rows(f"{first}\r\ntext,a;b\r\n1;2\r\n") == [Row(2, ["text,a", "b"]), Row(3, ["1", "2"])]
    assert rows("sep=\t\na\tb\n") == [Row(2, ["a", "b"])]
    assert rows("sep=;") == []


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
