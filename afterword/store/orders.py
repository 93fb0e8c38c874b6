"""The rows of orders: stored exactly once, each with its one invitation, in one transaction."""

from collections.abc import Sequence
from typing import NamedTuple

from afterword.domain.batches import Imported
from afterword.domain.invitations import due_at
from afterword.domain.orders import Order
from afterword.domain.shops import Key, Shop, delay_for
from afterword.domain.suppressions import address_hash
from afterword.store.database import Transaction
from afterword.store.queries import query

_INSERT_ORDER = query("insert_order")
_INSERT_INVITATION = query("insert_invitation")


def import_orders(
    tx: Transaction, shop: Shop, key: Key, orders: Sequence[tuple[int, Order]], received_at: float
) -> list[tuple[int, Imported | None]]:
    """Stores each order that this shop has not sent before and says what became of it, by its index.

    None stands for a duplicate. Guarantee 2: the unique keys (shop, live, id_order) and (shop, live, reference)
    decide, so it holds whichever requests race. Guarantee 3: the invitation is a row of the same transaction.
    """
    live = int(key.live)
    receipt = due_at(received_at, 0)
    due = due_at(received_at, delay_for(shop, live=key.live))
    run, new_id = tx.run, tx.new_order_id
    outcomes: list[tuple[int, Imported | None]] = []
    for index, order in orders:
        order_id = new_id()
        row = (
            shop.id,
            order_id,
            live,
            order.id_order,
            order.reference,
            order.order_date,
            receipt,
            order.firstname,
            order.lastname,
            order.email,
            address_hash(shop.salt, order.email),
            key.lang,
            order.phone,
            order.store_id,
            order.lines,
        )
        if run(_INSERT_ORDER, row):
            run(_INSERT_INVITATION, (shop.id, order_id, live, due))
            outcomes.append((index, Imported(order_id, due)))
        else:
            outcomes.append((index, None))
    return outcomes


class StoredOrder(NamedTuple):
    """What a page says of an order. `order_date` is the shop's local time."""

    live: bool
    id_order: str
    reference: str | None
    order_date: str
    firstname: str
    email: str
    lang: str


def order_of(tx: Transaction, shop: Shop, order_id: int) -> StoredOrder | None:
    """This shop's order of that number."""
    for live, *row in tx.rows(query("order_of"), {"shop_id": shop.id, "order_id": order_id}):
        return StoredOrder(bool(live), *row)
    return None
