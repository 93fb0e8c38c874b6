"""docs/limits.md has every limit of the program, with its value.

A limit is a public number at the head of a module whose name says so: it begins with MOST, LONGEST, LARGEST, LEAST,
SHORTEST, LOWEST or DEEPEST, or ends with PATIENCE, TIMEOUT, LIMIT, KEPT, FOR, AFTER, WITHIN or PAGE.
"""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest

import afterword
from afterword.base.settings import NAMES, read_settings
from tests.docs.pages import read, rows

PACKAGE = Path(afterword.__file__).parent

_LIMIT = re.compile(
    r"(?:MOST|LONGEST|LARGEST|LEAST|SHORTEST|LOWEST|DEEPEST)(?:_.+)?"
    r"|(?:.+_)?(?:PATIENCE|TIMEOUT|LIMIT|KEPT|FOR|AFTER|WITHIN|PAGE)"
)

_UNITS = {
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "ms": 0.001,
    "s": 1,
    "min": 60,
    "h": 3_600,
    "days": 86_400,
}


class Row(NamedTuple):
    """A line of the page: the constant by its module, its value as written, where it is set, and what happens."""

    name: str
    value: str
    where: str
    beyond: str


def table() -> list[Row]:
    return [
        Row(cells[0].strip("`"), *cells[1:])
        for cells in rows(read("docs/limits.md"))
        if cells[0].startswith("`") and "." in cells[0]
    ]


def limits_of_the_code() -> Iterator[str]:
    """`web.body.IN_MEMORY`: without the name of the package, and where it is defined."""
    for file in PACKAGE.rglob("*.py"):
        module = ".".join(file.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        for statement in ast.parse(file.read_text("utf-8")).body:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                    if _LIMIT.fullmatch(name) and isinstance(value_of(f"{module}.{name}"), int | float):
                        yield f"{module}.{name}"


def value_of(name: str) -> object:
    module, _, constant = name.rpartition(".")
    return getattr(import_module(f"afterword.{module}"), constant, None)


def test_every_limit_of_the_code_is_on_the_page() -> None:
    missing = set(limits_of_the_code()) - {row.name for row in table()}
    assert not missing, (
        "docs/limits.md lacks these limits of the code: add a row for each, with its value and what is beyond it: "
        + ", ".join(sorted(missing))
    )


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in table()])
def test_a_limit_on_the_page_is_that_of_the_code(row: Row) -> None:
    found = value_of(row.name)
    assert found is not None, (
        f"docs/limits.md names {row.name}, which is not in the code: move or delete its row"
    )
    written = re.match(r"([\d,.]+)(?: (KiB|MiB|GiB|ms|s|min|h|days)\b)?", row.value)
    assert written, f"docs/limits.md: the value of {row.name} begins with no number"
    number, unit = float(written[1].replace(",", "")), written[2]
    # A constant is in the unit that its docstring names: seconds or bytes, but some are milliseconds or days.
    possible = {number * _UNITS[unit], number * _UNITS[unit] * 1_000, number} if unit else {number}
    assert found in possible, f"docs/limits.md says {row.value} of {row.name}, the code says {found}"
    assert row.where and row.beyond, f"docs/limits.md: {row.name} has an empty cell"


def test_every_setting_that_is_a_limit_is_on_the_page_with_its_default() -> None:
    page = read("docs/limits.md")
    assert "AFTERWORD_BODY_LIMIT" in NAMES
    limit = read_settings({}).body_limit
    assert f"`AFTERWORD_BODY_LIMIT` | {limit // 2**20} MiB" in page


def test_no_limit_is_on_the_page_twice() -> None:
    names = [row.name for row in table()]
    assert len(names) == len(set(names))
