"""Compiles each template of afterword/mail/templates from MJML to HTML; `make templates` runs it.

The HTML is committed next to its source, so that neither installing nor sending needs an MJML compiler. All templates
extend `_layout.mjml`. Delimiters `<% %>` are for this step; `[[ ]]`, `{{ }}` and `{% %}` pass through unchanged.
"""

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from mjml import mjml2html

TEMPLATES = Path(__file__).parent.parent / "afterword" / "mail" / "templates"
SOURCES = sorted(TEMPLATES.glob("[!_]*.mjml"))

_LAYOUT = Environment(  # noqa: S701 - templates are ours, and values come later
    loader=FileSystemLoader(TEMPLATES),
    undefined=StrictUndefined,
    block_start_string="<%",
    block_end_string="%>",
    variable_start_string="<%=",
    variable_end_string="=%>",
    comment_start_string="<%#",
    comment_end_string="#%>",
    trim_blocks=True,
    lstrip_blocks=True,
)

_LEFT_TO_RIGHT = {
    ' dir="auto"': ' dir="[[ direction ]]"',
    "direction:ltr": "direction:[[ direction ]]",
    "text-align:left": "text-align:[[ start ]]",
    ' align="left"': ' align="[[ start ]]"',
}
"""What the compiler writes regardless of the language's direction. With `dir="auto"`, the first letter of a name
could reverse the whole layout."""

_LINE_ENDS = re.compile(
    r"(</(?:td|tr|table|tbody|div|title|style|head)>|<(?:tr|tbody)>|<(?:div|h[12])\b[^>]*>|<!\[endif\]-->)(?!\n)"
)


def compile_mjml(source: Path) -> str:
    """The HTML of an MJML template: no imported fonts, every table marked as layout, short lines.

    A line of an e-mail has at most 998 octets (RFC 5322 2.1.1). So lines are broken where white space has no effect,
    and each value gets its own line, inside tags, where a line break is not shown.
    """
    html = mjml2html(_LAYOUT.get_template(source.name).render(), disable_comments=True, fonts={})
    for written, meant in _LEFT_TO_RIGHT.items():
        html = html.replace(written, meant)
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
