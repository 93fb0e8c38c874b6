"""The trace of refused orders: most senders never read an answer, so what was refused, and why, can be seen later."""

import json
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple

from afterword.domain.orders.batch import RefusedOrder
from afterword.domain.orders.order import FieldError
from afterword.domain.shops import Shop
from afterword.store.engine.connection import Row
from afterword.store.engine.database import Transaction
from afterword.store.figures import count_figure
from afterword.store.queries import query

KEPT_FOR = 30
"""Days."""

MOST_A_DAY = 1_000
"""Rows of a shop, mode and day (UTC); of more only the number is kept."""

MOST_ERRORS = 20
"""Places that are kept of one order."""

_DAY = 86_400


class RefusedRow(NamedTuple):
    """A refused order: `refused_at` is in epoch seconds, `errors` are places within the order."""

    refused_at: int
    live: bool
    id_order: str | None
    reference: str | None
    errors: list[FieldError]


class RefusedOfDay(NamedTuple):
    """How many orders were refused on a day (epoch seconds of its start, UTC), with or without a row."""

    day: int
    live: bool
    amount: int


class Refusal(NamedTuple):
    """The refused orders of a request, or a part of them, and the time of receipt (epoch seconds). Of `more` refused
    ones only the number is known."""

    shop: Shop
    live: bool
    received_at: float
    orders: Sequence[RefusedOrder]
    more: int = 0

    @property
    def turn(self) -> tuple[int, bool, float]:
        """By which all transactions take them."""
        return self.shop.id, self.live, self.received_at


def keep_refused(tx: Transaction, refusals: Iterable[Refusal]) -> None:
    """Shops are taken in order, so that transactions beside each other never wait for one another in a circle."""
    for shop, live, received_at, orders, more in sorted(refusals, key=attrgetter("turn")):
        now = int(received_at)
        of_day = {"shop_id": shop.id, "live": int(live), "day": now // _DAY}
        [(amount,)] = tx.rows(query("count_refused"), of_day | {"amount": len(orders) + more})
        count_figure(tx, shop, "refused", len(orders) + more, live=live, now=now)
        first = amount - len(orders) - more
        key = tuple(of_day.values())
        rows: list[Row] = [
            (*key, number, now, order.id_order, order.reference, _written(order.errors))
            for number, order in enumerate(orders[: max(0, MOST_A_DAY - first)], first)
        ]
        if rows:
            tx.insert("insert_refused", rows)


def list_refused(tx: Transaction, shop: Shop, now: float, *, most: int) -> list[RefusedRow]:
    """Of the last KEPT_FOR days, the latest first."""
    values = {"shop_id": shop.id, "day": _first_day(now), "most": most}
    return _listed(tx.rows(query("list_refused"), values))


def newest_refused(tx: Transaction, shop: Shop, now: float, *, live: bool, most: int) -> list[RefusedRow]:
    """Of one mode, the latest day first, and of a day the last of them."""
    values = {"shop_id": shop.id, "live": int(live), "day": _first_day(now), "most": most}
    return _listed(tx.rows(query("newest_refused"), values))


def _listed(rows: Iterable[Row]) -> list[RefusedRow]:
    return [
        RefusedRow(at, bool(live), id_order, reference, [FieldError(*error) for error in json.loads(errors)])
        for at, live, id_order, reference, errors in rows
    ]


def count_refused(tx: Transaction, shop: Shop, now: float) -> list[RefusedOfDay]:
    """Of the last KEPT_FOR days, the latest first."""
    rows = tx.rows(query("refused_by_day"), {"shop_id": shop.id, "day": _first_day(now)})
    return [RefusedOfDay(day * _DAY, bool(live), amount) for day, live, amount in rows]


def are_any_old(tx: Transaction, now: float) -> bool:
    return bool(tx.rows(query("shops_of_old_refused"), {"day": _first_day(now), "most": 1}))


def forget_old(tx: Transaction, now: float) -> int:
    """Deletes what is older than KEPT_FOR days, of up to a hundred shops, and returns of how many."""
    values = {"day": _first_day(now)}
    shops = {shop_id for (shop_id,) in tx.rows(query("shops_of_old_refused"), values | {"most": 100})}
    for shop_id in sorted(shops):
        for name in ("delete_old_refused", "delete_old_refused_counts"):
            tx.run(query(name), values | {"shop_id": shop_id})
    return len(shops)


def _first_day(now: float) -> int:
    return int(now) // _DAY - KEPT_FOR + 1


def _written(errors: Sequence[FieldError]) -> str:
    return json.dumps([(error.field, error.expected) for error in errors[:MOST_ERRORS]])
