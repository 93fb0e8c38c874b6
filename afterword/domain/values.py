"""Makes values from customers and shops safe to show: one line, no invisible tricks, a bounded length."""

import re
import unicodedata
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from afterword.domain.top_levels import TOP_LEVELS

LONGEST_SHOWN = 98
"""Maximum length of one value in an e-mail, in characters. With up to ten octets per character reference, a value on
its own line stays within the 998 octets that a line may have (RFC 5322 2.1.1)."""

MOST_MARKS = 8
"""Maximum combining marks per base character. No script needs more; stacks of them cover the lines above."""

_TOWER = re.compile(rf"[^\w\x00-\u02ff]{{{MOST_MARKS + 1}}}")
"""A fast pre-check: every stack of marks matches, and hardly any other text does."""

_BLANKS = re.compile("[\x00-\x20\x7f-\x9f\u2028\u2029]+")
_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_JOINER = "\u200d"

_POINTS = ".\u3002\uff0e\uff61"
"""The point, and those of the Far East that browsers take for it."""

_MAYBE_LINKED = re.compile(f"[@{_POINTS}]|://")
_AT = re.compile(rf"@(?=[\w-]{{1,63}}[{_POINTS}]\w)")
_POINT = re.compile(rf"[{_POINTS}](?=([^\W_]{{1,63}}+))(?<=[^\s{_POINTS}].)")
_WWW = re.compile(r"\bwww\d?$", re.IGNORECASE)
_ADDRESS = re.compile(r"://|@|www\.|\w\.\w{2,}", re.IGNORECASE)


def utc_text(seconds: int | None) -> str | None:
    """Epoch seconds as programs are shown every moment, `2026-03-01T14:05:26Z`; None stays None."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def local_text(seconds: int, timezone: str) -> str:
    """Epoch seconds as people read a moment in their time zone: `2026-03-01 15:05:26 (Europe/Paris)`."""
    return f"{datetime.fromtimestamp(seconds, ZoneInfo(timezone)):%Y-%m-%d %H:%M:%S} ({timezone})"


def counted(amount: int, noun: str, plural: str | None = None) -> str:
    """`1 fault`, `3 faults`, `1,000 entries`: for English sentences that are not in a catalogue."""
    return f"{amount:,} {noun if amount == 1 else plural or noun + 's'}"


def shown(text: str, limit: int = LONGEST_SHOWN) -> str:
    """The text as one line of at most `limit` characters, truncated with an ellipsis.

    Control characters and line separators become a space. Direction marks are removed, since they could reorder the
    text around the value. A lone surrogate becomes U+FFFD, and a base character keeps at most MOST_MARKS combining
    marks.
    """
    if text.isascii() and text.isprintable():
        line = " ".join(text.split())
    else:
        line = _BLANKS.sub(" ", _DIRECTIONS.sub("", _SURROGATES.sub("\ufffd", text))).strip()
        line = without_towers(line)
    return line if len(line) <= limit else _cut(line, limit)


def without_towers(text: str) -> str:
    """The text with at most MOST_MARKS combining marks on each base character."""
    if not _TOWER.search(text):
        return text
    characters, marks = [], 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if marks <= MOST_MARKS:
            characters.append(character)
    return "".join(characters)


def shown_lines(text: str) -> str:
    """The whole text, line by line, each line made safe as by `shown`."""
    return "\n".join(shown(line, len(line)) for line in text.splitlines())


def shown_name(text: str) -> str:
    """A person's name as shown in an e-mail; empty if it looks like an address.

    Mail programs turn anything that looks like an address into a link, and anyone can place an order under the name
    `www.evil.example`. The shop's e-mail must not deliver that link.
    """
    name = shown(text)
    return "" if _ADDRESS.search(name) else name


def shown_unlinked(text: str) -> str:
    """The text as `shown`, in which no mail program finds an address: a blank breaks what one would turn into a link.

    For names of products and numbers of orders, which a thief of a shop's key can choose: `evil.example` becomes
    `evil. example`, and nothing is removed. `St.Marc`, `Bio.K` and `No.5` stay as they are, since a capital after a
    point begins a name unless it is a top-level domain.
    """
    line = shown(text)
    if not _MAYBE_LINKED.search(line):
        return line
    return _POINT.sub(_broken, _AT.sub("@ ", line.replace("://", ": //")))


def _broken(point: re.Match[str]) -> str:
    word = point[1]
    is_end = word[0].isalpha() and not word[0].isupper() and (len(word) > 1 or not word.isascii())
    is_linked = (
        is_end or word.lower() in TOP_LEVELS or _WWW.search(point.string, point.start() - 4, point.start())
    )
    return f"{point[0]} " if is_linked else point[0]


def _cut(line: str, limit: int) -> str:
    """The start of the line and an ellipsis. Never separates a base character from its marks, or the parts of an
    emoji."""
    end = limit - 1
    while end > 1 and (_JOINER in line[end - 1 : end + 1] or unicodedata.category(line[end]).startswith("M")):
        end -= 1
    return line[:end].rstrip() + "…"
