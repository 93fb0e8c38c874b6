"""A cache of public answers: least recently used ones are evicted."""

from collections import OrderedDict

from afterword.store.shops import CacheKey
from afterword.web.reviews_api.answers import Answer

MOST_ANSWERS = 4_096
MOST_BYTES = 32 * 1024 * 1024

_OVERHEAD = 2_048
"""Bytes of an answer besides its body."""


class CachedAnswer:
    """An answer, its cache key, and when the cache key was last compared (epoch seconds)."""

    __slots__ = ("answer", "cache_key", "checked_at", "etag", "unchanged")

    def __init__(self, cache_key: CacheKey, etag: bytes, answer: Answer, unchanged: Answer) -> None:
        """`unchanged` is the 304 for clients that have the answer."""
        self.cache_key = cache_key
        self.etag = etag
        self.answer = answer
        self.unchanged = unchanged
        self.checked_at = 0.0


class AnswerCache:
    """Answers by URL. The most recent answer is never evicted, whatever its size."""

    def __init__(self, most_answers: int = MOST_ANSWERS, most_bytes: int = MOST_BYTES) -> None:
        self._most_answers = most_answers
        self._most_bytes = most_bytes
        self._answers: OrderedDict[str, CachedAnswer] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._answers)

    @property
    def bytes(self) -> int:
        return self._bytes

    def get(self, address: str) -> CachedAnswer | None:
        entry = self._answers.get(address)
        if entry is not None:
            self._answers.move_to_end(address)
        return entry

    def put(self, address: str, entry: CachedAnswer) -> None:
        self.drop(address)
        self._answers[address] = entry
        self._bytes += _size(entry)
        while len(self._answers) > 1 and (
            len(self._answers) > self._most_answers or self._bytes > self._most_bytes
        ):
            self._bytes -= _size(self._answers.popitem(last=False)[1])

    def drop(self, address: str) -> None:
        entry = self._answers.pop(address, None)
        if entry is not None:
            self._bytes -= _size(entry)


def _size(entry: CachedAnswer) -> int:
    return len(entry.answer.body) + _OVERHEAD
