"""Plain, standard English: the words that the first version misused do not come back, and each message says what to
write instead. The rules read what people read: pages, docstrings, and comments in Python and SQL; without code,
commands, addresses and names of mutations."""

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, PROJECT

SOURCES = sorted(
    path
    for pattern in ("afterword/**/*.py", "afterword/**/*.sql", "benchmarks/**/*.py", "tools/*.py")
    for path in PROJECT.glob(pattern)
)

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
    r"(?<!full-width )(?<!look-alike )(?<!first )(?<!50 )(?<!two )(?<!\*)letters?(?! \(also| (?:or|and) digit)": (
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


def comments(path: Path) -> Iterator[tuple[int, str]]:
    """Each line of a source file's docstrings and comments with its number, without what is code."""
    read = _comments_of_python if path.suffix == ".py" else _comments_of_sql
    for number, line in read(path.read_text("utf-8")):
        yield number, re.sub(r"`[^`]*`", "", line)


def _comments_of_python(text: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Expr(ast.Constant(str(docstring))):
                yield from enumerate(docstring.splitlines(), node.lineno)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def _comments_of_sql(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        comment = line.partition("--")[2]
        if not comment.startswith(" name: "):
            yield number, comment


def given_up(lines: Iterable[tuple[int, str]]) -> list[str]:
    """Each word that must not be read, with the number of its line and what to write instead."""
    return [
        f"{number}: {match[0]!r}: write {instead}"
        for number, line in lines
        for words, instead in INSTEAD.items()
        for match in re.finditer(rf"\b(?:{words})\b", line, re.IGNORECASE)
    ]


@pytest.mark.parametrize(
    "path", [pytest.param(each, id=each.relative_to(PROJECT).as_posix()) for each in (*PAGES, *SOURCES)]
)
def test_no_page_docstring_or_comment_has_a_word_that_was_given_up(path: Path) -> None:
    found = given_up(prose(path.read_text("utf-8")) if path.suffix == ".md" else comments(path))
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
    assert any(found.startswith(f"1: {word!r}: ") for found in given_up([(1, line)]))


def test_docstrings_and_comments_are_read(tmp_path: Path) -> None:
    python, sql = tmp_path / "code.py", tmp_path / "code.sql"
    python.write_text('"""Nobody.\n\nAnew."""\nsign = "letter"  # `world` lately\n')
    sql.write_text("-- name: worlds\n-- Whoever.\nSELECT anew;\n")
    assert list(comments(python)) == [(1, "Nobody."), (2, ""), (3, "Anew."), (4, "#  lately")]
    assert [line for _, line in comments(sql) if line] == [" Whoever."]


def test_code_addresses_and_names_are_not_prose() -> None:
    pairs = "| instead of | write |\n| nobody | no one |\n"
    text = f"`nobody` [page](nobody.md)\n    nobody\n```\nnobody\n```\n{pairs}somebody"
    assert [line for _, line in prose(text) if "body" in line] == ["somebody"]
