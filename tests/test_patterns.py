"""Guarantee 11: no regular expression of the program takes more than linear time, whatever text a stranger sends."""

import ast
import importlib
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import afterword

pytestmark = pytest.mark.alone

LENGTH = 16_000
AT_ONCE = 0.02
"""Seconds that a linear pattern does not take for so long a text."""

UNITS = (
    *" \t\na0A9é字_%.,-/\\\"'<>&#;@:=+([{\u0301",
    *(
        "a ",
        " a",
        "a.",
        ".a",
        "a,",
        "1,",
        "1 ",
        "1.",
        "a-",
        "a@",
        "<a",
        "</a",
        "&#",
        "&a",
        "{{ ",
        "a=",
        ";q=",
    ),
    *("--", "aa;", "://", "www.", "a;b=", "\r\n", "x\r\n", "%41", "s h o p ", " (dot) ", "+33 ", "€1"),
)
BEGINNINGS = ("", "aa")
ENDS = ("", "!")


class Pattern(NamedTuple):
    """A pattern, its name, and what is done with a text: its bound method alone, or a search and a whole match."""

    name: str
    is_of_bytes: bool
    uses: tuple[Callable[[Any], object], ...]


def compiled() -> Iterator[Pattern]:
    """Every pattern that is a module's, or bound to a method of it."""
    for module in pkgutil.walk_packages(afterword.__path__, "afterword."):
        if not module.name.endswith("__main__"):
            for name, value in vars(importlib.import_module(module.name)).items():
                for each in value if isinstance(value, tuple | list) else (value,):
                    if isinstance(each, re.Pattern):
                        yield named(f"{module.name}.{name}", each)
                    elif isinstance(found := getattr(each, "__self__", None), re.Pattern):
                        yield named(f"{module.name}.{name}", found)._replace(uses=(each,))


def written_out() -> Iterator[Pattern]:
    """Every pattern that is given to a function of `re` where it is used."""
    root = Path(afterword.__path__[0])
    for file in root.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            match node:
                case ast.Call(
                    ast.Attribute(ast.Name("re"), how), [ast.Constant(str() | bytes() as text), *_]
                ):
                    if how != "compile":
                        pattern = re.compile(text)
                        use = pattern.fullmatch if how == "fullmatch" else pattern.search
                        yield named(f"{file.relative_to(root)}:{node.lineno}", pattern)._replace(uses=(use,))


def named(name: str, pattern: re.Pattern[Any]) -> Pattern:
    is_of_bytes = isinstance(pattern.pattern, bytes)
    return Pattern(f"{name}: {pattern.pattern[:40]!r}", is_of_bytes, (pattern.search, pattern.fullmatch))


FOUND = {pattern.name.partition(": ")[2]: pattern for pattern in (*compiled(), *written_out())}


@pytest.mark.parametrize("pattern", FOUND.values(), ids=[pattern.name for pattern in FOUND.values()])
def test_a_pattern_takes_linear_time(pattern: Pattern) -> None:
    for beginning, unit, end in product(BEGINNINGS, UNITS, ENDS):
        taken = seconds(pattern, beginning, unit * (LENGTH // len(unit)), end)
        if taken > AT_ONCE:
            of_a_quarter = min(
                seconds(pattern, beginning, unit * (LENGTH // len(unit) // 4), end) for _ in range(3)
            )
            again = min(seconds(pattern, beginning, unit * (LENGTH // len(unit)), end) for _ in range(3))
            assert again < 8 * of_a_quarter, (beginning, unit, end, again)


def seconds(pattern: Pattern, *parts: str) -> float:
    text: Any = "".join(parts)
    if pattern.is_of_bytes:
        text = text.encode()
    started = time.process_time()
    for use in pattern.uses:
        use(text)
    return time.process_time() - started


def test_the_patterns_are_found() -> None:
    assert len(FOUND) > 60
