"""A message: one e-mail, or one delivery to a webhook, from its cause to its end.

The states and the ways between them are drawn in docs/architecture.md; they are the same for every kind.
"""

import hashlib
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Literal, NamedTuple

import msgspec

from afterword.domain.orders.order import OrderLine
from afterword.domain.reviews.review import Review

MessageKind = str
"""Of an e-mail the name of its module in `mail/kinds`; `webhook` is a delivery to a program."""

State = Literal["scheduled", "claimed", "sending", "in_doubt", "sent", "answered", "failed", "cancelled"]


class Queue(IntEnum):
    """Which messages share a worker: however many wait in one queue, none of another waits for them."""

    INVITATIONS = 0
    MAIL = 1
    WEBHOOKS = 2


GATHERED: frozenset[MessageKind] = frozenset({"receipt", "withdrawal"})
"""The kinds that an author can cause again and again: an order gets at most one of each in an hour, and what happens
in that time is gathered in the next."""

_OWN_QUEUES: Mapping[MessageKind, Queue] = {"invitation": Queue.INVITATIONS, "webhook": Queue.WEBHOOKS}


def queue_of(kind: MessageKind) -> Queue:
    """That of its kind: e-mails of every kind share one, but for invitations, of which thousands may wait."""
    return _OWN_QUEUES.get(kind, Queue.MAIL)


class Recipient(msgspec.Struct, frozen=True, gc=False):
    """Who an e-mail goes to. The names are empty for a shop."""

    email: str
    lang: str
    firstname: str = ""
    lastname: str = ""


class MessageOrder(msgspec.Struct, frozen=True, gc=False):
    """The order that a message to a customer is about. `order_date` is the shop's local time, and `voided` how often
    the links to its reviews were."""

    order_id: int
    id_order: str
    reference: str | None
    order_date: str
    lines: tuple[OrderLine, ...]
    voided: int = 0


class Message(msgspec.Struct, frozen=True, gc=False):
    """A claimed message with all that writing it needs. Times are epoch seconds.

    `order` is None for a message to the shop. `details` are what the kind keeps beside its row: a receipt has
    `receipts`, a withdrawal what is `withdrawn`, a rejection its `reason`. `reviews` are those that it is about, as
    they are now; a digest has the first of them, and in `waiting` how many there are.
    """

    id: int
    shop_id: int
    live: bool
    kind: MessageKind
    tries: int
    first_try_at: int | None
    due_at: int
    created_at: int
    recipient: Recipient
    order: MessageOrder | None = None
    details: Mapping[str, Any] = {}
    reviews: tuple[Review, ...] = ()
    waiting: int = 0

    def fingerprint(self, salt: str) -> str:
        """`salt` is the shop's."""
        id_order = self.order.id_order if self.order else None
        return row_fingerprint(salt, self.kind, self.id, self.created_at, id_order, live=self.live)


class Outcome(msgspec.Struct, frozen=True):
    """What the transport says of a message, with the server's own words.

    `withdrawn`: the mark before DATA was refused (suppressed, cancelled or claimed elsewhere a moment ago), so
    nothing was sent. `untaken`: it was marked, and the transport was in trouble before it could take it. `gone`: a
    webhook says that it will never take anything again.
    """

    kind: Literal["sent", "deferred", "failed", "in_doubt", "withdrawn", "untaken", "gone"]
    reply: str = ""


class Retries(NamedTuple):
    """Seconds before each further try, after which always the last; and after the first try when to give up."""

    waits: tuple[int, ...]
    give_up_after: int


FIRST_RETRY = 300
LONGEST_RETRY = 3_600
GIVE_UP_AFTER = 5 * 86_400
"""Seconds after the first try from which an e-mail is not tried again (Postfix's habit too)."""

POST_AGAIN = (5, 60, 300, 1_800, 7_200, 18_000, 36_000, 50_400)
"""Seconds before each further try of a delivery (Standard Webhooks, "Retries")."""

GIVE_UP_POST_AFTER = 3 * 86_400

MAIL_RETRIES = Retries(tuple(min(FIRST_RETRY << n, LONGEST_RETRY) for n in range(5)), GIVE_UP_AFTER)
WEBHOOK_RETRIES = Retries(POST_AGAIN, GIVE_UP_POST_AFTER)


def due_at(received_at: float, delay: int) -> int:
    """The epoch second from which an invitation may go: receipt, rounded up to the second, plus the delay.

    Guarantee 3: `order_date` plays no part.
    """
    whole = int(received_at)
    return whole + (whole < received_at) + delay


def next_try_at(message: Message, now: int, spread: float) -> int | None:
    """When a message that was deferred is tried again; None when it is given up.

    `spread` (0 to 1, random) adds up to a quarter, so that messages that failed together do not come back together.
    """
    waits, give_up_after = WEBHOOK_RETRIES if message.kind == "webhook" else MAIL_RETRIES
    wait = waits[min(message.tries, len(waits) - 1)]
    again = now + wait + int(wait * spread / 4)
    first_try_at = now if message.first_try_at is None else message.first_try_at
    return None if again - first_try_at > give_up_after else again


def order_fingerprint(salt: str, *, live: bool, id_order: str) -> str:
    """That of an order's invitation, by which its links are signed too."""
    return fingerprint(salt, "invitation", id_order, live=live)


def link_subject(salt: str, *, live: bool, id_order: str, voided: int) -> str:
    """What the links to an order's reviews are signed for: another subject each time that they are voided."""
    kind = f"link {voided}" if voided else "invitation"
    return fingerprint(salt, kind, id_order, live=live)


def row_fingerprint(
    salt: str, kind: MessageKind, number: int, created_at: int, id_order: str | None, *, live: bool
) -> str:
    """A message's, by its row and the id of the order that it invites to review (None for no invitation)."""
    cause = id_order if kind == "invitation" and id_order is not None else numbered(number, created_at)
    return fingerprint(salt, kind, cause, live=live)


def numbered(message_id: int, created_at: int) -> str:
    """The cause of a message that is no invitation: a restored database gives the same numbers out again, later."""
    return f"{message_id}:{created_at}"


def fingerprint(salt: str, kind: MessageKind, cause: str, *, live: bool) -> str:
    """32 hex digits that name a message wherever a restore must not change the name.

    Guarantee 9: the send journal is keyed by it, and the Message-ID and a webhook's id are made from it. An
    invitation's cause is the `id_order`, so an order that is imported again after a restore has the same.
    """
    named = f"{kind}:{'live' if live else 'test'}:{cause}"
    octets = named.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(octets, key=bytes.fromhex(salt), digest_size=16).hexdigest()


def message_id(fingerprint: str, host: str) -> str:
    """The Message-ID of every try at this message, with its angle brackets (RFC 5322 3.6.4)."""
    return f"<{fingerprint}@{host}>"
