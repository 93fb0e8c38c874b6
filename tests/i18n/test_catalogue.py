"""The catalogues: every message of the package once, in each language, with its marks and plural forms."""

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.messages.pofile import read_po

from afterword.domain.reviews.moderation import REJECTION_REASONS
from afterword.domain.reviews.review import UNFIT
from afterword.i18n.catalogue import LOCALES, Catalogue, choose, read_catalogues
from afterword.i18n.codes import REASONS_IN_WORDS, UNFIT_IN_WORDS
from afterword.i18n.dates import day, number, time_of_day
from tests.i18n.catalogues import ARABIC, POLISH, written
from tools import texts
from tools.places import with_places

MARK = re.compile(r"{{ \w+ }}")
PATHS = sorted(LOCALES.glob("*.po"))
ASKED = texts.messages()
MESSAGES = {
    message if isinstance(message, str) else message[0]: message
    for file in ASKED.values()
    for message in file
}


def entries(path: Path) -> dict[str, tuple[tuple[str, ...], int]]:
    """By message: its forms, and how many the language has of it."""
    with path.open("rb") as file:
        catalog = read_po(file, abort_invalid=True)
    found = {}
    for entry in catalog:
        ids = (entry.id,) if isinstance(entry.id, str) else entry.id
        forms = (entry.string,) if isinstance(entry.string, str) else tuple(entry.string)
        if ids[0]:
            due = 1 if len(ids) == 1 else catalog.num_plurals
            found[ids[0]] = forms, due
    return found


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_catalogue_has_every_message_once_and_no_other(path: Path) -> None:
    listed = re.findall(r'^msgid "(.+)"$', path.read_text("utf-8"), re.MULTILINE)

    assert sorted(message.replace('\\"', '"') for message in listed) == sorted(MESSAGES)
    for message, (forms, due) in entries(path).items():
        assert len(forms) == due and all(form.strip() for form in forms), message


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_an_entry_says_where_it_is_used(path: Path) -> None:
    text = path.read_text("utf-8")

    assert with_places(text) == text, "run `make places`"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_translation_has_the_marks_of_its_message(path: Path) -> None:
    for message, (forms, _) in entries(path).items():
        for form in forms:
            assert sorted(MARK.findall(form)) == sorted(MARK.findall(message)), message
            assert not set(MARK.sub("", form)) & set("{}[]<>"), message


def test_french_has_a_no_break_space_before_its_high_marks() -> None:
    for forms in read_catalogues()["fr"].messages.values():
        for form in forms:
            assert not re.search(r"[^\u202f][:;?!]", form), form
            assert "'" not in form


def test_every_code_has_its_sentence_and_no_other() -> None:
    assert tuple(REASONS_IN_WORDS) == REJECTION_REASONS
    assert sorted(UNFIT_IN_WORDS) == sorted(UNFIT)


def test_a_language_without_its_catalogue_falls_back() -> None:
    catalogues = {lang: Catalogue(lang, {}) for lang in ("en", "fr", "pt", "de-at")}

    assert choose("fr", catalogues).lang == "fr"
    assert choose("FR", catalogues).lang == "fr"
    assert choose("pt-br", catalogues).lang == "pt"
    assert choose("pt_BR", catalogues).lang == "pt"
    assert choose("de-at", catalogues).lang == "de-at"
    assert choose("de", catalogues).lang == "en"
    assert choose("", catalogues).lang == "en"


def test_what_a_catalogue_lacks_or_doubts_is_said_in_english(tmp_path: Path) -> None:
    hebrew = written(
        tmp_path,
        "he",
        "nplurals=2; plural=(n != 1);",
        'msgid "Hello,"\nmsgstr "שלום,"\n\n#, fuzzy\nmsgid "Write"\nmsgstr "?"\n\nmsgid "Stop"\nmsgstr ""\n',
    )

    assert hebrew.direction == "rtl"
    assert hebrew.gettext("Hello,") == "שלום,"
    assert [hebrew.gettext(message) for message in ("Write", "Stop", "Go")] == ["Write", "Stop", "Go"]


def test_a_language_has_as_many_plural_forms_as_its_header_says(tmp_path: Path) -> None:
    polish = written(
        tmp_path,
        "pl",
        POLISH,
        'msgid "1 review"\nmsgid_plural "reviews"\nmsgstr[0] "opinia"\nmsgstr[1] "opinie"\nmsgstr[2] "opinii"\n',
    )
    arabic = written(
        tmp_path,
        "ar",
        ARABIC,
        'msgid "1 review"\nmsgid_plural "reviews"\n' + "".join(f'msgstr[{n}] "form {n}"\n' for n in range(6)),
    )

    said = [polish.ngettext("1 review", "reviews", count) for count in (0, 1, 2, 5, 12, 22, 25, 102)]
    assert said == ["opinii", "opinia", "opinie", "opinii", "opinii", "opinie", "opinii", "opinie"]
    said = [arabic.ngettext("1 review", "reviews", count) for count in (0, 1, 2, 3, 11, 100, 111)]
    assert said == [f"form {n}" for n in (0, 1, 2, 3, 4, 5, 4)]


def test_plurals_that_a_catalogue_lacks_are_english_ones(tmp_path: Path) -> None:
    arabic = written(tmp_path, "ar", ARABIC, "")

    assert [arabic.ngettext("1 review", "reviews", count) for count in (0, 1, 2)] == [
        "reviews",
        "1 review",
        "reviews",
    ]


def test_dates_and_numbers_are_written_as_people_write_them() -> None:
    assert day("2026-03-21 14:05:26", "en") == "21 March 2026"
    assert day("2026-03-21 14:05:26", "fr") == "21 mars 2026"
    assert day("2026-02-30 00:00:00", "fr") == ""
    assert day("\ud800", "fr") == ""
    assert time_of_day(0, ZoneInfo("Europe/Paris"), "fr") == "01:00"
    assert time_of_day(0, ZoneInfo("Europe/Paris"), "en") == "1:00\u202fam"
    assert number(1234.5, "fr") == "1\u202f234,5"
    assert number(1234.5, "en") == number(1234.5, "tlh") == "1,234.5"


def test_no_compiled_catalogue_lies_in_the_package() -> None:
    assert [path.name for path in LOCALES.rglob("*") if path.is_file() and path.suffix != ".po"] == []
