"""The languages: one `locales/<language>.po` each. Messages are named by their English text.

A catalogue added to that folder is a language added to e-mails, pages and the widget; nothing else needs to know.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from gettext import c2py
from pathlib import Path
from typing import Literal, NamedTuple

from babel.messages.pofile import read_po

from afterword.i18n.dates import locale_of, written

LOCALES = Path(__file__).parent / "locales"

ENGLISH = "en"

_MARK = re.compile(r"{{ (\w+) }}")

Rule = Callable[[int], int]
"""Which of a message's plural forms goes with a number."""


def _english(number: int) -> int:
    return int(number != 1)


class Catalogue(NamedTuple):
    """A language's forms of each message: one, or as many as the language has plural forms."""

    lang: str
    messages: Mapping[str, tuple[str, ...]]
    rule: Rule = _english

    def gettext(self, message: str) -> str:
        """The message in this language, or in English where the catalogue has none."""
        return self.messages.get(message, (message,))[0]

    def say(self, message: str, **values: str | int | float) -> str:
        """The message as plain text, with these values in place of its marks."""
        return fill(self.gettext(message), lambda name: written(values[name], self.lang))

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        """The form of the message that goes with this number. Marks such as `{{ count }}` are left in it."""
        forms, rule = self.forms(singular, plural)
        return forms[rule(number)]

    def forms(self, singular: str, plural: str) -> tuple[tuple[str, ...], Rule]:
        """All forms of the message, and which goes with a number; the English ones where the catalogue has none."""
        forms = self.messages.get(singular)
        return (forms, self.rule) if forms else ((singular, plural), _english)

    @property
    def direction(self) -> Literal["ltr", "rtl"]:
        return "rtl" if locale_of(self.lang).text_direction == "rtl" else "ltr"


def fill(message: str, value: Callable[[str], str]) -> str:
    """The message with its marks, such as `{{ shop }}`, replaced by what `value` says for their names."""
    return _MARK.sub(lambda mark: value(mark[1]), message)


def sentence(message: str) -> str:
    """The message itself: marks a sentence in the code that is translated where it is shown."""
    return message


def counted(singular: str, plural: str) -> tuple[str, str]:
    """The same for a sentence with a number, `{{ count }}`."""
    return singular, plural


@cache
def catalogues() -> dict[str, Catalogue]:
    """Every language of the package, read once."""
    return read_catalogues()


def read_catalogues(folder: Path = LOCALES) -> dict[str, Catalogue]:
    """Every catalogue of a folder by its language, English always among them."""
    found = {path.stem.lower(): _read(path) for path in sorted(folder.glob("*.po"))}
    return {ENGLISH: Catalogue(ENGLISH, {}), **found}


def choose(lang: str, among: Mapping[str, Catalogue]) -> Catalogue:
    """The catalogue for a language tag: `pt-br`, else `pt`, else English."""
    tag = lang.lower().replace("_", "-")
    return among.get(tag) or among.get(tag.partition("-")[0]) or among[ENGLISH]


def has_catalogue(lang: str) -> bool:
    """Whether what is said in this language is in it, or in what it is a variety of, and not in English instead."""
    return choose(lang, catalogues()).lang.partition("-")[0] == lang.lower().partition("-")[0]


def _read(path: Path) -> Catalogue:
    with path.open("rb") as file:
        catalog = read_po(file, abort_invalid=True)
    messages = {}
    for entry in catalog:
        forms = (entry.string,) if isinstance(entry.string, str) else tuple(entry.string or ())
        if entry.id and forms and all(forms) and not entry.fuzzy:
            messages[str(entry.id if isinstance(entry.id, str) else entry.id[0])] = forms
    return Catalogue(path.stem.lower(), messages, c2py(catalog.plural_expr))
