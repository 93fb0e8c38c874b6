"""What is found in a text before it is stored."""

from collections.abc import Callable, Iterable
from functools import lru_cache

from afterword.domain.reviews.checks.abuse import BadWords, word_list
from afterword.domain.reviews.checks.flags import Checked, look
from afterword.i18n.abuse import abuse_entries, threat_entries

Look = Callable[[Checked], tuple[str, ...]]
"""Returns the flags for a review."""


def _look(checked: Checked) -> tuple[str, ...]:
    return look(checked, _words_of(checked.lang))


@lru_cache(maxsize=100)
def _words_of(lang: str) -> BadWords:
    return BadWords(word_list(abuse_entries(lang)), word_list(threat_entries()))


CHECKS: Look = _look
"""All checks, with the bad words of the review's language."""


def looked_at(look: Look, reviews: Iterable[Checked]) -> Look:
    """Checks reviews now, and returns what knows the flags of these and no others: a transaction must not wait for
    checks (guarantee 11)."""
    return {checked: look(checked) for checked in reviews}.__getitem__
