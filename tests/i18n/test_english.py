"""Words that do not come back into what people read: the catalogue's messages, the API's reference, the widget."""

import re
from collections.abc import Iterator

import pytest

from tools.texts import PACKAGE, Message, messages, places

GONE = {
    "nobody, somebody, whoever, everybody": r"\b(nobody|somebody|whoever|everybody|anybody)\b",
    "anew": r"\banew\b",
    "is told": r"\b(is|are|be|was|were) told\b",
    "became of, becomes of": r"\b(became|becomes|become) of\b",
    "for good": r"\bfor good\b",
    "an error of ours": r"\berrors? of ours\b|\bthe server's own\b",
    "meanwhile": r"\bmeanwhile\b",
    "stands": r"\bstands?\b(?! for)",
    "lately": r"\blately\b",
    "letter, for an e-mail": r"\b(the|our|your|each) letters?\b(?! a to)",
    "courier, notice, world, shelf": r"\b(couriers?|notices?|worlds?|shelf|shelves)\b",
    "doubt, for a dispute": r"\bdoubts? (this|a|the) review\b",
    "sign, for a character": r"\bsigns\b",
    "unless said, whence": r"\bunless said\b|\bwhence\b",
}
"""By what they are, as patterns; `tests/docs` holds the same of the docs."""


def said() -> Iterator[tuple[str, str]]:
    """Every sentence, and where it is."""
    for place, kind, text in places():
        if kind in ("message", "docs"):
            yield place, text
    script = (PACKAGE / "web/static/widget.js").read_text("utf-8")
    yield "web/static/widget.js", " ".join(re.findall(r"/\*[^*]*\*/|// .*|\"[^\"\n]*\"", script))


SAID = sorted(set(said()))


@pytest.mark.parametrize("words", GONE)
def test_the_words_that_went_do_not_come_back(words: str) -> None:
    found = [(place, text) for place, text in SAID if re.search(GONE[words], text, re.IGNORECASE)]
    assert found == []


def test_the_patterns_find_what_they_are_for() -> None:
    """The very sentences that went."""
    gone = (
        "Nobody looked, and it is looked at anew; the author is told what became of it, for good.",
        "An error of ours met the letter meanwhile: the notice stands in no world, lately.",
        "{{ shop }} doubts this review: it has 64 signs, `desc` unless said.",
    )
    assert [
        words for words, pattern in GONE.items() if not re.search(pattern, " ".join(gone), re.IGNORECASE)
    ] == []


def plurals() -> list[Message]:
    return [message for asked in messages().values() for message in asked if isinstance(message, tuple)]


def test_a_sentence_with_a_number_has_two_forms_and_no_template_counts_by_itself() -> None:
    assert len(plurals()) > 5
    for path in PACKAGE.rglob("templates/*"):
        assert not re.search(r"\bif \w+(\|length)? == 1\b", path.read_text("utf-8")), path.name
