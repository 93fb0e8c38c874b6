"""Values from customers and shops, made harmless to show: one line, no invisible tricks, a bounded length."""

import re
import unicodedata
from datetime import UTC, datetime

LONGEST_SHOWN = 98
"""Characters of one value in a letter. At ten octets a character reference, a value on a line of its own
stays within the 998 octets that a line may have (RFC 5322 2.1.1)."""

MOST_MARKS = 8
"""Combining marks on one letter, above any script's own: more than that make towers over the lines around."""

_TOWER = re.compile(rf"[^\w\x00-\u02ff]{{{MOST_MARKS + 1}}}")
"""What every tower of marks has, and hardly any other text."""

_BLANKS = re.compile("[\x00-\x20\x7f-\x9f\u2028\u2029]+")
_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_JOINER = "\u200d"
_ADDRESS = re.compile(r"://|@|www\.|\w\.\w{2,}", re.IGNORECASE)


def utc_text(seconds: int | None) -> str | None:
    """Epoch seconds as programs are shown every moment, `2026-03-01T14:05:26Z`; None stays None."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def counted(amount: int, noun: str, plural: str | None = None) -> str:
    """`1 fault`, `3 faults`, `1,000 entries`: for English sentences that are not in a catalogue."""
    return f"{amount:,} {noun if amount == 1 else plural or noun + 's'}"


def shown(text: str, limit: int = LONGEST_SHOWN) -> str:
    """The text as one line of at most `limit` characters, cut with an ellipsis.

    Control characters and line separators become a space, marks that turn the writing direction vanish
    (they could swap what a reader sees around the value), a lone surrogate shows as U+FFFD, and a letter
    keeps no more than MOST_MARKS of the marks that are stacked on it.
    """
    if text.isascii() and text.isprintable():
        line = " ".join(text.split())
    else:
        line = _BLANKS.sub(" ", _DIRECTIONS.sub("", _SURROGATES.sub("\ufffd", text))).strip()
        line = _without_towers(line)
    return line if len(line) <= limit else _cut(line, limit)


def shown_lines(text: str) -> str:
    """The text whole and with its lines, each of them made harmless as in `shown`."""
    return "\n".join(shown(line, len(line)) for line in text.splitlines())


def shown_name(text: str) -> str:
    """A person's name as the letter's body shows it; empty when it looks like an address.

    Mail programs make a link of whatever looks like one, and anybody can order under the name
    `www.evil.example`: the shop's own letter must not carry it to the address beside it.
    """
    name = shown(text)
    return "" if _ADDRESS.search(name) else name


def signature(firstname: str, lastname: str) -> str:
    """The name as the public sees it, first name and initial; empty when one of the two is."""
    if not firstname or not lastname:
        return ""
    end = 1
    while end < len(lastname) and unicodedata.combining(lastname[end]):
        end += 1
    return f"{firstname} {lastname[:end].upper()}."


def _without_towers(text: str) -> str:
    if not _TOWER.search(text):
        return text
    kept, marks = [], 0
    for sign in text:
        marks = marks + 1 if unicodedata.category(sign) in ("Mn", "Me") else 0
        if marks <= MOST_MARKS:
            kept.append(sign)
    return "".join(kept)


def _cut(line: str, limit: int) -> str:
    """The start of the line and an ellipsis; a letter keeps its accents, an emoji its parts, or goes too."""
    end = limit - 1
    while end > 1 and (_clings(line[end]) or line[end - 1] == _JOINER):
        end -= 1
    return line[:end].rstrip() + "…"


def _clings(sign: str) -> bool:
    return sign == _JOINER or unicodedata.category(sign).startswith("M")
