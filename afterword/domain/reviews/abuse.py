"""Words that put a review before a person: insults to people, hatred, threats. `i18n/words/` has the lists."""

from collections.abc import Iterable
from typing import NamedTuple


class AbuseWords(NamedTuple):
    """Lower case, without accents. A word counts by itself, a phrase only with one blank between its words."""

    words: frozenset[str]
    phrases: tuple[str, ...]

    def are_in(self, words: list[str]) -> bool:
        """Whether a text of these words has one of them."""
        line = f" {' '.join(words)} "
        return not self.words.isdisjoint(words) or any(f" {phrase} " in line for phrase in self.phrases)


def abuse_words(entries: Iterable[str]) -> AbuseWords:
    found = frozenset(entries)
    words = frozenset(entry for entry in found if " " not in entry)
    return AbuseWords(words, tuple(sorted(found - words)))
