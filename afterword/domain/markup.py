"""HTML in the values that shops' databases hold (docs/orders-api.md, "The order"): the one place that decodes
entities and removes tags, for orders and for imported reviews."""

import html
import html.entities
import re

_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9]*)(?=[\s/>])[^<>]*>")
_BREAK = re.compile(r"<br\s{0,9}/?>(?:\r\n?|\n)?", re.IGNORECASE)
_INLINE_TAGS = re.compile("(?:a|abbr|b|bdi|big|em|font|i|mark|s|small|span|strong|sub|sup|u)", re.IGNORECASE)


def decoded(text: str) -> str:
    """The text with its HTML entities decoded once: shop modules send `Soin &amp; Beauté`.

    Only entities with their semicolon count, so that `Salt&copper` stays as it is.
    """
    return _ENTITY.sub(_decode, text) if "&" in text else text


def without_tags(text: str, line_end: str = " ") -> str:
    """The text without its HTML tags. Emphasis leaves nothing; any other tag ends a line, and leaves `line_end`."""
    if "<" not in text:
        return text
    return _TAG.sub(lambda found: "" if _INLINE_TAGS.fullmatch(found[1]) else line_end, text)


def plain_lines(text: str) -> str:
    """A text of several lines as people read it: entities decoded, tags removed, lines ended where HTML ends them. A
    `<br />` before the end of a line is one end, as programs write it."""
    return without_tags(_BREAK.sub("\n", decoded(text)), "\n")


def _decode(found: re.Match[str]) -> str:
    entity = found[0]
    if entity[1] == "#" or entity[1:] in html.entities.html5:
        return html.unescape(entity)
    return entity
