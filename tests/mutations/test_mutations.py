"""The tests of the tests: each guarantee taken out of the code, and the test that must notice."""

import multiprocessing
import os
import runpy
import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.mutations.mutation import PROJECT, Mutation, addresses_of, mutated, outdated, places
from tests.mutations.of_messages import OF_MESSAGES
from tests.mutations.of_orders import OF_ORDERS
from tests.mutations.of_requests import OF_REQUESTS
from tests.mutations.of_reviews import OF_REVIEWS

pytestmark = pytest.mark.alone

BY_GUARANTEE = OF_ORDERS | OF_MESSAGES | OF_REVIEWS | OF_REQUESTS
MUTATIONS = {f"{number}: {each.name}": each for number, group in BY_GUARANTEE.items() for each in group}
APPLICABLE = {title: each for title, each in MUTATIONS.items() if not outdated(each)}
FORKED = Path(__file__).with_name("forked.py")

_LOADED = multiprocessing.get_context("forkserver")
_LOADED.set_forkserver_preload(
    [
        "pytest",
        "hypothesis",
        "apsw",
        "psycopg",
        "aiosmtplib",
        "aiosmtpd.smtp",
        "starlette.applications",
        "msgspec",
        "jinja2",
        "trustme",
        "structlog",
        "click",
        "babel.dates",
        "email_validator",
        "multipart",
        "cryptography.hazmat.primitives.asymmetric.ed25519",
    ]
)

AT_ONCE = 3
LONGEST = 120
"""Seconds that a run may hang before it counts as failed."""


class Run(NamedTuple):
    """How pytest ended, and what it said."""

    code: int
    said: str


class Bench:
    """A copy of the project, in which the chosen tests pass, and from it one copy for each mutation."""

    def __init__(self, folder: Path, chosen: list[Mutation]) -> None:
        self._folder = folder
        self._whole = folder / "whole"
        self._pool = ThreadPoolExecutor(AT_ONCE)
        for name in ("afterword", "tests", "tools"):
            shutil.copytree(PROJECT / name, self._whole / name)  # with what is compiled, which takes long
        for name in ("pyproject.toml", "docs/citus.md"):  # which a test reads
            (self._whole / name).parent.mkdir(exist_ok=True)
            shutil.copy(PROJECT / name, self._whole / name)
        tests = sorted({test for mutation in chosen for test in addresses_of(mutation)})
        self._before = [
            self._pool.submit(lambda part: _run(self._copy(f"before-{part}"), *tests[part::AT_ONCE]), part)
            for part in range(min(AT_ONCE, len(tests)))
        ]
        self._runs: dict[str, Future[Run]] = {
            mutation.name: self._pool.submit(self._mutate, number, mutation)
            for number, mutation in enumerate(chosen)
        }

    def before(self) -> list[Run]:
        return [part.result() for part in self._before]

    def after(self, mutation: Mutation) -> Run:
        return self._runs[mutation.name].result()

    def _mutate(self, number: int, mutation: Mutation) -> Run:
        copy = self._copy(f"{number}")
        [place] = places(mutation)
        file = copy / place.file
        text = file.read_text("utf-8")
        file.unlink()  # the copies share their files
        for compiled in file.parent.glob(f"__pycache__/{file.stem}.*"):
            compiled.unlink()
        file.write_text(mutated(text, place, mutation), "utf-8")
        run = _run(copy, "-x", *addresses_of(mutation))
        shutil.rmtree(copy)
        return run

    def _copy(self, name: str) -> Path:
        return Path(shutil.copytree(self._whole, self._folder / name, copy_function=os.link))

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


def _run(copy: Path, *arguments: str) -> Run:
    """pytest in a process forked from one that has loaded what the tests need: loading it takes half of the time."""
    said = copy.with_suffix(".said")
    line = ["-q", "--tb=short", f"--basetemp={copy / 'tmp'}", *arguments]
    given = {"project": str(PROJECT), "copy": str(copy), "said": str(said), "arguments": line}
    at = {"target": runpy.run_path, "args": (str(FORKED),), "kwargs": {"init_globals": {"given": given}}}
    process = _LOADED.Process(**at)
    process.start()
    process.join(LONGEST)
    if process.is_alive():
        process.kill()
        return Run(1, f"FAILED: it hung for {LONGEST} s")
    return Run(process.exitcode or 0, said.read_text("utf-8", "replace") if said.exists() else "")


@pytest.fixture(scope="module")
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Runs the mutations of those tests that were chosen here, as far as they apply."""
    asking = [
        item.callspec.params["mutation"]
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and item.originalname == test_a_mutation_is_noticed.__name__
        and item.path == Path(__file__)
    ]
    made = Bench(tmp_path_factory.mktemp("mutations"), [each for each in asking if not outdated(each)])
    yield made
    made.close()


def test_every_guarantee_has_mutations() -> None:
    assert list(BY_GUARANTEE) == list(range(1, 12))
    assert all(len(group) >= 3 for group in BY_GUARANTEE.values())
    names = [each.name for group in BY_GUARANTEE.values() for each in group]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=list(MUTATIONS))
def test_a_mutation_still_applies(mutation: Mutation) -> None:
    to_do = outdated(mutation)
    assert to_do is None, f"the mutation {mutation.name!r} in tests/mutations does not apply: {to_do}"


def test_a_mutation_that_does_not_apply_says_what_is_to_be_done() -> None:
    mutation = BY_GUARANTEE[1][0]
    for wrong, says in (
        ({"where": "Committer.nothing"}, "found 0 times in Committer.nothing: change `where` or `old`"),
        ({"old": "self"}, f"times in {mutation.where}: change `where` or `old`"),
        ({"test": "test_nothing[sqlite]"}, "there are 0 tests named test_nothing[sqlite]: name the one"),
    ):
        assert says in str(outdated(mutation._replace(**wrong)))


def test_without_mutations_they_all_pass(bench: Bench) -> None:
    for run in bench.before():
        assert run.code == 0, run.said


@pytest.mark.parametrize("mutation", APPLICABLE.values(), ids=list(APPLICABLE))
def test_a_mutation_is_noticed(bench: Bench, mutation: Mutation) -> None:
    run = bench.after(mutation)
    assert run.code == 1 and "FAILED" in run.said, (
        f"the mutation {mutation.name!r} survives {mutation.test}:\n{run.said}"
    )
