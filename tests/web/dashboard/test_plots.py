"""Plots lie within their boxes and on round numbers, whatever is counted."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterword.web.dashboard.today import plots

amounts = st.lists(st.integers(0, 10**7), min_size=1, max_size=365)


def points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.-]+) ([\d.-]+)", path)]


@pytest.mark.parametrize(
    ("largest", "labels"),
    [
        (0, (4, 3, 2, 1, 0)),
        (0.4, (4, 3, 2, 1, 0)),
        (4, (4, 3, 2, 1, 0)),
        (4.1, (8, 6, 4, 2, 0)),
        (15.6, (20, 15, 10, 5, 0)),
        (20.1, (40, 30, 20, 10, 0)),
        (999, (2000, 1500, 1000, 500, 0)),
        (10**6, (2_000_000, 1_500_000, 1_000_000, 500_000, 0)),
    ],
)
def test_the_axis_ends_at_a_round_number(largest: float, labels: tuple[int, ...]) -> None:
    assert plots.axis_for(largest).labels == labels


@given(amounts)
def test_a_line_has_a_point_a_day_within_its_box(days: list[int]) -> None:
    found = points(plots.line(plots.averaged(days), plots.axis_for(max(days)).top))
    assert len(found) == len(days)
    assert found[0][0] == 0
    assert all(0 <= x <= plots.WIDTH and 0 <= y <= plots.HEIGHT for x, y in found)


@given(amounts)
def test_a_small_line_fills_its_box_or_is_not_there(values: list[int]) -> None:
    found = points(plots.spark(values))
    if len(set(values)) < 2:
        assert found == []
    else:
        assert {min(y for _, y in found), max(y for _, y in found)} == {2.0, plots.SPARK_HEIGHT - 2}


def test_a_day_is_averaged_with_the_six_before() -> None:
    assert plots.averaged([7, 0, 0, 0, 0, 0, 0, 7]) == [7, 3.5, 7 / 3, 7 / 4, 7 / 5, 7 / 6, 1, 1]
