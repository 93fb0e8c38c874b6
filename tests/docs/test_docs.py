"""The pages are complete and point to what is there: what the code has, a page names, and the reverse."""

import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from afterword import __version__
from tests.cli.command import commands
from tests.docs.pages import PAGES, PROJECT, read, rows, section
from tests.mutations.of_messages import OF_MESSAGES
from tests.mutations.of_orders import OF_ORDERS
from tests.mutations.of_requests import OF_REQUESTS
from tests.mutations.of_reviews import OF_REVIEWS
from tests.needs import needs
from tests.server import SERVE, Server

MUTATIONS = OF_ORDERS | OF_MESSAGES | OF_REVIEWS | OF_REQUESTS

_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_NAME = re.compile(r"`([A-Za-z_]\w+)`")
_TEST_FILE = re.compile(r"`(\w+\.py)`")
_TEST = re.compile(r"`(test_\w+)`")
_SETTING = re.compile(r"\bAFTERWORD_(?!TEST_)[A-Z]+(?:_[A-Z]+)*\b")


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


def test_settings_are_those_of_the_code_and_no_page_or_example_names_another() -> None:
    in_code = set(re.findall(r'"(AFTERWORD_[A-Z_]+)"', read("afterword/base/settings.py")))
    assert {row[0].strip("`") for row in rows(read("docs/settings.md"))} == in_code
    known = in_code | {f"{name}_FILE" for name in in_code} | {"AFTERWORD_KEY"}  # the PHP example's own
    examples = [path for path in (PROJECT / "examples").rglob("*") if path.is_file()]
    for page in [*PAGES, *examples]:
        assert set(_SETTING.findall(page.read_text("utf-8"))) <= known, page


def test_commands_are_those_of_the_program() -> None:
    assert set(re.findall(r"^### `(.+)`$", read("docs/commands.md"), re.MULTILINE)) == set(commands())


def options(command: click.Command) -> set[str]:
    return {option for param in command.params for option in param.opts if option.startswith("--")}


@pytest.mark.parametrize(("name", "command"), commands().items(), ids=commands())
def test_a_command_is_described_with_its_arguments_all_its_options_and_no_other(
    name: str, command: click.Command
) -> None:
    described = section(read("docs/commands.md"), f"### `{name}`")
    named = set(re.findall(r"(?<=`)--[a-z-]+(?=`)", described))
    assert named - {"--json"} == options(command) - {"--json"}
    assert "--json" in options(command) or "--json" not in named
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    words = [each.make_metavar(click.Context(command)).strip("[]") for each in arguments]
    assert " ".join([name, *words]) in described or not words


def test_all_commands_print_json_but_those_that_the_page_names() -> None:
    [line] = re.findall(r"^- `--json`, which all but (.+?) have", read("docs/commands.md"), re.MULTILINE)
    without = {f"afterword {name}" for name in re.findall(r"`([\w ]+)`", line)}
    assert without == {name for name, command in commands().items() if "--json" not in options(command)}


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
        assert all(len(row) >= 4 and all(row) for row in table)


def defined(folder: str) -> set[str]:
    """Every function, class and constant of a folder's Python, by name alone: a page survives a move."""
    found: set[str] = set()
    for file in (PROJECT / folder).rglob("*.py"):
        text = file.read_text("utf-8")
        found |= set(re.findall(r"^ *(?:async )?(?:def|class) (\w+)", text, re.MULTILINE))
        found |= set(re.findall(r"^([A-Z_]+)(?:: [^=]+)? = ", text, re.MULTILINE))
    return found


def files_of_tests() -> set[str]:
    return {file.name for file in (PROJECT / "tests").rglob("*.py")}


def guarantees() -> list[str]:
    """The sections of the page, one a guarantee."""
    return re.split(r"^## ", read("docs/guarantees.md"), flags=re.MULTILINE)[1:]


@pytest.mark.parametrize("number", range(1, 12))
def test_a_guarantee_names_code_tests_and_mutations_that_exist(number: int) -> None:
    part = guarantees()[number - 1]
    assert part.startswith(f"{number}. ")
    [kept] = re.findall(r"^- Kept by: (.+)$", part, re.MULTILINE)
    [proved] = re.findall(r"^- Proved by: (.+)$", part, re.MULTILINE)
    named = set(_NAME.findall(kept))
    assert named & defined("afterword")
    assert named - defined("afterword") <= {*_schema_names(), "synchronous_commit", "shop_id"}
    files = set(_TEST_FILE.findall(proved))
    assert files and files <= files_of_tests()
    [mutations] = re.findall(r"^- Mutations: (\d+)\.$", part, re.MULTILINE)
    assert int(mutations) == len(MUTATIONS[number]) > 0


def _schema_names() -> set[str]:
    """Every word of the migrations: tables, columns and indexes are among them."""
    migrations = (PROJECT / "afterword").rglob("migrations/*.sql")
    return {word for file in migrations for word in re.findall(r"\w+", file.read_text("utf-8"))}


def test_the_table_of_guarantees_has_eleven_rows_and_names_tests_that_exist() -> None:
    head = read("docs/guarantees.md").partition("\n## ")[0]
    assert [row[0] for row in rows(head)] == [str(number) for number in range(1, 12)]
    assert len(guarantees()) == 11
    assert set(_TEST_FILE.findall(head)) <= files_of_tests()


def test_each_line_of_the_law_names_tests_that_exist() -> None:
    known = defined("tests")
    lines = re.findall(r"^- (.+)$", read("docs/law.md").partition("## Not built yet")[0], re.MULTILINE)
    assert len(lines) > 25
    for line in lines:
        tests, files = set(_TEST.findall(line)), set(_TEST_FILE.findall(line))
        assert tests | files, line
        assert tests <= known and files <= files_of_tests(), line


def test_commands_of_the_makefile_are_named_as_they_are() -> None:
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    named = re.findall(r"^    make ([a-z]+)", read("README.md") + read("CONTRIBUTING.md"), re.MULTILINE)
    assert {"run", "test"} <= set(named) <= targets


def test_each_function_of_the_flow_is_in_the_code() -> None:
    named = set(_NAME.findall(read("docs/flow.md")))
    assert len(named) > 20
    assert named <= defined("afterword")


def test_every_event_of_the_log_is_explained_and_no_other() -> None:
    page = read("docs/operating.md")
    table = section(page, "### The log") + section(page, "### The security log")
    code = "".join(file.read_text("utf-8") for file in (PROJECT / "afterword").rglob("*.py"))
    calls = r'\b(?:log\.(?:info|warning|error|exception)|log_command|self\._add)\(\s*"([^"]+)"'
    logged = set(re.findall(calls, code))
    assert len(logged) > 20
    for event in logged:
        assert f"`{event}" in table, event
    for event in re.findall(r"`([^`]+)`", "".join(row[0] for row in rows(table))):
        assert any(event.startswith(each) for each in logged) or f'"{event}"' in code, event


def test_the_changelog_begins_with_the_version_that_is_made() -> None:
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
    line = ["php", PROJECT / "examples/php/send-order.php"]
    ran = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=60)
    assert ran.stderr == ""
    return ran.returncode, ran.stdout
