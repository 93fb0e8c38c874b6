"""Values from strangers, made harmless to show."""

import pytest

from afterword.domain.values import MOST_MARKS, shown, shown_lines


@pytest.mark.parametrize("mark", ["\u0300", "\u0489", "\u0e49", "\U0001d167"])
def test_marks_that_are_stacked_on_a_letter_are_cut_to_a_few(mark: str) -> None:
    assert shown(f"Z{mark * 40}a{mark * 40}") == f"Z{mark * MOST_MARKS}a{mark * MOST_MARKS}"


@pytest.mark.parametrize(
    "text", ["é", "e\u0301", "กำลัง", "नमस्ते", "שָׁלוֹם", "★" * 20, "👩‍👩‍👧‍👦❤️", "z" + "\u0300" * MOST_MARKS]
)
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert shown(text) == shown_lines(text) == text


def test_a_text_keeps_its_lines_and_each_is_made_harmless() -> None:
    text = "Warm.\n\nCrisp\u202e!\u2028And\x07 more.\r\n" + "x" * 5_000
    assert shown_lines(text) == "Warm.\n\nCrisp!\nAnd more.\n" + "x" * 5_000
