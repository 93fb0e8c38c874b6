"""What carries composed messages: SMTP, or the outbox folder.

A transport reports the outcome of one message truthfully: `in_doubt` rather than a guess.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol

from afterword.domain.messages import Outcome

Mark = Callable[[], Awaitable[bool]]
"""Writes durably that this message is now on its way. False: it must not be sent any more (guarantee 6)."""

LONGEST_TRANSPORT_PAUSE = 10.0
"""Seconds between two tries of a transport that is in trouble: when it is well again, messages go at once."""


class ComposedMessage(NamedTuple):
    """A finished e-mail. `content` has CRLF line ends, no dot-stuffing, and ends with CRLF.

    `sender` and `recipient` are bare addresses for the envelope (RFC 5321). `fingerprint` is the message's: 32 hex
    digits, the same each time that it is composed.

    `id_order` names the order that it is about, or is empty. `form` is the link to its form in a test e-mail, and
    empty in a live one, whose link no log may hold.
    """

    sender: str
    recipient: str
    fingerprint: str
    content: bytes
    id_order: str = ""
    form: str = ""

    @property
    def needs_smtputf8(self) -> bool:
        """Whether only a server that speaks SMTPUTF8 can take it (RFC 6531): an address is not ASCII.

        Nothing else in a message needs more than ASCII.
        """
        return not (self.sender.isascii() and self.recipient.isascii())


class TransportTrouble(Exception):
    """Something is wrong with the transport, not with this message: nothing fails, everything waits.

    Its text is one sentence for the operator without its full stop, and never holds a password.
    """

    longest_pause = LONGEST_TRANSPORT_PAUSE


class NoTransport(TransportTrouble):
    """No one has chosen a transport, which only a new start changes."""

    longest_pause = 60.0
    """So there is one line a minute in the log."""


class Transport(Protocol):
    async def deliver(self, message: ComposedMessage, mark: Mark) -> Outcome:
        """Carry one message, and report its outcome.

        Guarantee 5: `mark` is awaited at most once, after everything that can be asked beforehand has
        been answered, and before the first byte of the message leaves. Once it returned True, the outcome
        is `sent`, `deferred`, `failed` or `in_doubt`; when it returned False, it is `withdrawn`. What
        `mark` raises is passed on, and the message has not left.

        Raises TransportTrouble, before the mark or after it, only when the message surely was not taken: then it
        can simply be tried again.
        """
        ...

    async def close(self) -> None:
        """Release whatever is held open. Messages under way are not waited for."""
        ...


class UnchosenTransport:
    """Carries nothing: without AFTERWORD_SMTP, live e-mails wait until someone has chosen."""

    async def deliver(self, message: ComposedMessage, mark: Mark) -> Outcome:
        """Raises NoTransport."""
        raise NoTransport(
            "no live e-mail is sent, because AFTERWORD_SMTP is not set: set it and start again "
            "(AFTERWORD_SMTP=outbox: writes e-mails into files)"
        )

    async def close(self) -> None:
        """Nothing is held open."""
