"""The pages of the project as text: a section of one, and the rows of its tables."""

import re
from textwrap import dedent

from tests.server import PROJECT as PROJECT

DOCS = PROJECT / "docs"
PAGES = sorted([*PROJECT.glob("*.md"), *DOCS.glob("*.md")])


def read(name: str) -> str:
    return (PROJECT / name).read_text("utf-8")


def section(page: str, heading: str) -> str:
    """What stands under a heading, up to the next one of any level."""
    _, found, rest = page.partition(f"\n{heading}\n")
    assert found, f"there is no heading {heading!r}"
    return re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def blocks(page: str) -> list[str]:
    """What is set in, as it is to be typed or stored."""
    return [dedent(each).strip() for each in re.findall(r"(?:^    .*\n+)+", page, re.MULTILINE)]


def rows(page: str) -> list[list[str]]:
    """The cells of every table row but heads and rules."""
    found = re.findall(r"^\|(.*)\|\n(?=(.?))", page, re.MULTILINE)
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)] for row, _ in found]
    rules = [index for index, row in enumerate(cells) if all(re.fullmatch("-+", cell) for cell in row)]
    return [row for index, row in enumerate(cells) if index not in rules and index + 1 not in rules]
