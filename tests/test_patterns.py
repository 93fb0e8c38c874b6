"""Guarantee 11: no regular expression of the program takes more than linear time, whatever text a stranger sends."""

import ast
import importlib
import pkgutil
import re
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import afterword

LENGTH = 20_000
PATIENCE = 0.4
"""Seconds for one text. A quadratic pattern takes some three, a linear one a few milliseconds."""

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
BEGINNINGS = ("", "aa", "https://", "/public/v3/reviews/" + "0" * 32 + "/")
ENDS = ("", "!", "\0")


def compiled() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Every pattern that is a module's, or bound to a method of it, with its name."""
    for module in pkgutil.walk_packages(afterword.__path__, "afterword."):
        if not module.name.endswith("__main__"):
            for name, value in vars(importlib.import_module(module.name)).items():
                for each in value if isinstance(value, tuple | list) else (value,):
                    found = getattr(each, "__self__", each)
                    if isinstance(found, re.Pattern):
                        yield f"{module.name}.{name}: {found.pattern[:40]!r}", found


def written_out() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Every pattern that is given to a function of `re` where it is used."""
    root = Path(afterword.__path__[0])
    for file in root.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            match node:
                case ast.Call(ast.Attribute(ast.Name("re")), [ast.Constant(str() | bytes() as pattern), *_]):
                    yield f"{file.relative_to(root)}:{node.lineno}: {pattern[:40]!r}", re.compile(pattern)


FOUND = {pattern: name for name, pattern in (*compiled(), *written_out())}


@pytest.mark.parametrize("pattern", list(FOUND), ids=list(FOUND.values()))
def test_a_pattern_takes_linear_time(pattern: re.Pattern[Any]) -> None:
    for beginning, unit, end in product(BEGINNINGS, UNITS, ENDS):
        text: Any = beginning + (unit * LENGTH)[:LENGTH] + end
        if isinstance(pattern.pattern, bytes):
            text = text.encode()
        started = time.process_time()
        pattern.search(text)
        pattern.fullmatch(text)
        pattern.sub("" if isinstance(text, str) else b"", text)
        assert time.process_time() - started < PATIENCE, (beginning, unit, end)


def test_the_patterns_are_found() -> None:
    assert len(FOUND) > 60
