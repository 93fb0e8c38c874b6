"""The rows of orders: stored exactly once, each with its one invitation, in one transaction."""

from collections.abc import Sequence
from operator import itemgetter
from typing import NamedTuple

import msgspec
from msgspec.structs import astuple

from afterword.domain.messages import State, due_at
from afterword.domain.orders.order import Order, OrderLine, decode_lines
from afterword.domain.people.names import public_name
from afterword.domain.shops import Key, Shop, delay_for
from afterword.store.engine.connection import Row
from afterword.store.engine.database import Transaction
from afterword.store.figures import count_figure
from afterword.store.numbers import invitation_ids
from afterword.store.queries import query, row_of

SOON = 120
"""Seconds. What is due later than this after its receipt is seen before it is due by looks that are a minute apart,
though the clocks of two machines differ by another."""


class Arrival(NamedTuple):
    """The orders of a request, or a part of them, with their sender and the time of receipt (epoch seconds)."""

    shop: Shop
    key: Key
    orders: Sequence[tuple[int, Order]]
    received_at: float


class Stored(NamedTuple):
    """The result for one arrival: when its invitations are due (epoch seconds), and for each order its id, which is
    also its invitation's, or 0 for a duplicate."""

    due_at: int
    numbers: Sequence[int]


def import_orders(tx: Transaction, arrivals: Sequence[Arrival]) -> list[Stored]:
    """Stores each order that its shop has not sent before. Returns one result per arrival.

    Guarantee 2: the unique keys (shop, live, id_order) and (shop, live, reference) decide, so it holds when requests
    race. Guarantee 3: the invitation is inserted in the same transaction.
    """
    shops: dict[int, _Rows] = {}
    numbers = [
        _add_rows(tx, arrival, shops.setdefault(arrival.shop.id, _Rows([], []))) for arrival in arrivals
    ]
    sent_before: set[int] = set()
    # Every process takes shops, and the orders of each, in the same order: none waits for one that waits for it.
    for shop_id, rows in sorted(shops.items()):
        sent_before |= _insert(tx, shop_id, rows)
    stored = [
        Stored(_due(arrival), [0 if number in sent_before else number for number in each])
        for arrival, each in zip(arrivals, numbers, strict=True)
    ]
    for arrival, each in zip(arrivals, stored, strict=True):
        new = len(each.numbers) - each.numbers.count(0)
        count_figure(tx, arrival.shop, "orders", new, live=arrival.key.live, now=arrival.received_at)
    return stored


class _Rows(NamedTuple):
    """The rows to insert for one shop, by ascending order id. No statement has rows of two shops, which may be on
    different nodes."""

    orders: list[Row]
    invitations: list[Row]


def _add_rows(tx: Transaction, arrival: Arrival, rows: _Rows) -> list[int]:
    """Adds the rows of an arrival, and returns the ids of its orders."""
    shop_id, key = arrival.shop.id, arrival.key
    live, lang, key_id = int(key.live), key.lang, key.id
    receipt, due = due_at(arrival.received_at, 0), _due(arrival)
    if due - receipt < SOON:
        tx.announce()
    numbers = tx.new_order_ids(len(arrival.orders))
    rows.orders.extend(
        (shop_id, number, live, receipt, lang, key_id, *astuple(order))
        for number, (_, order) in zip(numbers, arrival.orders, strict=True)
    )
    rows.invitations.extend((shop_id, number, live, due, due) for number in numbers)
    return numbers


def _insert(tx: Transaction, shop_id: int, rows: _Rows) -> set[int]:
    """Inserts orders, and an invitation for each new one. Returns the ids that were not used, for repeated orders."""
    orders, invitations = rows
    sent_before: set[int] = set()
    if tx.insert("insert_orders", _in_one_order(orders)) < len(orders):
        ours = {"shop_id": shop_id, "first": orders[0][1], "last": orders[-1][1]}
        stored = {number for (number,) in tx.rows(query("which_orders"), ours)}
        sent_before = {row[1] for row in orders} - stored
        invitations = [row for row in invitations if row[1] in stored]
    if invitations:
        tx.insert("insert_invitations", invitations)
    return sent_before


_LIVE, _ID_ORDER, _REFERENCE = 2, 6, 7
"""Places in a row of `orders`."""


def _in_one_order(orders: list[Row]) -> list[Row]:
    """Rows in the order in which every process inserts them. Where two have the same reference, only the first that
    was sent is stored, so their order stays."""
    references = [(row[_LIVE], row[_REFERENCE]) for row in orders if row[_REFERENCE] is not None]
    if len(set(references)) < len(references):
        return orders
    return sorted(orders, key=itemgetter(_LIVE, _ID_ORDER))


def _due(arrival: Arrival) -> int:
    return due_at(arrival.received_at, delay_for(arrival.shop, live=arrival.key.live))


class StoredOrder(NamedTuple):
    """An order, as pages and reviews need it. `order_date` is in the shop's local time; `lines` are its products in
    the order in which they were sent. `voided` is how often the links to its reviews were."""

    shop: Shop
    order_id: int
    live: bool
    id_order: str
    reference: str | None
    order_date: str
    firstname: str
    lastname: str
    email: str
    lang: str
    lines: tuple[OrderLine, ...]
    voided: int = 0

    @property
    def public_name(self) -> str:
        """The customer's public name; empty if there is none to show."""
        return public_name(self.firstname, self.lastname)


class ListedOrder(msgspec.Struct, frozen=True):
    """An order as a list shows it: `id` and `state` are its invitation's, and `received_at` is in epoch seconds.
    `key_id` is that of the key that sent it, None of an order that is older than the column."""

    number: int
    id: int
    id_order: str
    reference: str | None
    live: bool
    received_at: int
    key_id: int | None
    state: State


def list_orders(tx: Transaction, shop: Shop, key_id: int | None, *, most: int) -> list[ListedOrder]:
    """A shop's newest orders, or the newest that one key sent."""
    ids = invitation_ids(tx)
    found = tx.rows(query("list_orders"), {"shop_id": shop.id, "key_id": key_id, "most": most})
    rows = [row_of("list_orders")._make(row)._asdict() for row in found]
    return [ListedOrder(**row | {"id": ids.shown(row["number"]), "live": bool(row["live"])}) for row in rows]


def order_of(tx: Transaction, shop: Shop, order_id: int) -> StoredOrder | None:
    """This shop's order with that id."""
    for row in tx.rows(query("order_of"), {"shop_id": shop.id, "order_id": order_id}):
        return as_order(shop, row)
    return None


class FoundOrder(NamedTuple):
    """The number of an order, and what only the shop is shown of it: `received_at` in epoch seconds."""

    order_id: int
    received_at: int
    phone: str | None
    store_id: str | None


def find_order(tx: Transaction, shop: Shop, named: str, *, live: bool) -> FoundOrder | None:
    """The order with this `id_order`, else the one with this `reference`."""
    for name in ("order_by_id_order", "order_by_reference"):
        for row in tx.rows(query(name), {"shop_id": shop.id, "live": int(live), "named": named}):
            return FoundOrder(*row)
    return None


def void_links(tx: Transaction, order: StoredOrder) -> StoredOrder:
    """The order, whose reviews no link that was signed before leads to."""
    tx.run(query("void_links"), {"shop_id": order.shop.id, "order_id": order.order_id})
    return order._replace(voided=order.voided + 1)


def as_order(shop: Shop, row: Row) -> StoredOrder:
    """Reads a row of `order_of` or `orders_of_reviews`."""
    order_id, live, *texts, lines, voided = row
    return StoredOrder(*(shop, order_id, bool(live), *texts, decode_lines(lines), voided))
