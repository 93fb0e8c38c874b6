"""See, cancel, move and send invitations."""

from collections.abc import Iterator
from typing import NamedTuple

from afterword.actions import shops
from afterword.domain.messages import message_id, order_fingerprint
from afterword.domain.shops import Shop
from afterword.mail.links import review_link
from afterword.store.engine.database import Database, Transaction
from afterword.store.messages.doubts import settle_doubts
from afterword.store.messages.invitations import (
    InvitationRow,
    cancel_invitation,
    find_invitation,
    list_invitations,
    move_invitation,
    send_invitation,
)
from afterword.store.orders import StoredOrder, order_of, void_links


class InvitationDetails(NamedTuple):
    """An invitation, its shop and order, and the Message-ID of its e-mail."""

    row: InvitationRow
    shop: Shop
    order: StoredOrder
    message_id: str


def listed(database: Database, shop: Shop, state: str | None = None) -> Iterator[InvitationRow]:
    """Newest first; read page after page, so that no snapshot stays open for long."""
    before = 2**62

    def page(tx: Transaction) -> list[InvitationRow]:
        return list_invitations(tx, shop, state, before=before)

    while rows := database.read_now(page):
        yield from rows
        before = rows[-1].number


def found(tx: Transaction, invitation_id: int, host: str) -> InvitationDetails:
    """`host` is that of the public address. Raises Refused."""
    row = find_invitation(tx, invitation_id)
    shop = shops.named(tx, str(row.shop_id))
    order = order_of(tx, shop, row.number)
    assert order is not None, "an invitation is born with its order, and ends with it"
    mark = message_id(order_fingerprint(shop.salt, live=row.live, id_order=row.id_order), host)
    return InvitationDetails(row, shop, order, mark)


def cancel(tx: Transaction, invitation_id: int, reason: str) -> InvitationRow:
    """For one that is scheduled or in doubt. Raises Refused."""
    return cancel_invitation(tx, invitation_id, reason)


def move(tx: Transaction, invitation_id: int, due_at: int) -> InvitationRow:
    """Gives one that is scheduled another due time (epoch seconds). Raises Refused."""
    return move_invitation(tx, invitation_id, due_at)


def send(tx: Transaction, invitation_id: int, now: float) -> InvitationRow:
    """Makes one due now that was not sent. For one in doubt, a person confirms by this that it did not arrive.

    Raises Refused, and JournalMissing while sending is paused.
    """
    return send_invitation(tx, invitation_id, now)


def void_links_of(tx: Transaction, invitation_id: int, url: str, secret: str) -> str:
    """The links to the reviews of its order, in all e-mails, no longer lead anywhere. Returns the one that does from
    now on, below `url`. Links to unsubscribe keep working. Raises Refused."""
    order = void_links(tx, found(tx, invitation_id, "").order)
    return review_link(order, order.shop, url, secret, live=order.live)


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
