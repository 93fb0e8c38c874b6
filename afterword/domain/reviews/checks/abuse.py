"""Words that put a review before a person: insults to people, hatred, threats. `i18n.abuse` has the lists."""

from collections.abc import Iterable
from typing import NamedTuple


class WordList(NamedTuple):
    """Lower case, without accents. A word counts by itself, a phrase only with one blank between its words."""

    words: frozenset[str]
    phrases: tuple[str, ...]

    def are_in(self, words: list[str]) -> bool:
        """Whether a text of these words has one of them."""
        line = f" {' '.join(words)} "
        return not self.words.isdisjoint(words) or any(f" {phrase} " in line for phrase in self.phrases)


class BadWords(NamedTuple):
    """What counts in texts of one language: insults and hatred, and threats."""

    abuse: WordList
    threats: WordList


def word_list(entries: Iterable[str]) -> WordList:
    found = frozenset(entries)
    words = frozenset(entry for entry in found if " " not in entry)
    return WordList(words, tuple(sorted(found - words)))
