"""Invitations as their shop sees them, and what it does with them by hand."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from afterword.base.errors import Refused
from afterword.domain.figures import cancel_reason
from afterword.domain.messages import State, order_fingerprint
from afterword.domain.people.suppressions import SUPPRESSION_REASONS
from afterword.domain.shops import Key, Shop
from afterword.store.engine.database import Transaction
from afterword.store.figures import count_figure
from afterword.store.numbers import invitation_ids
from afterword.store.orders import StoredOrder
from afterword.store.queries import query, row_of
from afterword.store.shops import shops_of

MOST_CANCELLED = 500
"""Invitations that one transaction cancels: a few milliseconds."""


class InvitationRow(msgspec.Struct, frozen=True):
    """An invitation as the shop sees it: `id` is shown, `number` is its order's. `order_date` is the shop's local
    time, the other times are epoch seconds."""

    number: int
    id: int
    shop_id: int
    id_order: str
    order_date: str
    live: bool
    state: State
    due_at: int
    next_try_at: int
    sent_at: int | None
    tries: int
    reason: str | None


def list_invitations(
    tx: Transaction, shop: Shop, state: str | None = None, *, before: int = 2**62, most: int = 1_000
) -> list[InvitationRow]:
    """A page of a shop's invitations, the newest first; `before` is the last number of the page before."""
    values = {"shop_id": shop.id, "state": state, "before": before, "most": most}
    return _rows(tx, "list_invitations", values)


class SentOrder(NamedTuple):
    """An order and its invitation, as a list shows both. Times are epoch seconds."""

    number: int
    id_order: str
    reference: str | None
    received_at: int
    firstname: str
    lastname: str
    email: str
    state: State
    due_at: int
    next_try_at: int
    sent_at: int | None
    tries: int
    reason: str | None


ENDED: tuple[State, ...] = ("in_doubt", "failed", "cancelled", "answered")
"""The states by which a list can be asked for."""


def list_sent_orders(
    tx: Transaction, shop: Shop, *, live: bool, state: State | None = None, before: int = 2**62, most: int
) -> list[SentOrder]:
    """A page of a shop's orders of one mode, the newest first: all, or those whose invitation is in one of ENDED."""
    values: dict[str, Any] = {"shop_id": shop.id, "before": before, "most": most}
    if state:
        rows = tx.rows(query("ended_orders"), values | {"live": int(live), "state": state})
    else:
        rows = tx.rows(query("sent_orders" if live else "sent_test_orders"), values)
    return [SentOrder(*row) for row in rows]


def sent_orders_of(tx: Transaction, shop: Shop, numbers: Iterable[int], *, live: bool) -> list[SentOrder]:
    """Those of one mode among the orders with these numbers."""
    keys = [{"shop_id": shop.id, "live": int(live), "message_id": number} for number in numbers]
    return [SentOrder(*row) for rows in tx.rows_each(query("sent_order"), keys) for row in rows]


def count_behind(tx: Transaction, shop: Shop, state: str | None, *, before: int, most: int) -> int:
    """How many more invitations such a list has, counted no further than `most`."""
    values = {"shop_id": shop.id, "state": state, "before": before, "most": most}
    return int(tx.rows(query("invitations_behind"), values)[0][0])


def list_addresses(tx: Transaction, shop: Shop, *, before: int, most: int) -> list[tuple[int, str]]:
    """A page of the numbers of a shop's orders and their addresses, the newest first."""
    values = {"shop_id": shop.id, "before": before, "most": most}
    return [(number, email) for number, email in tx.rows(query("addresses_of_orders"), values)]


def invitation_of(tx: Transaction, shop: Shop, order_id: int) -> InvitationRow:
    """The one invitation of an order."""
    [row] = _rows(tx, "invitation_of_order", {"shop_id": shop.id, "order_id": order_id})
    return row


class UnsentEmail(NamedTuple):
    """An e-mail about a review that waits or has failed. Times are epoch seconds."""

    kind: str
    state: State
    due_at: int
    next_try_at: int
    tries: int
    reason: str | None


def unsent_emails(tx: Transaction, shop: Shop, review_id: int) -> list[UnsentEmail]:
    """The oldest first. What was sent is not kept."""
    values = {"shop_id": shop.id, "review_id": review_id}
    return [UnsentEmail(*row) for row in tx.rows(query("emails_about_review"), values)]


class DueSoon(NamedTuple):
    """How many invitations wait until a moment, and when the first of them is due (epoch seconds)."""

    amount: int
    first_at: int | None


def due_until(tx: Transaction, shop: Shop, *, live: bool, until: float, most: int) -> DueSoon:
    """Counts no further than `most`."""
    values = {"shop_id": shop.id, "live": int(live), "until": int(until), "most": most}
    return DueSoon(*tx.rows(query("due_until"), values)[0])


def doubtful_invitations(tx: Transaction, most: int) -> list[InvitationRow]:
    """Those in doubt of all shops, the oldest first; reads every row."""
    return _rows(tx, "doubtful_invitations", {"most": most})


def find_invitation(tx: Transaction, invitation_id: int) -> InvitationRow:
    """Raises Refused when there is none."""
    with suppress(ValueError):
        for row in _rows(tx, "show_invitation", {"message_id": invitation_ids(tx).hidden(invitation_id)}):
            return row
    raise Refused(f"there is no invitation {invitation_id}")


def cancel_invitation(tx: Transaction, invitation_id: int, reason: str, now: float) -> InvitationRow:
    """`reason` is one of CANCEL_REASONS, or other words. Raises Refused when it is not scheduled or in doubt."""
    row = _by_hand(tx, invitation_id, "cancelled", "cancel_invitation", {"reason": reason})
    _count_cancelled(tx, row, 1, now)
    return row


def count_waiting_of_key(tx: Transaction, key: Key) -> int:
    """How many invitations are scheduled for orders that this key sent."""
    [(amount,)] = tx.rows(query("count_waiting_of_key"), {"shop_id": key.shop_id, "key_id": key.id})
    return int(amount)


def cancel_of_key(
    tx: Transaction, shop: Shop, key: Key, reason: str, *, after: int, now: float
) -> list[tuple[int, bool]]:
    """Cancels scheduled invitations of orders that this key sent, up to MOST_CANCELLED of them, behind the number
    `after`. Returns their numbers, and whether each is cancelled: one may be claimed at that moment."""
    values = {"shop_id": key.shop_id, "key_id": key.id, "after": after, "most": MOST_CANCELLED}
    numbers = [number for (number,) in tx.rows(query("waiting_of_key"), values)]
    row = {"shop_id": key.shop_id, "reason": reason}
    done = tx.run_by_id(query("cancel_invitation"), [row | {"message_id": number} for number in numbers])
    count_figure(tx, shop, f"cancelled:{cancel_reason(reason)}", sum(done), live=key.live, now=now)
    return list(zip(numbers, done, strict=True))


def move_invitation(tx: Transaction, invitation_id: int, to: int) -> InvitationRow:
    """Gives it another due time. Raises Refused when it is not scheduled."""
    return _by_hand(tx, invitation_id, "moved", "move_invitation", {"due_at": to})


def send_invitation(tx: Transaction, invitation_id: int, now: float) -> InvitationRow:
    """Makes it due now; one in doubt is settled by this: the person says that it did not arrive.

    Raises Refused when it was sent, or is in a transport's hands.
    """
    before = find_invitation(tx, invitation_id)
    row = _by_hand(tx, invitation_id, "sent again", "send_invitation", {"now": int(now)})
    if before.state == "cancelled" and before.reason not in SUPPRESSION_REASONS:
        _count_cancelled(tx, before, -1, now)
    [(live, _, _, id_order, salt, _)] = tx.rows(
        query("message_identity"), {"shop_id": row.shop_id, "message_id": row.number}
    )
    mark = order_fingerprint(salt, live=bool(live), id_order=id_order)
    tx.run(query("forget_journaled"), {"shop_id": row.shop_id, "fingerprint": mark})
    tx.journal(f"released {mark} {row.shop_id} {row.number} {int(now)}")
    return row


def _count_cancelled(tx: Transaction, row: InvitationRow, amount: int, now: float) -> None:
    [shop] = shops_of(tx, [row.shop_id])
    count_figure(tx, shop, f"cancelled:{cancel_reason(row.reason or '')}", amount, live=row.live, now=now)


def open_invitation(tx: Transaction, order: StoredOrder, now: float) -> None:
    """A person has pressed a button of the form of an order. Each order counts once."""
    key = {"shop_id": order.shop.id, "order_id": order.order_id, "now": int(now)}
    if tx.run(query("open_invitation"), key):
        count_figure(tx, order.shop, "opened", live=order.live, now=now)


def answer_invitation(tx: Transaction, order: StoredOrder, now: float) -> None:
    """Marks the invitation as answered. The customer has written, so the e-mail arrived, even if it was in doubt."""
    open_invitation(tx, order, now)
    key = {"shop_id": order.shop.id, "order_id": order.order_id}
    arrived = {"shop_id": order.shop.id, "message_id": order.order_id, "now": int(now)}
    if tx.run(query("doubt_arrived"), arrived):
        count_figure(tx, order.shop, "sent", live=order.live, now=now)
    tx.run(query("answer_invitation"), key)


class Asked(NamedTuple):
    """When the invitation of an order was sent, or else is due, and when a button of its form was first pressed
    (epoch seconds)."""

    at: int
    opened_at: int | None


def asked_at(tx: Transaction, shop_id: int, order_id: int) -> Asked:
    """How far the invitation of an order has come."""
    [row] = tx.rows(query("asked_at"), {"shop_id": shop_id, "order_id": order_id})
    return Asked(*row)


def _by_hand(
    tx: Transaction, invitation_id: int, verb: str, name: str, values: dict[str, Any]
) -> InvitationRow:
    row = find_invitation(tx, invitation_id)
    if not tx.run(query(name), values | {"shop_id": row.shop_id, "message_id": row.number}):
        raise Refused(f"invitation {invitation_id} is {row.state} and cannot be {verb}")
    tx.announce()
    return find_invitation(tx, invitation_id)


def _rows(tx: Transaction, name: str, values: dict[str, Any]) -> list[InvitationRow]:
    ids = invitation_ids(tx)
    rows = [row_of(name)._make(row)._asdict() for row in tx.rows(query(name), values)]
    return [
        InvitationRow(**row | {"id": ids.shown(row["number"]), "live": bool(row["live"])}) for row in rows
    ]
