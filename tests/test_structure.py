"""One public name means one thing on its layer: no two of its modules define the same class or constant."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

import afterword

PACKAGE = Path(afterword.__file__).parent

LAYERS = sorted({file.relative_to(PACKAGE).parts[0] for file in PACKAGE.rglob("*.py")} - {"app.py"})

EVERYWHERE = {"log", "KIND"}
"""What each module has for itself: its log; and each kind of message its name."""


def public_names(module: ast.Module) -> set[str]:
    """Its classes and constants, but for type variables."""
    names = set()
    for statement in module.body:
        match statement:
            case ast.ClassDef(name=name):
                names.add(name)
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.Assign(targets=targets, value=value) if "TypeVar(" not in ast.unparse(value):
                names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return {name for name in names if not name.startswith("_")} - EVERYWHERE


@pytest.mark.parametrize("layer", LAYERS)
def test_no_two_modules_of_a_layer_give_one_name_to_two_things(layer: str) -> None:
    found = defaultdict(set)
    for file in (PACKAGE / layer).rglob("*.py"):
        for name in public_names(ast.parse(file.read_text())):
            found[name].add(str(file.relative_to(PACKAGE)))
    assert {name: files for name, files in found.items() if len(files) > 1} == {}


def test_a_folder_has_at_most_twelve_modules() -> None:
    """Beyond that it is two folders: nobody guesses a path among so many."""
    for folder in {file.parent for file in PACKAGE.rglob("*.py")}:
        modules = {file.name for file in folder.glob("*.py")} - {"__init__.py"}
        assert len(modules) <= 12, folder.relative_to(PACKAGE)


def test_files_and_functions_stay_small() -> None:
    for file in PACKAGE.rglob("*.py"):
        text = file.read_text()
        assert text.count("\n") <= 300, file.relative_to(PACKAGE)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                assert lines <= 40, f"{file.relative_to(PACKAGE)}: {node.name} has {lines} lines"
