"""A letter's words in one language, compiled once at start from the templates and the catalogue.

Two passes, so that nothing that is known at start is worked out again for each letter. The first puts
the catalogue's messages in place of `[[ _("…") ]]`; the second compiles what is left, with the marks
`{{ … }}` of a letter's own values, which messages have too.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import escape

from afterword.i18n.catalogue import Catalogue

TEMPLATES = Path(__file__).parent / "templates"

_MARK = re.compile(r"{{ \w+ }}")

_FIRST = Environment(
    variable_start_string="[[",
    variable_end_string="]]",
    block_start_string="[%",
    block_end_string="%]",
    comment_start_string="[#",
    comment_end_string="#]",
    undefined=StrictUndefined,
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
_HTML = _TEXT.overlay(autoescape=True, trim_blocks=False, lstrip_blocks=False)


class Wording(NamedTuple):
    lang: str
    subject: Template
    text: Template
    html: Template


def compile_wording(catalogue: Catalogue, letter: str = "invitation") -> Wording:
    """The templates of a letter in this catalogue's language. Lines end with CRLF."""
    in_html = _in_html(catalogue.gettext)
    return Wording(
        lang=catalogue.lang,
        subject=_TEXT.from_string(in_language(f"{letter}.subject.txt", catalogue, catalogue.gettext).strip()),
        text=_TEXT.from_string(in_language(f"{letter}.txt", catalogue, catalogue.gettext)),
        html=_HTML.from_string(in_language(f"{letter}.html", catalogue, in_html)),
    )


def in_language(name: str, catalogue: Catalogue, say: Callable[[str], str]) -> str:
    """A template's source after the first pass: `say` gives the words for each message."""
    start, end = ("left", "right") if catalogue.direction == "ltr" else ("right", "left")
    source = (TEMPLATES / name).read_text("utf-8")
    return _FIRST.from_string(source).render(
        _=say, lang=catalogue.lang, direction=catalogue.direction, start=start, end=end
    )


def _in_html(say: Callable[[str], str]) -> Callable[[str], str]:
    """Messages as ASCII HTML. Each value in them stands apart from the writing direction around it, and
    on a line of its own (the line ends lie inside the tags, where they show as nothing)."""

    def in_html(message: str) -> str:
        html = str(escape(say(message))).encode("ascii", "xmlcharrefreplace").decode("ascii")
        return _MARK.sub(r"<bdi\n>\g<0></bdi\n>", html)

    return in_html
