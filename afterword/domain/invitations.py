"""An invitation's life: the one e-mail that an order earns, from its import to its end.

The states and the ways between them are drawn in docs/architecture.md.
"""

import hashlib
from typing import Literal

import msgspec

from afterword.domain.orders.order import OrderLine

State = Literal["scheduled", "claimed", "sending", "in_doubt", "sent", "answered", "failed", "cancelled"]

FIRST_RETRY = 300
"""Seconds before the second try; doubled for each further one, up to LONGEST_RETRY."""

LONGEST_RETRY = 3_600
GIVE_UP_AFTER = 5 * 86_400
"""Seconds after the first try from which a deferred letter is not tried again (Postfix's habit too)."""


class Invitation(msgspec.Struct, frozen=True, gc=False):
    """A claimed invitation with what its letter needs of the order. Times are epoch seconds."""

    id: int
    shop_id: int
    live: bool
    tries: int
    first_try_at: int | None
    due_at: int
    id_order: str
    reference: str | None
    order_date: str
    firstname: str
    lastname: str
    email: str
    lang: str
    lines: tuple[OrderLine, ...]


class Outcome(msgspec.Struct, frozen=True):
    """What the courier says of a letter, with the server's own words.

    `withdrawn`: the mark before DATA was refused (suppressed, cancelled or claimed by another meanwhile),
    so nothing was sent.
    """

    kind: Literal["sent", "deferred", "failed", "in_doubt", "withdrawn"]
    reply: str = ""


def due_at(received_at: float, delay: int) -> int:
    """The epoch second from which the letter may go: receipt, rounded up to the second, plus the delay.

    Guarantee 3: `order_date` has no part in it.
    """
    whole = int(received_at)
    return whole + (whole < received_at) + delay


def retry_after(tries: int, spread: float) -> int:
    """Seconds until the next try after `tries` that were deferred.

    Five minutes, doubling up to an hour; `spread` (0 to 1, random) adds up to a quarter, so that
    letters that failed together do not come back together.
    """
    base = min(FIRST_RETRY << min(max(tries - 1, 0), 10), LONGEST_RETRY)
    return base + int(base * spread / 4)


def is_out_of_tries(first_try_at: int, next_try_at: int) -> bool:
    """Whether the next try would come later than five days after the first."""
    return next_try_at - first_try_at > GIVE_UP_AFTER


def fingerprint(salt: str, *, live: bool, id_order: str) -> str:
    """32 hex digits that stand for an order wherever a restore must not change the name.

    Guarantee 9: the send journal is keyed by it, and the Message-ID is made from it, so both stay the
    same when the order is imported again after an old backup was restored.
    """
    named = f"invitation:{'live' if live else 'test'}:{id_order}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(named, key=bytes.fromhex(salt), digest_size=16).hexdigest()


def message_id(salt: str, *, live: bool, id_order: str, host: str) -> str:
    """The Message-ID of every try at this invitation, with its angle brackets (RFC 5322 3.6.4)."""
    return f"<{fingerprint(salt, live=live, id_order=id_order)}@{host}>"
