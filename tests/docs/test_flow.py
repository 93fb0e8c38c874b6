"""The walks of docs/flow.md: each stop is where its row says, and the line below counts them rightly."""

import ast
import re

import pytest

from tests.docs.pages import PROJECT, read

_ROW = re.compile(r"^\| `([a-z_/]+)` \| (.+?) \|", re.MULTILINE)
_COUNTED = re.compile(r"^(\d+) modules, (\d+) returns?, (\d+) names\.$", re.MULTILINE)

WALKS = [section for section in read("docs/flow.md").split("\n## ")[1:] if _ROW.search(section)]

each_walk = pytest.mark.parametrize("walk", WALKS, ids=lambda walk: walk.split("\n")[0])


def tree(module: str) -> ast.Module:
    return ast.parse((PROJECT / "afterword" / f"{module}.py").read_text("utf-8"))


def defined(module: str) -> set[str]:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return {node.name for node in ast.walk(tree(module)) if isinstance(node, kinds)}


def imported(module: str) -> set[tuple[str, str]]:
    """The modules and names that a module imports from."""
    nodes = [node for node in ast.walk(tree(module)) if isinstance(node, ast.ImportFrom) and node.module]
    return {
        found
        for node in nodes
        for alias in node.names
        for path in [str(node.module).removeprefix("afterword.").replace(".", "/")]
        for found in ((path, alias.name), (f"{path}/{alias.name}", ""))
    }


def test_there_are_four_walks() -> None:
    assert len(WALKS) == 4


@each_walk
def test_each_stop_is_in_its_module(walk: str) -> None:
    for module, calls in _ROW.findall(walk):
        assert set(re.findall(r"`(\w+)`", calls)) <= defined(module), module


@each_walk
def test_modules_returns_and_names_are_counted(walk: str) -> None:
    stops = [module for module, _ in _ROW.findall(walk)]
    modules = set(stops)
    names = {found for module in modules for found in imported(module) if found[0] in modules}
    found = _COUNTED.search(walk)
    counted = (len(modules), len(stops) - len(modules), len(names))
    assert found and tuple(map(int, found.groups())) == counted, f"the walk has {counted}"
