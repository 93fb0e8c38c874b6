"""What is kept of the people who ordered: found by their address, and erased for one of them, or when its time is
over. An erased order stays, without a word about its customer: it is never imported again, and still counts."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from afterword.domain.people.kept import addresses_like
from afterword.domain.people.suppressions import address_hash
from afterword.domain.shops import Shop
from afterword.store.engine.database import Transaction
from afterword.store.orders import StoredOrder, order_of
from afterword.store.queries import query

_PART = 4_096
"""Numbers of orders that an index takes together."""


def numbers_of_person(tx: Transaction, shop: Shop, email: str) -> list[int]:
    """The numbers of a person's orders of both modes, the oldest first."""
    key = {"shop_id": shop.id}
    [(first,)], [(last,)] = tx.rows(query("first_part"), key), tx.rows(query("last_part"), key)
    parts = range(first, last + 1) if first is not None else ()
    values = [
        {"shop_id": shop.id, "part": part, "email": address}
        for part in parts
        for address in addresses_like(email)
    ]
    return sorted({number for rows in tx.rows_each(query("orders_of_person"), values) for (number,) in rows})


def orders_of_person(tx: Transaction, shop: Shop, email: str, *, most: int) -> list[StoredOrder]:
    """A person's orders of both modes, the oldest first."""
    found = [order_of(tx, shop, number) for number in numbers_of_person(tx, shop, email)[:most]]
    return [order for order in found if order]


def erase_orders(tx: Transaction, shop: Shop, numbers: Iterable[int]) -> None:
    """Erases what orders and their invitations say of their customers; these are sent no more. What their reviews
    have is not touched, but for the hash of the address."""
    keys = [{"shop_id": shop.id, "order_id": number, "message_id": number} for number in numbers]
    for name in ("erase_order", "erase_invitation", "erase_reasons", "forget_hash_of_reviews"):
        tx.run_by_id(query(name), keys)


def forget_address(tx: Transaction, shop: Shop, email: str) -> None:
    """Of suppressions of this address, only its hash stays."""
    key = {"shop_id": shop.id, "address_hash": address_hash(shop.salt, email)}
    tx.run(query("forget_address"), key)


class Retention(NamedTuple):
    """For how long (seconds) a shop keeps what its orders say of people, and up to which order they are erased."""

    shop_id: int
    keep_for: int
    erased_to: int


def retentions(tx: Transaction, after: int, *, most: int) -> list[Retention]:
    """Of the next shops behind a number."""
    return [Retention(*row) for row in tx.rows(query("kept_for"), {"after": after, "most": most})]


class NextOrder(NamedTuple):
    """An order, when it was received (epoch seconds), and whether it still has its customer's address."""

    order_id: int
    received_at: int
    has_address: bool


def next_orders(tx: Transaction, shop_id: int, after: int, *, most: int) -> list[NextOrder]:
    """The next orders of a shop behind a number."""
    part: int | None = after // _PART
    while part is not None:
        values: dict[str, Any] = {"shop_id": shop_id, "part": part, "after": after, "most": most}
        if rows := tx.rows(query("next_orders"), values):
            return [NextOrder(number, at, bool(has_address)) for number, at, has_address in rows]
        [(part,)] = tx.rows(query("next_part"), {"shop_id": shop_id, "part": part})
    return []


def erased_to(tx: Transaction, shop: Shop) -> int:
    """Up to which order of a shop all are erased."""
    return int(tx.rows(query("erased_to"), {"shop_id": shop.id})[0][0])


def set_erased_to(tx: Transaction, shop_id: int, order_id: int) -> None:
    """Up to this order, all are erased."""
    tx.run(query("set_erased_to"), {"shop_id": shop_id, "erased_to": order_id})
