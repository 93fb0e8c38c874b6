"""Couriers: whoever carries letters.

A courier says what became of one letter, and it says it truthfully: `in_doubt` rather than a guess.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from afterword.domain.invitations import Outcome
from afterword.mail.stationery import Letter

Mark = Callable[[], Awaitable[bool]]
"""Writes durably that this letter is now on its way. False: it must not go any more (guarantee 6)."""


class CourierTrouble(Exception):
    """Something is wrong with the courier, not with this letter: nothing fails, everything waits.

    Its text is one sentence for the operator, and never holds a password.
    """


class Courier(Protocol):
    async def deliver(self, letter: Letter, mark: Mark) -> Outcome:
        """Carry one letter, and tell what became of it.

        Guarantee 5: `mark` is awaited at most once, after everything that can be asked beforehand has
        been answered, and before the first byte of the letter leaves. Once it returned True, the outcome
        is `sent`, `deferred`, `failed` or `in_doubt`; when it returned False, it is `withdrawn`. What
        `mark` raises is passed on, and the letter has not left.

        Raises CourierTrouble, always before the mark: then the letter can simply be tried again.
        """
        ...

    async def close(self) -> None:
        """Give up whatever is held open. Letters under way are not waited for."""
        ...
