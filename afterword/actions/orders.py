"""See which orders came, and which were refused, and why."""

from typing import NamedTuple

from afterword.domain.shops import Key, Shop
from afterword.store.engine.database import Transaction
from afterword.store.orders import ListedOrder, list_orders
from afterword.store.refused import RefusedOfDay, RefusedRow, count_refused, list_refused


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
