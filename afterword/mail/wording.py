"""The words of one kind of message in one language, compiled once at start from its templates and the catalogue.

Two passes, so that nothing that is known at start is worked out again for each message. The first puts the
catalogue's messages in place of `[[ _("…") ]]` and `[[ ngettext("…", "…", "count") ]]`; the second compiles what is
left, with the marks `{{ … }}` of a message's own values, which the catalogue's messages have too.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import escape

from afterword.i18n.catalogue import ENGLISH, Catalogue

TEMPLATES = Path(__file__).parent / "templates"

_MARK = re.compile(r"{{ (\w+) }}")

_FIRST = Environment(
    loader=FileSystemLoader(TEMPLATES),
    variable_start_string="[[",
    variable_end_string="]]",
    block_start_string="[%",
    block_end_string="%]",
    comment_start_string="[#",
    comment_end_string="#]",
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,  # noqa: S701 - templates and catalogues are ours; messages are escaped by `_in_html`
)
_TEXT = Environment(
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    newline_sequence="\r\n",
    autoescape=False,  # noqa: S701 - plain text
)
_TEXT.globals.clear()  # Jinja copies them for each message, and no template uses any
_HTML = _TEXT.overlay(autoescape=True, trim_blocks=False, lstrip_blocks=False)

Write = Callable[[str, str], str]
"""Writes the words of a message into a template; the second is the name of its number, or empty."""


class Wording(NamedTuple):
    subject: Template
    text: Template
    html: Template


def compile_wording(catalogue: Catalogue, kind: str) -> Wording:
    """The templates of a kind in this catalogue's language. Lines end with CRLF. The first line of the text is the
    subject."""
    rules = {"native_form": catalogue.rule, "english_form": Catalogue(ENGLISH, {}).rule}
    subject, _, text = in_language(f"{kind}.txt", catalogue).partition("\n")
    html = in_language(f"{kind}.html", catalogue, _in_html)
    return Wording(
        subject=_TEXT.from_string(subject, rules),
        text=_TEXT.from_string(text, rules),
        html=_HTML.from_string(html, rules),
    )


def in_language(name: str, catalogue: Catalogue, write: Write = lambda words, _: words) -> str:
    """A template's source after the first pass."""

    def gettext(message: str) -> str:
        return write(catalogue.gettext(message), "")

    def ngettext(singular: str, plural: str, number: str) -> str:
        forms, rule = catalogue.forms(singular, plural)
        which = "native_form" if rule is catalogue.rule else "english_form"
        return _choice([write(form, number) for form in forms], f"{which}({number})")

    start, end = ("left", "right") if catalogue.direction == "ltr" else ("right", "left")
    return _FIRST.get_template(name).render(
        _=gettext,
        ngettext=ngettext,
        lang=catalogue.lang,
        direction=catalogue.direction,
        start=start,
        end=end,
    )


def _choice(forms: list[str], form: str) -> str:
    """The source that shows one of the forms: that of the number which the expression `form` gives."""
    *others, last = forms
    if not others:
        return last
    cases = "".join(f"{{% elif {form} == {place} %}}{words}" for place, words in enumerate(others))
    return f"{{%+ {cases.removeprefix('{% el')}{{% else %}}{last}{{% endif +%}}"


def _in_html(words: str, number: str) -> str:
    """As ASCII HTML. Each value but a number is isolated from the writing direction around it, and on a line of its
    own (the line ends lie inside the tags, where they show as nothing)."""
    html = str(escape(words)).encode("ascii", "xmlcharrefreplace").decode("ascii")
    return _MARK.sub(lambda mark: mark[0] if mark[1] == number else f"<bdi\n>{mark[0]}</bdi\n>", html)
