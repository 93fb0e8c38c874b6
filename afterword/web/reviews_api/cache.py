"""A cache of public answers: least recently used ones are evicted."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

from afterword.store.shops import CacheKey
from afterword.web.reviews_api.answers import Answer

MOST_ANSWERS = 4_096
MOST_BYTES = 32 * 1024 * 1024

_OVERHEAD = 2_048
"""Bytes of an answer besides its body."""


@dataclass(slots=True)
class CachedAnswer:
    """An answer, the 304 for clients that have it, and when its cache key was last compared (epoch seconds)."""

    cache_key: CacheKey
    etag: bytes
    answer: Answer
    unchanged: Answer
    checked_at: float = 0.0


class AnswerCache:
    """Answers by what was asked. The most recent answer is never evicted, whatever its size."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Hashable, CachedAnswer] = OrderedDict()
        self.bytes = 0

    def get(self, address: Hashable) -> CachedAnswer | None:
        entry = self._answers.get(address)
        if entry is not None:
            self._answers.move_to_end(address)
        return entry

    def put(self, address: Hashable, entry: CachedAnswer) -> None:
        self.drop(address)
        self._answers[address] = entry
        self.bytes += _size(entry)
        while len(self._answers) > 1 and (len(self._answers) > MOST_ANSWERS or self.bytes > MOST_BYTES):
            self.bytes -= _size(self._answers.popitem(last=False)[1])

    def drop(self, address: Hashable) -> None:
        entry = self._answers.pop(address, None)
        if entry is not None:
            self.bytes -= _size(entry)


def _size(entry: CachedAnswer) -> int:
    return len(entry.answer.body) + _OVERHEAD
