"""The letters' templates and catalogues, as they lie in the package."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from afterword.domain.reviews.moderation import REASONS
from afterword.mail.catalogue import LOCALES, Catalogue, choose, day, read_catalogues
from afterword.mail.notice import HEADINGS
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

MARK = re.compile(r"{{ \w+ }}")
ENGLISH = Catalogue("en", {})
TRANSLATIONS = [found for found in read_catalogues().values() if found.lang != "en"]
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


def messages() -> set[str]:
    """Every message that a template asks for."""
    asked: set[str] = set()

    def note(message: str) -> str:
        asked.add(message)
        return message

    for letter in LETTERS:
        for kind in ("subject.txt", "txt", "html"):
            in_language(f"{letter}.{kind}", ENGLISH, note)
    return asked | set(HEADINGS.values()) | set(REASONS.values())


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


@pytest.mark.parametrize("catalogue", TRANSLATIONS, ids=lambda found: found.lang)
def test_a_catalogue_has_exactly_the_messages_of_the_templates(catalogue: Catalogue) -> None:
    assert set(catalogue.messages) == messages()
    assert [message for message, said in catalogue.messages.items() if not said.strip()] == []


@pytest.mark.parametrize("catalogue", TRANSLATIONS, ids=lambda found: found.lang)
def test_a_translation_has_the_marks_of_its_message(catalogue: Catalogue) -> None:
    for message, said in catalogue.messages.items():
        assert sorted(MARK.findall(said)) == sorted(MARK.findall(message)), message
        assert not set(MARK.sub("", said)) & set("{}[]<>"), message


def test_french_has_a_no_break_space_before_its_high_signs() -> None:
    french = read_catalogues()["fr"]

    assert [said for said in french.messages.values() if re.search(r"[^\u00a0][:;?!]", said)] == []
    assert [said for said in french.messages.values() if "'" in said] == []


def test_the_static_lines_leave_room_for_a_value() -> None:
    for catalogue in read_catalogues().values():
        wording = compile_wording(catalogue)
        html = in_language("invitation.html", catalogue, catalogue.say)
        assert wording.lang == catalogue.lang
        assert max(len(line.encode("ascii", "xmlcharrefreplace")) for line in html.splitlines()) < 900


def test_a_language_without_its_catalogue_falls_back() -> None:
    catalogues = {lang: Catalogue(lang, {}) for lang in ("en", "fr", "pt", "de-at")}

    assert choose("fr", catalogues).lang == "fr"
    assert choose("FR", catalogues).lang == "fr"
    assert choose("pt-br", catalogues).lang == "pt"
    assert choose("pt_BR", catalogues).lang == "pt"
    assert choose("de-at", catalogues).lang == "de-at"
    assert choose("de", catalogues).lang == "en"
    assert choose("", catalogues).lang == "en"


def test_a_catalogue_in_the_folder_is_a_language(tmp_path: Path) -> None:
    (tmp_path / "he.po").write_text(
        'msgid ""\nmsgstr "Language: he\\nContent-Type: text/plain; charset=UTF-8\\n"\n\n'
        'msgid "Hello,"\nmsgstr "שלום,"\n\n#, fuzzy\nmsgid "Write my review"\nmsgstr "?"\n',
        "utf-8",
    )
    hebrew = read_catalogues(tmp_path)["he"]

    assert hebrew.say("Hello,") == "שלום,"
    assert hebrew.say("Write my review") == "Write my review"
    html = in_language("invitation.html", hebrew, hebrew.say)
    assert '<html lang="he" dir="rtl"' in html
    assert "direction:ltr" not in html
    assert re.findall(r'<td class="([^"]*)" style="[^"]*text-align:left', html) == ["qty"]
    assert html.count("text-align:left") == 1


def test_a_date_is_written_as_people_write_it() -> None:
    assert day("2026-03-21 14:05:26", "en") == "March 21, 2026"
    assert day("2026-03-21 14:05:26", "fr") == "21 mars 2026"
    assert day("2026-02-30 00:00:00", "fr") == ""
    assert day("\ud800", "fr") == ""


def test_no_compiled_catalogue_lies_in_the_package() -> None:
    assert [path.name for path in LOCALES.rglob("*") if path.is_file() and path.suffix != ".po"] == []
