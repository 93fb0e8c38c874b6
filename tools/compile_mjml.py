"""Compiles each template of afterword/mail/templates from MJML to HTML; `make templates` runs it.

The HTML is committed next to its source, so that neither installing nor sending needs an MJML compiler. A kind's
template extends `_layout`, in HTML as in MJML: each of its blocks is compiled in its place in the layout, and what is
outside its blocks is left as it is. All delimiters, `[[ ]]`, `[% %]`, `{{ }}` and `{% %}`, pass through unchanged.
"""

import re
from pathlib import Path

from mjml import mjml2html

TEMPLATES = Path(__file__).parent.parent / "afterword" / "mail" / "templates"
LAYOUT = TEMPLATES / "_layout.mjml"
SOURCES = sorted(TEMPLATES.glob("*.mjml"))

_LEFT_TO_RIGHT = {
    ' dir="auto"': ' dir="[[ direction ]]"',
    "direction:ltr": "direction:[[ direction ]]",
    "text-align:left": "text-align:[[ start ]]",
    ' align="left"': ' align="[[ start ]]"',
}
"""What the compiler writes regardless of the language's direction. With `dir="auto"`, the first letter of a name
could reverse the whole layout."""

_BLOCK = re.compile(r"\[% block (\w+) %\].*?\[% endblock \1 %\]", re.DOTALL)

_PREVIEW = re.compile(r"<div[^>]*>\[\[ preview \]\]</div>")

_LINE_ENDS = re.compile(
    r"(</(?:td|tr|table|tbody|div|title|style|head)>|<(?:tr|tbody)>|<(?:div|h[12])\b[^>]*>|<!\[endif\]-->"
    r"|\[% block \w+ %\](?=<)|>(?=\[% endblock))(?!\n)"
)


def compile_mjml(source: Path) -> str:
    """The HTML template of an MJML template."""
    layout, template = LAYOUT.read_text("utf-8"), source.read_text("utf-8")
    if source == LAYOUT:
        return html_of_mjml(layout)
    html = html_of_mjml(whole(template, layout))
    return _BLOCK.sub(lambda block: block_of(html, block[1]), template)


def whole(template: str, layout: str) -> str:
    """The layout with the blocks of a template in the place of its own."""
    for block in _BLOCK.finditer(template):
        layout = layout.replace(block_of(layout, block[1]), block[0])
    return layout


def block_of(text: str, name: str) -> str:
    start, end = f"[% block {name} %]", f"[% endblock {name} %]"
    return text[text.index(start) : text.index(end) + len(end)]


def html_of_mjml(mjml: str) -> str:
    """Without imported fonts, with every table marked as layout, in short lines.

    A line of an e-mail has at most 998 octets (RFC 5322 2.1.1). So lines are broken where white space has no effect,
    and each value gets its own line, inside tags, where a line break is not shown.
    """
    html = mjml2html(mjml, disable_comments=True, fonts={})
    for written, meant in _LEFT_TO_RIGHT.items():
        html = html.replace(written, meant)
    html = _PREVIEW.sub(r"[% if preview is defined %]\n\g<0>\n[% endif %]\n", html)
    html = re.sub(r"<table(?![^>]*\brole=)", '<table role="presentation"', html)
    html = re.sub(r"\n +", "\n", html)
    html = re.sub(r" (href=\"{{ \w+ }}\")", r"\n\1\n", html)
    html = re.sub(r"(</?bdi|<a\b[^>]*)>", r"\1\n>", html)
    return _LINE_ENDS.sub(r"\1\n", html).rstrip() + "\n"


def main() -> None:
    for source in SOURCES:
        source.with_suffix(".html").write_text(compile_mjml(source), "utf-8")


if __name__ == "__main__":
    main()
