"""See, cancel, move, send, void and settle invitations."""

from collections.abc import Iterator
from functools import partial
from itertools import islice
from operator import attrgetter
from typing import NamedTuple

from afterword.actions import shops
from afterword.base.errors import Refused
from afterword.domain.messages import Message, message_id, order_fingerprint
from afterword.domain.shops import Key, Shop
from afterword.mail.links import review_link
from afterword.store.engine.database import Database, Transaction
from afterword.store.messages.contents import message_of
from afterword.store.messages.doubts import settle_doubt, settle_doubts
from afterword.store.messages.invitations import (
    InvitationRow,
    cancel_invitation,
    cancel_of_key,
    count_behind,
    count_waiting_of_key,
    find_invitation,
    invitation_of,
    list_addresses,
    list_invitations,
    move_invitation,
    send_invitation,
)
from afterword.store.orders import StoredOrder, find_order, order_of, void_links

LATEST_DUE = 32_503_680_000
"""The last moment to which an invitation can be moved (epoch seconds): in any time zone it has a date."""

MOST_BEHIND = 10_000
"""Invitations that are counted and not listed."""

LOOKED_AT = 10_000
"""Addresses that are read in one transaction."""


class InvitationDetails(NamedTuple):
    """An invitation, its shop and order, and the Message-ID of its e-mail."""

    row: InvitationRow
    shop: Shop
    order: StoredOrder
    message_id: str


class Wanted(NamedTuple):
    """Which invitations: those in this state, of the orders with this id or reference, to this address; None: any."""

    state: str | None = None
    order: str | None = None
    email: str | None = None


class Listed(NamedTuple):
    """The newest invitations of those wanted, and how many more there are, counted no further than MOST_BEHIND."""

    rows: list[InvitationRow]
    more: int


def listed(database: Database, shop: Shop, wanted: Wanted, most: int) -> Listed:
    """Newest first; read page after page, so that no snapshot stays open for long.

    An order is found by its index. An address has none: all of the shop's orders are looked at.
    """
    if wanted.order is not None or wanted.email is not None:
        of_order = _of_order if wanted.order is not None else _to_address
        rows = (row for row in of_order(database, shop, wanted) if wanted.state in (None, row.state))
        return Listed(list(islice(rows, most)), sum(1 for _ in islice(rows, MOST_BEHIND)))
    found = list(islice(_all(database, shop, wanted.state), most))
    if len(found) < most:
        return Listed(found, 0)
    before = found[-1].number
    more = database.read_now(lambda tx: count_behind(tx, shop, wanted.state, before=before, most=MOST_BEHIND))
    return Listed(found, more)


def _all(database: Database, shop: Shop, state: str | None) -> Iterator[InvitationRow]:
    before = 2**62

    def page(tx: Transaction) -> list[InvitationRow]:
        return list_invitations(tx, shop, state, before=before)

    while rows := database.read_now(page):
        yield from rows
        before = rows[-1].number


def _of_order(database: Database, shop: Shop, wanted: Wanted) -> Iterator[InvitationRow]:
    """The live and the test order of this id or reference."""

    def invitation(tx: Transaction, *, live: bool) -> InvitationRow | None:
        order = find_order(tx, shop, wanted.order or "", live=live)
        if order is None:
            return None
        stored = order_of(tx, shop, order.order_id)
        is_theirs = stored is not None and wanted.email in (None, stored.email.casefold())
        return invitation_of(tx, shop, order.order_id) if is_theirs else None

    rows = (database.read_now(partial(invitation, live=live)) for live in (True, False))
    yield from sorted((row for row in rows if row), key=attrgetter("number"), reverse=True)


def _to_address(database: Database, shop: Shop, wanted: Wanted) -> Iterator[InvitationRow]:
    before = 2**62

    def page(tx: Transaction) -> list[tuple[int, str]]:
        return list_addresses(tx, shop, before=before, most=LOOKED_AT)

    while pairs := database.read_now(page):
        for number, email in pairs:
            if email.casefold() == wanted.email:
                yield database.read_now(partial(invitation_of, shop=shop, order_id=number))
        before = pairs[-1][0]


def found(tx: Transaction, invitation_id: int, host: str) -> InvitationDetails:
    """`host` is that of the public address. Raises Refused."""
    row = find_invitation(tx, invitation_id)
    shop = shops.named(tx, str(row.shop_id))
    order = order_of(tx, shop, row.number)
    assert order is not None, "an invitation is born with its order, and ends with it"
    mark = message_id(order_fingerprint(shop.salt, live=row.live, id_order=row.id_order), host)
    return InvitationDetails(row, shop, order, mark)


def message_to(tx: Transaction, shop: Shop, named: str, *, live: bool) -> Message | None:
    """What the e-mail of the order with this id or reference is composed of now, whatever its state."""
    order = find_order(tx, shop, named, live=live)
    return message_of(tx, shop, order.order_id) if order else None


def cancel(tx: Transaction, invitation_id: int, reason: str, now: float) -> InvitationRow:
    """For one that is scheduled or in doubt; `reason` is one of CANCEL_REASONS, or other words. Raises Refused."""
    return cancel_invitation(tx, invitation_id, reason, now)


def waiting_of_key(tx: Transaction, key: Key) -> int:
    """How many are scheduled for orders that this key sent."""
    return count_waiting_of_key(tx, key)


def cancel_all_of_key(database: Database, shop: Shop, key: Key, reason: str, now: float) -> int:
    """Cancels all that are scheduled for orders that this key sent, and returns how many. What is being sent at that
    moment goes."""
    cancelled, last = 0, 0

    def some(tx: Transaction) -> list[tuple[int, bool]]:
        return cancel_of_key(tx, shop, key, reason, after=last, now=now)

    while found := database.write_now(some):
        cancelled += sum(is_cancelled for _, is_cancelled in found)
        last = found[-1][0]
    return cancelled


def move(tx: Transaction, invitation_id: int, due_at: int) -> InvitationRow:
    """Gives one that is scheduled another due time (epoch seconds). Raises Refused."""
    if due_at > LATEST_DUE:
        raise Refused("an e-mail cannot be moved beyond the year 2999")
    return move_invitation(tx, invitation_id, due_at)


def send(tx: Transaction, invitation_id: int, now: float) -> InvitationRow:
    """Makes one due now that was not sent. For one in doubt, a person confirms by this that it did not arrive.

    Raises Refused, and JournalMissing while sending is paused.
    """
    if not found(tx, invitation_id, "").order.email:
        raise Refused("the name and address of this order are erased: there is nobody to write to")
    return send_invitation(tx, invitation_id, now)


def void_links_of(tx: Transaction, invitation_id: int, url: str, secret: str) -> str:
    """The links to the reviews of its order, in all e-mails, no longer lead anywhere. Returns the one that does from
    now on, below `url`. Links to unsubscribe keep working. Raises Refused."""
    order = void_links(tx, found(tx, invitation_id, "").order)
    return review_link(order, order.shop, url, secret, live=order.live)


def settle_one(tx: Transaction, invitation_id: int, *, arrived: bool, now: float) -> None:
    """The same for one invitation. Raises Refused when it is not in doubt, and JournalMissing."""
    row = find_invitation(tx, invitation_id)
    shop = shops.named(tx, str(row.shop_id))
    if not settle_doubt(tx, shop, row.number, arrived=arrived, now=now):
        raise Refused(f"invitation {invitation_id} is {row.state}, and not in doubt any more")


def settle(database: Database, shop: Shop, *, arrived: bool, now: float) -> int:
    """Settles all of a shop's messages in doubt, of every kind: a person says that they arrived, or that none did and
    they are to be sent again. Returns how many; one that comes into doubt at that moment may wait.

    Raises JournalMissing while sending is paused.
    """
    settled, last = 0, 0

    def some(tx: Transaction) -> list[int]:
        return settle_doubts(tx, shop, arrived=arrived, after=last, now=now)

    while numbers := database.write_now(some):
        settled += len(numbers)
        last = numbers[-1]
    return settled
