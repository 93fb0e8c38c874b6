"""Catalogues as translators write them, and headers with more plural forms than two."""

from pathlib import Path

from afterword.i18n.catalogue import Catalogue, read_catalogues

POLISH = "nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);"
ARABIC = (
    "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5);"
)

_HEADER = (
    'msgid ""\nmsgstr "Language: {}\\nContent-Type: text/plain; charset=UTF-8\\nPlural-Forms: {}\\n"\n\n'
)


def written(folder: Path, lang: str, plural: str, entries: str) -> Catalogue:
    """A catalogue of these entries, written into a folder and read from there."""
    (folder / f"{lang}.po").write_text(_HEADER.format(lang, plural) + entries, "utf-8")
    return read_catalogues(folder)[lang]
