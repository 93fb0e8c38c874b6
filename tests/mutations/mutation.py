"""What a mutation is. Modules such as `of_orders` list them by the number of their guarantee.

Each is applied to a copy of the project, where the named test must pass before and fail after it. A mutation that no
test notices survives. It names what it changes by symbol, so that files may move.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).parents[2]

_SQL = {
    "query": re.compile(r"^-- name: (\w+)\n.*?(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL),
    "table": re.compile(r"^CREATE TABLE (\w+).*?;$", re.MULTILINE | re.DOTALL),
    "index": re.compile(r"^CREATE (?:UNIQUE )?INDEX (\w+).*?;$", re.MULTILINE | re.DOTALL),
}


class Mutation(NamedTuple):
    """A change of one symbol of the package that takes a guarantee out of it, and the test that must fail by it.

    `where` is a function, method, class or constant by its qualified name without its module (`Committer._commit`),
    or `query:`, `table:` or `index:` with a name. `old` is found once in it, wherever its lines are broken; where
    several modules have a symbol of that name, once in all of them. `test` is a test's name, with its parameters or
    without.
    """

    name: str
    where: str
    old: str
    new: str
    test: str


class Place(NamedTuple):
    """A piece of a file of the package, whose path is relative to the project."""

    file: Path
    start: int
    end: int


def mutated(text: str, place: Place, mutation: Mutation) -> str:
    return text[: place.start] + mutation.new + text[place.end :]


def places(mutation: Mutation) -> list[Place]:
    """Where it applies: once, if it is up to date."""
    old = re.compile(r"\s+".join(re.escape(word) for word in mutation.old.split()))
    return [
        Place(symbol.file, found.start(), found.end())
        for symbol in symbols()[mutation.where]
        for found in old.finditer((PROJECT / symbol.file).read_text("utf-8"), symbol.start, symbol.end)
    ]


def addresses_of(mutation: Mutation) -> list[str]:
    """The address that pytest runs its test by: one, if it is up to date."""
    name, bracket, parameters = mutation.test.partition("[")
    return [f"{file}::{name}{bracket}{parameters}" for file in tests()[name]]


def outdated(mutation: Mutation) -> str | None:
    """What is to be done, if it does not apply any more."""
    if len(found := places(mutation)) != 1:
        what = f"{mutation.old!r} is found {len(found)} times in {mutation.where}"
        return f"{what}: change `where` or `old` to where that is done now"
    if len(files := addresses_of(mutation)) != 1:
        return f"there are {len(files)} tests named {mutation.test}: name the one that must fail"
    return None


@cache
def symbols() -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = defaultdict(list)
    for file in sorted((PROJECT / "afterword").rglob("*.*")):
        if file.suffix in (".py", ".sql"):
            text = file.read_text("utf-8")
            for name, start, end in _of_python(text) if file.suffix == ".py" else _of_sql(text):
                found[name].append(Place(file.relative_to(PROJECT), start, end))
    return found


@cache
def tests() -> dict[str, list[Path]]:
    """The files that have a test of each name."""
    found: dict[str, list[Path]] = defaultdict(list)
    for file in sorted((PROJECT / "tests").rglob("test_*.py")):
        for name in re.findall(r"^(?:async )?def (test_\w+)", file.read_text("utf-8"), re.MULTILINE):
            found[name].append(file.relative_to(PROJECT))
    return found


def _of_sql(text: str) -> Iterator[tuple[str, int, int]]:
    for kind, pattern in _SQL.items():
        for found in pattern.finditer(text):
            yield f"{kind}:{found[1]}", found.start(), found.end()


def _of_python(text: str) -> Iterator[tuple[str, int, int]]:
    lines = [0, *(end.end() for end in re.finditer("\n", text)), len(text)]
    for name, node in _named(ast.parse(text).body, ""):
        yield name, lines[node.lineno - 1], lines[node.end_lineno or node.lineno]


def _named(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, ast.stmt]]:
    for node in body:
        match node:
            case ast.ClassDef():
                yield prefix + node.name, node
                yield from _named(node.body, f"{prefix}{node.name}.")
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield prefix + node.name, node
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield prefix + name, node
