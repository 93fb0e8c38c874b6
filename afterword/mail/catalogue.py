"""The languages of the letters: one `locales/<language>.po` each. Messages are named by their English text.

A catalogue added to that folder is a language added; nothing else needs to know of it.
"""

from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

from babel import Locale
from babel.dates import format_date
from babel.messages.pofile import read_po

LOCALES = Path(__file__).parent / "locales"

ENGLISH = "en"


class Catalogue(NamedTuple):
    lang: str
    messages: dict[str, str]

    def say(self, message: str) -> str:
        """The message in this language, or in English where the catalogue has none."""
        return self.messages.get(message) or message

    @property
    def direction(self) -> Literal["ltr", "rtl"]:
        return "rtl" if Locale.parse(self.lang, sep="-").text_direction == "rtl" else "ltr"


def read_catalogues(folder: Path = LOCALES) -> dict[str, Catalogue]:
    """Every catalogue by its language, English always among them."""
    catalogues = {path.stem.lower(): _read(path) for path in sorted(folder.glob("*.po"))}
    return {ENGLISH: Catalogue(ENGLISH, {}), **catalogues}


def choose(lang: str, catalogues: dict[str, Catalogue]) -> Catalogue:
    """The catalogue for a language tag: `pt-br`, else `pt`, else English."""
    tag = lang.lower().replace("_", "-")
    return catalogues.get(tag) or catalogues.get(tag.partition("-")[0]) or catalogues[ENGLISH]


@lru_cache(maxsize=4096)
def day(order_date: str, lang: str) -> str:
    """The day of an order's `YYYY-MM-DD HH:MM:SS` as people of this language write it, or nothing when
    there is no such day."""
    try:
        return format_date(date.fromisoformat(order_date[:10]), "long", Locale.parse(lang, sep="-"))
    except ValueError:
        return ""


def _read(path: Path) -> Catalogue:
    with path.open("rb") as file:
        catalog = read_po(file, abort_invalid=True)
    found = {str(entry.id): str(entry.string) for entry in catalog if entry.id and not entry.fuzzy}
    return Catalogue(path.stem.lower(), found)
