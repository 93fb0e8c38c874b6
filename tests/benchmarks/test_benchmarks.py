"""Each benchmark's quick form runs, checks its own work, and finds figures that can be: nobody's speed is judged."""

import json
import subprocess
import sys
from typing import Any

import pytest

from benchmarks.__main__ import BENCHMARKS, USUAL
from benchmarks.watching import peaks_of
from tests.needs import needs
from tests.server import PROJECT

ROWS = {
    "a": 1,
    "b": 1,
    "c": 1,
    "d": 4,
    "e": 2,
    "f": 1,
    "g": 4,
    "h": 4,
    "i": 3,
    "m": 0,
    "attacks": 11,
    "citus": 2,
}
FACTS = {"a": 2, "e": 2, "m": 4, "attacks": 11}
WITH_WRK = ["a", "e", "h", "i", "m", "citus"]


def test_every_benchmark_is_tested() -> None:
    assert ROWS.keys() == BENCHMARKS.keys()


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """What one short run of all says; in this folder, since a temporary one may be in memory."""
    command = [sys.executable, "-m", "benchmarks", "--quick", "--json"]
    done = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("name", USUAL)
def test_the_quick_form_of_a_benchmark_finds_figures(name: str, found: dict[str, Any]) -> None:
    needs(*(["wrk"] if name in WITH_WRK else []))
    assert found["not_measured"].get(name) is None
    [report] = [each for each in found["benchmarks"] if each["name"] == name]
    assert len(report["measured"]) == ROWS[name]
    for row in report["measured"]:
        assert row["ratio"] == pytest.approx(row["figure"] / row["limit"])
        assert row["what"] and row["limit_is"] and 0.01 < row["ratio"] < 1_000, row
    assert len(report["facts"]) == FACTS.get(name, 0)
    assert all(fact["figure"] > 0 for fact in report["facts"])
    assert name not in "efgh" or any("fsync" in shares for shares in report["dominates"].values())


def test_the_rows_of_a_benchmark_have_their_places_on_the_page(found: dict[str, Any]) -> None:
    page = (PROJECT / "docs" / "benchmarks.md").read_text("utf-8")
    for report in found["benchmarks"]:
        for row in report["rows"]:
            assert f"\n{row[: row.index(' |') + 3]}" in page


def test_an_attack_in_miniature_holds_nobody_up_for_seconds(found: dict[str, Any]) -> None:
    [report] = [each for each in found["benchmarks"] if each["name"] == "attacks"]
    for row in report["measured"]:
        assert row["figure"] < 3_000, row
    for fact in report["facts"]:
        assert fact["figure"] < 1_000, fact


def test_a_peak_of_memory_is_what_was_once_taken() -> None:
    code = "x = b'x' * 100_000_000; del x; print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1) as process:
        assert process.stdin and process.stdout
        process.stdout.readline()
        peaks = peaks_of(process.pid)
        process.stdin.write(b"\n")
    assert peaks.keys() == {"event loop"}
    assert 100 < peaks["event loop"] < 150
