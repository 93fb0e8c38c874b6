"""Who is told of reviews, and whether they can be told just now: one thing at a time, and after trouble a pause."""

from dataclasses import dataclass
from time import monotonic

FIRST_PAUSE = 5.0
LONGEST_PAUSE = 300.0
"""Seconds in which a receiver that was in trouble gets nothing: doubled each time until it takes something."""


@dataclass
class Receiver:
    """A webhook, or the mail of one world. It is told one thing after the other."""

    is_busy: bool = False
    pause: float = 0.0
    free_at: float = 0.0
    took: float = 0.0

    @property
    def is_free(self) -> bool:
        return not self.is_busy and monotonic() >= self.free_at

    def took_it(self, seconds: float) -> None:
        self.pause = self.free_at = 0.0
        self.took = seconds

    def is_in_trouble(self) -> None:
        self.pause = min(max(FIRST_PAUSE, self.pause * 2), LONGEST_PAUSE)
        self.free_at = monotonic() + self.pause

    def seconds_until(self, place: int) -> float:
        """How long what stands at this place of its queue may have to wait, at the pace at which it takes things."""
        return max(self.free_at - monotonic(), 1.0) + place * self.took
