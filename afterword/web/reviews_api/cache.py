"""Answers that were made before: the last used ones, no more than fit."""

from collections import OrderedDict

from afterword.store.shops import Standing
from afterword.web.reviews_api.answers import Answer

MOST_ANSWERS = 4_096
MOST_BYTES = 32 * 1024 * 1024

_BESIDE = 2_048
"""Bytes that an answer takes beside its body, with its headers."""


class Kept:
    """An answer, what it hangs on, and when that was last looked at (epoch seconds)."""

    __slots__ = ("answer", "checked_at", "etag", "standing", "unchanged")

    def __init__(self, standing: Standing, etag: bytes, answer: Answer, unchanged: Answer) -> None:
        """`unchanged` is the answer to whoever has it already."""
        self.standing = standing
        self.etag = etag
        self.answer = answer
        self.unchanged = unchanged
        self.checked_at = 0.0


class Shelf:
    """The answers by their addresses. However large an answer is, the last one stays."""

    def __init__(self, most_answers: int = MOST_ANSWERS, most_bytes: int = MOST_BYTES) -> None:
        self._most_answers = most_answers
        self._most_bytes = most_bytes
        self._answers: OrderedDict[str, Kept] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._answers)

    @property
    def bytes(self) -> int:
        return self._bytes

    def get(self, address: str) -> Kept | None:
        kept = self._answers.get(address)
        if kept is not None:
            self._answers.move_to_end(address)
        return kept

    def put(self, address: str, kept: Kept) -> None:
        self.drop(address)
        self._answers[address] = kept
        self._bytes += _size(kept)
        while len(self._answers) > 1 and (
            len(self._answers) > self._most_answers or self._bytes > self._most_bytes
        ):
            self._bytes -= _size(self._answers.popitem(last=False)[1])

    def drop(self, address: str) -> None:
        kept = self._answers.pop(address, None)
        if kept is not None:
            self._bytes -= _size(kept)


def _size(kept: Kept) -> int:
    return len(kept.answer.body) + _BESIDE
