"""The pages are complete and point to what is there: what the code has, a page names, and the reverse."""

import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from afterword.cli import main
from tests.mutations.of_messages import OF_MESSAGES
from tests.mutations.of_orders import OF_ORDERS
from tests.mutations.of_reviews import OF_REVIEWS
from tests.needs import needs
from tests.server import SERVE, Server

PROJECT = Path(__file__).parents[2]
DOCS = PROJECT / "docs"
MUTATIONS = (*OF_ORDERS, *OF_MESSAGES, *OF_REVIEWS)
PAGES = sorted([*PROJECT.glob("*.md"), *DOCS.glob("*.md")])

_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_STEP = re.compile(r"`([\w/]+\.py): (\w+)`")
_SETTING = re.compile(r"\bAFTERWORD_(?!TEST_)[A-Z]+(?:_[A-Z]+)*\b")


def read(name: str) -> str:
    return (PROJECT / name).read_text("utf-8")


def section(page: str, heading: str) -> str:
    """What stands under a heading, up to the next one of any level."""
    _, found, rest = page.partition(f"\n{heading}\n")
    assert found, f"there is no heading {heading!r}"
    return re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def rows(page: str) -> list[list[str]]:
    """The cells of every table row but heads and rules."""
    found = re.findall(r"^\|(.*)\|\n(?=(.?))", page, re.MULTILINE)
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)] for row, _ in found]
    rules = [index for index, row in enumerate(cells) if all(re.fullmatch("-+", cell) for cell in row)]
    return [row for index, row in enumerate(cells) if index not in rules and index + 1 not in rules]


def links() -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for target in _LINK.findall(page.read_text("utf-8")):
            if not target.startswith(("https://", "http://")):
                yield page, target


def anchor(heading: str) -> str:
    """A heading as browsers of repositories name it in an address."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize(("page", "target"), [pytest.param(*found, id=found[1]) for found in links()])
def test_a_link_leads_to_what_is_there(page: Path, target: str) -> None:
    path, _, wanted = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    assert file.is_relative_to(PROJECT)
    assert file.exists()
    if wanted:
        assert wanted in {anchor(found) for found in _HEADING.findall(file.read_text("utf-8"))}


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in PAGES])
def test_the_rows_of_a_table_have_as_many_cells_as_its_head(page: Path) -> None:
    for table in re.findall(r"(?:^\|.*\|\n)+", page.read_text("utf-8"), re.MULTILINE):
        cells = [len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()]
        assert len(set(cells)) == 1, table


def test_every_page_is_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    waiting = [PROJECT / "README.md"]
    while waiting:
        page = waiting.pop()
        seen.add(page)
        targets = {(page.parent / target.partition("#")[0]).resolve() for at, target in links() if at == page}
        waiting += targets.intersection(PAGES) - seen
    assert seen == set(PAGES)


def test_settings_are_those_of_the_code() -> None:
    in_code = set(re.findall(r'"(AFTERWORD_[A-Z_]+)"', read("afterword/base/settings.py")))
    named = {row[0].strip("`") for row in rows(read("docs/settings.md"))}
    assert named == in_code


def test_no_page_or_example_names_a_setting_that_is_not_there() -> None:
    known = {row[0].strip("`") for row in rows(read("docs/settings.md"))}
    known |= {f"{name}_FILE" for name in known} | {"AFTERWORD_KEY"}  # the PHP example's own
    examples = [path for path in (PROJECT / "examples").rglob("*") if path.is_file()]
    for page in [*PAGES, *examples]:
        assert set(_SETTING.findall(page.read_text("utf-8"))) <= known, page


def commands(command: click.Command = main, name: str = "afterword") -> dict[str, click.Command]:
    if not isinstance(command, click.Group):
        return {name: command}
    return {
        each: found
        for under, child in command.commands.items()
        for each, found in commands(child, f"{name} {under}").items()
    }


def test_commands_are_those_of_the_program() -> None:
    assert set(re.findall(r"^### `(.+)`$", read("docs/commands.md"), re.MULTILINE)) == set(commands())


@pytest.mark.parametrize("name", commands())
def test_a_command_is_described_with_all_its_options_and_no_other(name: str) -> None:
    described = section(read("docs/commands.md"), f"### `{name}`")
    has = {option for param in commands()[name].params for option in param.opts if option.startswith("--")}
    assert set(re.findall(r"(?<=`)--[a-z-]+(?=`)", described)) == has


def test_dependencies_are_those_of_the_project() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    page = read("docs/dependencies.md")
    for heading, listed in (
        ("## To run", project["dependencies"]),
        ("## To develop", project["optional-dependencies"]["dev"]),
    ):
        names = {re.split(r"[<>=~!\[ ]", each)[0] for each in listed}
        table = rows(section(page, heading))
        assert {row[0].strip("`") for row in table} == names
        assert all(len(row) == 5 and all(row) for row in table)


@pytest.mark.parametrize("number", range(1, 11))
def test_a_guarantee_names_its_code_its_tests_and_its_mutations(number: int) -> None:
    parts = re.split(r"^## ", read("docs/guarantees.md"), flags=re.MULTILINE)[1:]
    assert len(parts) == 10
    part = parts[number - 1]
    assert part.startswith(f"{number}. ")
    targets = _LINK.findall(part)
    assert any(target.startswith("../afterword/") for target in targets)
    assert any(target.startswith("../tests/") for target in targets)
    named = re.findall(r"\*([^*]+)\*", "".join(re.findall(r"^- Mutations: (.+)$", part, re.MULTILINE)))
    assert named == [mutation.name for mutation in MUTATIONS if mutation.guarantee == number]
    assert named


def test_each_line_of_the_law_names_tests_that_are_there() -> None:
    page = read("docs/law.md")
    done = page.partition("## What belongs to later work")[0]
    for asked, _, held in rows(done):
        files = [target for target in _LINK.findall(held) if target.startswith("../tests/")]
        tests = "".join((DOCS / file).read_text("utf-8") for file in files)
        assert files, asked
        for name in re.findall(r"`(test_\w+)`", held):
            assert f"def {name}(" in tests, name


def test_the_readme_has_ten_guarantees_and_the_commands_of_the_makefile() -> None:
    readme = read("README.md")
    assert [row[0] for row in rows(readme) if row[0].isdigit()] == [str(number) for number in range(1, 11)]
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    assert set(re.findall(r"^    make ([a-z]+)", readme + read("CONTRIBUTING.md"), re.MULTILINE)) <= targets


@pytest.mark.parametrize(("path", "name"), sorted(set(_STEP.findall(read("docs/flow.md")))))
def test_each_step_of_the_flow_is_in_the_code(path: str, name: str) -> None:
    assert re.search(rf"^ *(async )?(def|class) {name}\b", read(f"afterword/{path}"), re.MULTILINE)


def test_every_line_of_the_log_is_explained() -> None:
    told = section(read("docs/operating.md"), "### The log")
    logged: set[str] = set()
    for file in (PROJECT / "afterword").rglob("*.py"):
        logged |= set(re.findall(r'\blog\.(?:info|warning|error|exception)\(\s*"([^"]+)"', file.read_text()))
    assert "serving" in logged
    for event in logged:
        assert f"`{event}" in told, event


def test_the_changelog_begins_with_the_version_that_is_made() -> None:
    from afterword import __version__

    assert re.findall(r"^## ([\d.]+)", read("CHANGELOG.md"), re.MULTILINE)[0] == __version__


def test_the_php_example_sends_its_order_once(tmp_path: Path) -> None:
    needs("php")
    with Server(tmp_path).start((*SERVE, "--no-dispatch")) as alba:
        first, second = (run_php(alba) for _ in range(2))
        assert first == (0, "1 of 1 imported. \n")
        assert second[0] == 1
        assert second[1].startswith("0 of 1 imported. Some orders were not imported because they had already")
        assert [row.id_order for row in alba.invitations()] == ["B-2041"]


def run_php(server: Server) -> tuple[int, str]:
    environment = {**os.environ, "AFTERWORD_URL": server.url, "AFTERWORD_KEY": server.keys.private_key}
    ran = subprocess.run(
        ["php", PROJECT / "examples/php/send-order.php"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.stderr == ""
    return ran.returncode, ran.stdout
