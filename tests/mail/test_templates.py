"""The letters' templates and catalogues, as they lie in the package."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from afterword.i18n.catalogue import catalogues, read_catalogues
from afterword.mail.wording import TEMPLATES, compile_wording, in_language

ROOT = Path(__file__).parents[2]

KNOWN_TAGS = {
    "mjml",
    "mj-attributes",
    "mj-all",
    "mj-body",
    "mj-button",
    "mj-class",
    "mj-column",
    "mj-head",
    "mj-include",
    "mj-preview",
    "mj-raw",
    "mj-section",
    "mj-style",
    "mj-table",
    "mj-text",
    "mj-title",
}

SOURCES = sorted(TEMPLATES.glob("*.mjml"))
LETTERS = [source.stem for source in SOURCES]
LINKS = {
    "invitation": ["{{ review }}", "{{ unsubscribe }}", "{{ site }}"],
    "notice": ["{{ review }}", "{{ verify }}", "{{ unsubscribe }}", "{{ site }}"],
}


def compiler() -> ModuleType:
    spec = importlib.util.spec_from_file_location("compile_mjml", ROOT / "tools" / "compile_mjml.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_the_compiled_html_is_that_of_its_source(source: Path) -> None:
    fresh = compiler().compile_mjml(source.read_text("utf-8"))

    assert source.with_suffix(".html").read_text("utf-8") == fresh, "run `make templates`"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_only_tags_that_the_compiler_knows_are_used(source: Path) -> None:
    tags = set(re.findall(r"</?(mj[\w-]*)", source.read_text("utf-8")))

    assert tags <= KNOWN_TAGS


@pytest.mark.parametrize("letter", LETTERS)
def test_the_templates_load_nothing_from_anywhere(letter: str) -> None:
    html = (TEMPLATES / f"{letter}.html").read_text("utf-8")

    assert set(re.findall(r"[\w+.-]*://[^\s\"'<>)]*", html)) == {"http://www.w3.org/1999/xhtml"}
    assert not re.search(r"<(img|link|script|iframe|object|svg|video)\b|@import|@font-face|url\(", html)
    assert re.findall(r'href="([^"]*)"', html) == LINKS[letter]


@pytest.mark.parametrize("letter", LETTERS)
def test_every_table_is_for_layout_only(letter: str) -> None:
    html = (TEMPLATES / f"{letter}.html").read_text("utf-8")
    tables = re.findall(r"<table[^>]*>", html)

    assert tables
    assert [table for table in tables if 'role="presentation"' not in table] == []


def test_the_static_lines_leave_room_for_a_value() -> None:
    for catalogue in catalogues().values():
        wording = compile_wording(catalogue)
        html = in_language("invitation.html", catalogue, catalogue.gettext)
        assert wording.lang == catalogue.lang
        assert max(len(line.encode("ascii", "xmlcharrefreplace")) for line in html.splitlines()) < 900


def test_a_language_from_right_to_left_turns_the_letter_round(tmp_path: Path) -> None:
    (tmp_path / "he.po").write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n', "utf-8"
    )
    hebrew = read_catalogues(tmp_path)["he"]

    html = in_language("invitation.html", hebrew, hebrew.gettext)
    assert '<html lang="he" dir="rtl"' in html
    assert "direction:ltr" not in html
    assert re.findall(r'<td class="([^"]*)" style="[^"]*text-align:left', html) == ["qty"]
    assert html.count("text-align:left") == 1
