"""See an order and the state of its e-mails, and which orders came or were refused, and why."""

from typing import NamedTuple

from afterword.base.errors import Refused
from afterword.domain.reviews.review import Review
from afterword.domain.shops import Key, Shop
from afterword.store.engine.database import Transaction
from afterword.store.messages.invitations import InvitationRow, UnsentEmail, invitation_of, unsent_emails
from afterword.store.orders import FoundOrder, ListedOrder, StoredOrder, find_order, list_orders, order_of
from afterword.store.refused import RefusedOfDay, RefusedRow, count_refused, list_refused, newest_refused
from afterword.store.reviews.writing import reviews_of_order
from afterword.store.suppressions import suppressed_because


class RefusedOrders(NamedTuple):
    """The latest refused orders of a shop, and how many there were on each day."""

    rows: list[RefusedRow]
    days: list[RefusedOfDay]


def listed(tx: Transaction, shop: Shop, key: Key | None, *, most: int) -> list[ListedOrder]:
    """The newest orders first: all, or those that a key sent."""
    return list_orders(tx, shop, key.id if key else None, most=most)


def refused(tx: Transaction, shop: Shop, now: float, *, most: int) -> RefusedOrders:
    """Of the last thirty days, the latest first."""
    return RefusedOrders(list_refused(tx, shop, now, most=most), count_refused(tx, shop, now))


def refused_in(tx: Transaction, shop: Shop, now: float, *, live: bool, most: int) -> RefusedOrders:
    """The same of one mode."""
    days = [day for day in count_refused(tx, shop, now) if day.live == live]
    return RefusedOrders(newest_refused(tx, shop, now, live=live, most=most), days)


class OrderDetails(NamedTuple):
    """An order with its invitation, why its address gets no e-mail (None: it does), its reviews, and the unsent
    e-mails about these."""

    order: StoredOrder
    more: FoundOrder
    invitation: InvitationRow
    suppressed: str | None
    reviews: list[Review]
    unsent: list[UnsentEmail]


def found(tx: Transaction, shop: Shop, named: str, *, live: bool) -> OrderDetails:
    """The order with this `id_order`, else the one with this `reference`. Raises Refused."""
    more = find_order(tx, shop, named, live=live)
    order = order_of(tx, shop, more.order_id) if more else None
    if more is None or order is None:
        other = "test" if live else "live"
        elsewhere = find_order(tx, shop, named, live=not live)
        hint = f"; there is a {other} order of that name" if elsewhere else ""
        raise Refused(f"this shop has no {'live' if live else 'test'} order {named!r}{hint}")
    reviews = list(reviews_of_order(tx, shop.id, order.order_id).values())
    return OrderDetails(
        order,
        more,
        invitation_of(tx, shop, order.order_id),
        suppressed_because(tx, shop, order.email, live=live),
        reviews,
        [email for review in reviews for email in unsent_emails(tx, shop, review.id)],
    )
