"""The templates of e-mails, as they lie in the package."""

import re
from pathlib import Path

import pytest

from afterword.i18n.catalogue import Catalogue, catalogues
from afterword.mail.wording import TEMPLATES, compile_wording, in_language
from tests.mail.conftest import KINDS
from tools.compile_mjml import SOURCES, block_of, compile_mjml, html_of_mjml, whole

KNOWN_TAGS = {
    *("mjml", "mj-attributes", "mj-all", "mj-body", "mj-button", "mj-class", "mj-column", "mj-head"),
    *("mj-preview", "mj-raw", "mj-section", "mj-style", "mj-table", "mj-text", "mj-title"),
}

ENGLISH = catalogues()["en"]

each_kind = pytest.mark.parametrize("kind", KINDS)


def test_every_kind_has_its_templates_and_there_are_no_others() -> None:
    written = {path.name for path in TEMPLATES.iterdir()}
    assert written == {f"{kind}.{end}" for kind in (*KINDS, "_layout") for end in ("mjml", "txt", "html")}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_the_compiled_html_is_that_of_its_source(source: Path) -> None:
    assert source.with_suffix(".html").read_text("utf-8") == compile_mjml(source), "run `make templates`"


@each_kind
def test_a_kind_compiles_to_the_layout_outside_its_blocks(kind: str) -> None:
    template, layout = (TEMPLATES / f"{name}.mjml" for name in (kind, "_layout"))
    blocks = re.findall(r"\[% block (\w+)", template.read_text("utf-8"))
    compiled = html_of_mjml(whole(template.read_text("utf-8"), layout.read_text("utf-8")))

    left, expected = compiled, compile_mjml(layout)
    for name in blocks:
        left, expected = (text.replace(block_of(text, name), "") for text in (left, expected))
    assert left == expected


def test_only_tags_that_the_compiler_knows_are_used() -> None:
    for source in TEMPLATES.glob("*.mjml"):
        assert set(re.findall(r"</?(mj[\w-]*)", source.read_text("utf-8"))) <= KNOWN_TAGS


@each_kind
def test_the_templates_load_nothing_from_anywhere(kind: str) -> None:
    html = in_language(f"{kind}.html", ENGLISH)

    assert set(re.findall(r"[\w+.-]*://[^\s\"'<>)]*", html)) == {"http://www.w3.org/1999/xhtml"}
    assert not re.search(r"<(img|link|script|iframe|object|svg|video)\b|@import|@font-face|url\(", html)
    assert not re.search(r'href="(?!{{ (review|verify|unsubscribe|dashboard|site) }}")', html)


@each_kind
def test_every_table_is_for_layout_only(kind: str) -> None:
    tables = re.findall(r"<table[^>]*>", in_language(f"{kind}.html", ENGLISH))

    assert tables and all('role="presentation"' in table for table in tables)


@each_kind
@pytest.mark.parametrize("lang", sorted(catalogues()))
def test_the_static_lines_leave_room_for_a_value(kind: str, lang: str) -> None:
    html = in_language(f"{kind}.html", catalogues()[lang])

    assert max(len(line.encode("ascii", "xmlcharrefreplace")) for line in html.splitlines()) < 900


def test_a_language_with_many_plural_forms_uses_the_one_of_the_number() -> None:
    forms = ("{{ waiting }} jeden", "{{ waiting }} kilka", "{{ waiting }} wiele")
    polish = Catalogue(
        "pl",
        {"{{ shop }}: {{ waiting }} review is waiting for you": forms},
        lambda number: 0 if number == 1 else 1 if 1 < number % 10 < 5 else 2,
    )
    subject = compile_wording(polish, "digest").subject
    texts = compile_wording(Catalogue("pl", {}, polish.rule), "digest").subject

    said = [subject.render(waiting=number, shop="Alba") for number in (1, 3, 5)]
    assert said == ["1 jeden", "3 kilka", "5 wiele"]
    assert texts.render(waiting=22, shop="Alba") == "Alba: 22 reviews are waiting for you"
