"""The layers of docs/architecture.md are those that import-linter holds."""

import re
import tomllib

from tests.docs.pages import read, section

_DRAWN = re.compile(r"^ {8}(\w+(?: \| \w+)*)  ", re.MULTILINE)
_INSIDE = re.compile(r"^- `(afterword\.[\w.]+)`: (`.+`)$", re.MULTILINE)


def contracts() -> dict[str, list[str]]:
    """The layers, top down, of each package that has some."""
    linter = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    return {
        each.get("containers", ["afterword"])[0]: [
            layer.replace("afterword.", "") for layer in each["layers"]
        ]
        for each in linter
        if each["type"] == "layers"
    }


def test_the_layers_are_those_of_the_contracts() -> None:
    page = section(read("docs/architecture.md"), "## Layers")
    inside = {name: layers.strip("`").split("` > `") for name, layers in _INSIDE.findall(page)}

    assert {"afterword": _DRAWN.findall(page), **inside} == contracts()
