"""How a worker goes on with a transport that was in trouble: pauses that double, then one message as a probe.

A message in doubt is worse than a transport that takes nothing, since only a person can settle it (guarantee 5). So
after one, the messages that are on their way stop before DATA, and each probe goes alone, until one of them is
answered.
"""

from typing import NamedTuple

from afterword.mail.transport import LONGEST_TRANSPORT_PAUSE

FIRST_TRANSPORT_PAUSE = 1.0
"""Seconds between the first two tries of a transport that is in trouble."""


class Attempt(NamedTuple):
    """What a worker knew of its transport when a message set out."""

    pause: float
    doubts: int


class Caution:
    """What a worker knows of its transport. `pause` is in seconds, 0 while all is well."""

    def __init__(self) -> None:
        self.pause = 0.0
        self._doubts = 0
        self._is_in_doubt = False
        self._under_way = 0

    @property
    def is_waiting(self) -> bool:
        """Whether no message may set out before those under way have come back: each of them may end in doubt."""
        return self._is_in_doubt and self._under_way > 0

    def sets_out(self) -> Attempt:
        """A message begins its way; `came_back` must follow."""
        self._under_way += 1
        return Attempt(self.pause, self._doubts)

    def came_back(self) -> None:
        """It was brought to its outcome, or met trouble."""
        self._under_way -= 1

    def is_outdated(self, attempt: Attempt) -> bool:
        """Whether another message ended in doubt since this one set out: then this one must not leave."""
        return attempt.doubts != self._doubts

    def met_trouble(self, attempt: Attempt, longest_pause: float = LONGEST_TRANSPORT_PAUSE) -> None:
        """All that set out together and meet the same trouble double the pause once."""
        self.pause = max(self.pause, min(max(FIRST_TRANSPORT_PAUSE, attempt.pause * 2), longest_pause))

    def left_in_doubt(self, attempt: Attempt) -> None:
        """The line broke when the message may have left."""
        self._doubts += 1
        self._is_in_doubt = True
        self.met_trouble(attempt)

    def was_answered(self, attempt: Attempt, *, marked: bool) -> None:
        """All is well again. After a doubt only the answer to DATA or to the message says so, and only to one that
        set out later."""
        if not self._is_in_doubt or (marked and not self.is_outdated(attempt)):
            self.pause, self._is_in_doubt = 0.0, False
