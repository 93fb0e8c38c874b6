"""Plain, standard English: the words that the first version misused do not come back, and each message says what to
write instead. The rules read what people read: prose, without code, commands, addresses and names of mutations."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, PROJECT

PAGES = sorted([*PROJECT.glob("*.md"), *DOCS.glob("*.md")])

INSTEAD = {
    r"nobody": "name the actor, or use the passive",
    r"whoever|whomever|somebody": "name the actor: the operator, the customer, the shop, a client",
    r"anew": "again",
    r"for good(?! and)": "permanently",
    r"is told|are told|was told|were told|be told": "is notified, is shown, is reported",
    r"became of|becomes of|become of": "its status, its result",
    r"errors? of ours|errors? of Afterword's own": "an unexpected error, a bug",
    r"meanwhile": "leave it out, or say during what: while rows are copied",
    r"lately": "recently",
    r"(?:it|they|that|which|what|page|file|words?) stands?": "is, are",
    r"stands? (?:there|here|in|on|beside|above|below)": "is, are",
    r"(?<!full-width )(?<!look-alike )(?<!first )(?<!50 )(?<!two )(?<!\*)letters?(?! \(also| or digit)": (
        "e-mail (people), message (code)"
    ),
    r"couriers?": "transport",
    r"(?:a|the|each|every|this|that|no|of|by) notices?": "message of its kind; to programs: delivery",
    r"worlds?": "mode (live, test)",
    r"shel(?:f|ves)": "cache",
    r"(?:\d|a|any|of|such|other|invisible) signs?|signs (?:such|that)": "characters",
    r"sabotages?": "mutation",
    r"stor(?:y|ies)": "end-to-end test",
    r"rooms?(?! for)|floors?": "package or module; layer",
    r"doors?": "entry point",
    r"quick way|patient way|patiently|plain orders?": "fast path, fallback",
    r"remembered": "journaled",
    r"mended?": "fixed, repaired",
    r"as it then is|as it now is": "at that moment; current",
    r"in hand": "claimed, in progress",
    r"takes? no part|has no part": "plays no part",
    r"called in a wrong way": "usage error",
    r"of no use": "cannot be used",
}
"""What must not be read, and what to write instead."""


def prose(text: str) -> Iterator[tuple[int, str]]:
    """Each line of a page with its number, without what is code, an address, and without what a
    table of good and bad pairs says not to write."""
    fenced = pairs = False
    for number, line in enumerate(text.splitlines(), 1):
        fenced ^= line.startswith("```")
        pairs = line.startswith("| instead of |") or (pairs and line.startswith("|"))
        if fenced or line.startswith("    "):
            continue
        line = re.sub(r"^\| [^|]+\|", "", line) if pairs else line
        yield number, re.sub(r"\]\([^)]*\)", "]", re.sub(r"`[^`]*`", "", line))


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in PAGES])
def test_a_page_has_no_word_that_was_given_up(page: Path) -> None:
    found = [
        f"{page.name}:{number}: {match[0]!r}: write {instead}"
        for number, line in prose(page.read_text("utf-8"))
        for words, instead in INSTEAD.items()
        for match in re.finditer(rf"\b(?:{words})\b", line, re.IGNORECASE)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("Nobody looked at it.", "Nobody"),
        ("The letter is sent by the courier.", "letter"),
        ("What became of it stands there.", "became of"),
    ],
)
def test_a_word_that_was_given_up_is_found(line: str, word: str) -> None:
    assert any(
        match[0] == word
        for words in INSTEAD
        for match in re.finditer(rf"\b(?:{words})\b", line, re.IGNORECASE)
    )


def test_code_addresses_and_names_are_not_prose() -> None:
    pairs = "| instead of | write |\n| nobody | no one |\n"
    text = f"`nobody` [page](nobody.md)\n    nobody\n```\nnobody\n```\n{pairs}somebody"
    assert [line for _, line in prose(text) if "body" in line] == ["somebody"]
