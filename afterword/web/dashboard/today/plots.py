"""Plots as SVG that the server draws: paths and places in fixed boxes, which the page stretches. Labels are HTML."""

import math
from collections.abc import Sequence
from typing import NamedTuple

WIDTH, HEIGHT = 1_000.0, 200.0
"""The box of a plot over time."""

SPARK_WIDTH, SPARK_HEIGHT = 96.0, 28.0
"""The box of a small line beside a number."""

GRID = 4
"""Steps between the lines behind a plot, from zero."""


class Axis(NamedTuple):
    """What is written beside the lines behind a plot, from the top, and the value at the top."""

    labels: tuple[int, ...]
    top: int


class Band(NamedTuple):
    """An invisible part of a plot that says what it is about: where it begins, how wide it is, and the words."""

    x: str
    width: str
    says: str


def axis_for(largest: float) -> Axis:
    """From zero to a round number that is not below the largest."""
    step = _round_up(max(largest, 1.0) / GRID)
    return Axis(tuple(step * line for line in range(GRID, -1, -1)), step * GRID)


def _round_up(least: float) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50 … that is not below."""
    power = 10 ** math.floor(math.log10(max(least, 1.0)))
    return int(next(power * digit for digit in (1, 2, 5, 10) if power * digit >= least))


def averaged(values: Sequence[int], over: int = 7) -> list[float]:
    """Of each day its average with the days before, as far as there are any."""
    return [
        sum(values[max(0, place - over + 1) : place + 1]) / min(over, place + 1)
        for place in range(len(values))
    ]


def line(values: Sequence[float], top: float) -> str:
    """The path of values from zero to `top` in the box of a plot."""
    return _path(values, 0.0, top, WIDTH, HEIGHT, 0.0)


def area(path: str) -> str:
    """What lies below a line."""
    return f"{path}V{HEIGHT:.0f}H0z"


def spark(values: Sequence[float]) -> str:
    """The path of values between the smallest and the largest of them; empty where all are the same."""
    if len(values) < 2 or min(values) == max(values):
        return ""
    return _path(values, min(values), max(values), SPARK_WIDTH, SPARK_HEIGHT, 2.0)


def bands(amount: int, a_band: int, words: Sequence[str]) -> list[Band]:
    """One for each `a_band` of so many days."""
    step = WIDTH / max(1, amount - 1)
    return [
        Band(f"{place * a_band * step:.1f}", f"{a_band * step:.1f}", says) for place, says in enumerate(words)
    ]


def _path(
    values: Sequence[float], low: float, high: float, width: float, height: float, margin: float
) -> str:
    step = width / max(1, len(values) - 1)
    scale = (height - 2 * margin) / ((high - low) or 1.0)
    points = [
        f"{place * step:.1f} {height - margin - (value - low) * scale:.1f}"
        for place, value in enumerate(values)
    ]
    return "M" + "L".join(points)
