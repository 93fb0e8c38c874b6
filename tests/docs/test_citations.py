"""The pages that code cites exist, and have the headings that it cites: `docs/orders-api.md, "The answer"`."""

import re
from collections.abc import Iterator

import pytest

from tests.docs.pages import PROJECT

_CITED = re.compile(r'\bdocs/([\w-]+\.md)(?:,\s+"([^"\n]+)")?')


def citations() -> Iterator[tuple[str, str, str]]:
    """File, page and heading ("" for the page as a whole) of every citation in Python."""
    for folder in ("afterword", "benchmarks", "tests", "tools"):
        for file in sorted((PROJECT / folder).rglob("*.py")):
            for page, heading in _CITED.findall(file.read_text("utf-8")):
                yield str(file.relative_to(PROJECT)), page, heading


@pytest.mark.parametrize(("file", "page", "heading"), sorted(set(citations())))
def test_a_cited_page_has_the_cited_heading(file: str, page: str, heading: str) -> None:
    path = PROJECT / "docs" / page
    assert path.exists(), file
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    assert not heading or heading in headings, f"{file} cites {heading!r}"


def test_citations_are_found() -> None:
    assert _CITED.findall('see docs/orders-api.md, "The answer", and docs/law.md') == [
        ("orders-api.md", "The answer"),
        ("law.md", ""),
    ]
    assert sum(1 for _ in citations()) > 10
