"""The tests of the tests: each guarantee taken out of the code, and the test that must notice."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.sabotage.of_letters import OF_LETTERS
from tests.sabotage.of_orders import OF_ORDERS
from tests.sabotage.of_reviews import OF_REVIEWS
from tests.sabotage.sabotage import Sabotage

SABOTAGES = (*OF_ORDERS, *OF_LETTERS, *OF_REVIEWS)
PROJECT = Path(__file__).parents[2]
NO_PLUGINS = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""Loading those that the tests do not use takes longer than most of the tests."""

AT_ONCE = 3
LONGEST = 120
"""Seconds that a run may hang before it counts as failed."""


class Run(NamedTuple):
    """How pytest ended, and what it said."""

    code: int
    said: str


class Bench:
    """A copy of the project, in which the chosen tests pass, and from it one copy for each sabotage."""

    def __init__(self, folder: Path, chosen: list[Sabotage]) -> None:
        self._folder = folder
        self._whole = folder / "whole"
        self._pool = ThreadPoolExecutor(AT_ONCE)
        ignored = shutil.ignore_patterns("__pycache__")
        for name in ("afterword", "tests", "tools"):
            shutil.copytree(PROJECT / name, self._whole / name, ignore=ignored)
        shutil.copy(PROJECT / "pyproject.toml", self._whole)
        self._before = _run(self._whole, *sorted({sabotage.test for sabotage in chosen}))
        self._runs: dict[str, Future[Run]] = {
            sabotage.name: self._pool.submit(self._sabotage, number, sabotage)
            for number, sabotage in enumerate(chosen)
        }

    def before(self) -> Run:
        return self._before

    def after(self, sabotage: Sabotage) -> Run:
        return self._runs[sabotage.name].result()

    def _sabotage(self, number: int, sabotage: Sabotage) -> Run:
        copy = self._folder / f"{number}"
        shutil.copytree(self._whole, copy, copy_function=os.link)
        file = copy / "afterword" / sabotage.file
        text = file.read_text()
        file.unlink()  # the copies share their files
        for compiled in file.parent.glob(f"__pycache__/{file.stem}.*"):
            compiled.unlink()
        file.write_text(text.replace(sabotage.old, sabotage.new))
        run = _run(copy, "-x", sabotage.test)
        shutil.rmtree(copy)
        return run

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


def _run(copy: Path, *arguments: str) -> Run:
    line = [sys.executable, "-m", "pytest", "-q", "--tb=short", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(copy), "AFTERWORD_TEST_SCALE": "1", **NO_PLUGINS}
    try:
        done = subprocess.run(
            line, cwd=copy, env=environment, capture_output=True, text=True, timeout=LONGEST
        )
    except subprocess.TimeoutExpired as hung:
        return Run(1, f"FAILED: it hung for {hung.timeout} s")
    return Run(done.returncode, done.stdout + done.stderr)


def title(sabotage: Sabotage) -> str:
    return f"{sabotage.guarantee}: {sabotage.name}"


@pytest.fixture(scope="module")
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    chosen = [
        item.callspec.params["sabotage"]
        for item in items
        if item.path == Path(__file__)
        and "sabotage" in getattr(item, "callspec", item).__dict__.get("params", {})
    ]
    made = Bench(tmp_path_factory.mktemp("sabotage"), [each for each in chosen if _stands_once(each)])
    yield made
    made.close()


def _stands_once(sabotage: Sabotage) -> bool:
    return (PROJECT / "afterword" / sabotage.file).read_text().count(sabotage.old) == 1


def test_every_guarantee_has_a_sabotage() -> None:
    assert {sabotage.guarantee for sabotage in SABOTAGES} == set(range(1, 11))
    assert len({sabotage.name for sabotage in SABOTAGES}) == len(SABOTAGES)


def test_without_sabotage_they_all_pass(bench: Bench) -> None:
    assert bench.before().code == 0, bench.before().said


@pytest.mark.parametrize("sabotage", SABOTAGES, ids=title)
def test_a_sabotage_is_noticed(bench: Bench, sabotage: Sabotage) -> None:
    assert _stands_once(sabotage), (
        f"the sabotage {sabotage.name!r} does not find its place in afterword/{sabotage.file} exactly once: "
        "the code has changed, bring the list in tests/sabotage up to date"
    )
    run = bench.after(sabotage)
    assert run.code == 1 and "FAILED" in run.said, (
        f"guarantee {sabotage.guarantee} was taken out ({sabotage.name}), and {sabotage.test} did not notice:\n"
        f"{run.said}"
    )
