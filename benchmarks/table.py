"""Figures and their limits: measured in turn, and shown as a table or as JSON."""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import apsw
import msgspec

from benchmarks.ground import filesystem, say


class Needed(NamedTuple):
    """The required minimum, or maximum, of a value."""

    bound: float
    at_most: bool = False

    def holds(self, value: float) -> bool:
        return value <= self.bound if self.at_most else value >= self.bound

    def __str__(self) -> str:
        return f"{'at most' if self.at_most else 'at least'} {self.bound:g}"


class Measured(msgspec.Struct, kw_only=True):
    """Alternating runs of a subject and its limit. Values are medians; `ratio` is the median of the ratios of
    pairs."""

    what: str
    unit: str
    limit_is: str
    ours: list[float]
    limits: list[float]
    needed: Needed | None = None

    @property
    def figure(self) -> float:
        return statistics.median(self.ours)

    @property
    def limit(self) -> float:
        return statistics.median(self.limits)

    @property
    def ratio(self) -> float:
        return statistics.median(a / b for a, b in zip(self.ours, self.limits, strict=True))


class Fact(msgspec.Struct, kw_only=True):
    """A figure without a limit: the median of the runs."""

    what: str
    unit: str
    values: list[float]
    needed: Needed | None = None

    @property
    def figure(self) -> float:
        return statistics.median(self.values)


class Report(msgspec.Struct, kw_only=True):
    """The result of a benchmark. `dominates` has, for each subject, the shares of its time, or its parts."""

    name: str
    title: str
    measured: list[Measured]
    facts: list[Fact] = []
    dominates: dict[str, dict[str, str]] = {}


def in_turn(
    runs: int, ours: Callable[[], float], limit: Callable[[], float]
) -> tuple[list[float], list[float]]:
    """The figures of `runs` runs of each, in turn, so that other load on the machine affects both."""
    figures, limits = [], []
    for run in range(1, runs + 1):
        figures.append(ours())
        limits.append(limit())
        ratio = figures[-1] / limits[-1]
        say(f"  run {run} of {runs}: {shown(figures[-1])}, limit {shown(limits[-1])}, ratio {ratio:.2f}")
    return figures, limits


def machine(folder: Path) -> dict[str, str]:
    """The machine and the versions with which the figures were measured."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{pages / 2**30:.0f} GiB",
        "system": platform.platform(),
        "Python": platform.python_version(),
        "SQLite": apsw.sqlite_lib_version(),
        "disk": f"{filesystem(folder)}, one fsync of 4 KiB takes {_fsync(folder) * 1e3:.2f} ms",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _fsync(folder: Path) -> float:
    took = []
    with (folder / "fsync").open("wb", buffering=0) as file:
        for _ in range(100):
            file.write(bytes(4096))
            started = time.perf_counter()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - started)
    return statistics.median(took)


def as_json(found: dict[str, str], reports: list[Report], trouble: dict[str, str]) -> str:
    return json.dumps(
        {
            "machine": found,
            "benchmarks": [
                msgspec.to_builtins(report)
                | {"measured": [_with_medians(each) for each in report.measured]}
                | {"facts": [_with_median(each) for each in report.facts]}
                | {"rows": rows_of(report)}
                for report in reports
            ],
            "not_measured": trouble,
        },
        indent=2,
    )


def _with_medians(measured: Measured) -> dict[str, object]:
    medians = {"figure": measured.figure, "limit": measured.limit, "ratio": measured.ratio}
    return msgspec.to_builtins(measured) | medians  # type: ignore[no-any-return]


def _with_median(fact: Fact) -> dict[str, object]:
    return msgspec.to_builtins(fact) | {"figure": fact.figure}  # type: ignore[no-any-return]


def rows_of(report: Report) -> list[str]:
    """The rows of this benchmark in the table of docs/benchmarks.md."""
    rows = [
        f"| {report.name}, {each.what} | {shown(each.figure)} {each.unit} | {shown(each.limit)} | {each.ratio:.2f} |"
        for each in report.measured
    ]
    return rows + [
        f"| {report.name}, {fact.what} | {shown(fact.figure)} {fact.unit} | | |" for fact in report.facts
    ]


def as_text(found: dict[str, str], reports: list[Report], trouble: dict[str, str]) -> str:
    lines = [f"{name:<10} {value}" for name, value in found.items()]
    for report in reports:
        lines += ["", f"{report.name}. {report.title}"]
        lines += _table(report)
        for what, parts in report.dominates.items():
            lines.append(f"   {what}: {', '.join(f'{part} {share}' for part, share in parts.items())}")
    lines += ["", "for docs/benchmarks.md:", *(row for report in reports for row in rows_of(report))]
    lines += [f"\n{name}. NOT MEASURED: {why}" for name, why in trouble.items()]
    return "\n".join(lines)


_ROW = "   {:<44} {:>12} {:>12} {:>7}  {}"


def _table(report: Report) -> list[str]:
    rows = [_ROW.format("", "figure", "limit", "ratio", "needed").rstrip()]
    for each in report.measured:
        what = f"{each.what}, {each.unit}"
        rows.append(
            _ROW.format(
                what,
                shown(each.figure),
                shown(each.limit),
                f"{each.ratio:.2f}",
                _held(each.needed, each.ratio),
            ).rstrip()
        )
        rows.append(f"      limit: {each.limit_is}")
    for fact in report.facts:
        held = _held(fact.needed, fact.figure)
        rows.append(_ROW.format(f"{fact.what}, {fact.unit}", shown(fact.figure), "", "", held).rstrip())
    return rows


def _held(needed: Needed | None, value: float) -> str:
    if needed is None:
        return ""
    return f"{needed}" if needed.holds(value) else f"{needed}: NOT REACHED"


def shown(value: float) -> str:
    """A number with three significant digits."""
    if value >= 1_000:
        return f"{round(value, 2 - len(str(int(value))) + 1):,.0f}"
    return f"{value:.3g}"


def shares(counts: dict[str, int], most: int = 8, *, of: dict[str, int] | None = None) -> dict[str, str]:
    """The largest counts as percentages of their sum, or of another total; those below two per cent are left out."""
    whole = sum((of or counts).values()) or 1
    largest = sorted(counts.items(), key=lambda item: -item[1])[:most]
    return {name: f"{100 * number / whole:.0f} %" for name, number in largest if number * 50 >= whole}
