"""Messages in doubt, of every kind, that a person settles together (guarantee 5)."""

from afterword.domain.messages import row_fingerprint
from afterword.domain.shops import Shop
from afterword.store.engine.connection import Row
from afterword.store.engine.database import Transaction
from afterword.store.figures import count_figure
from afterword.store.queries import query

MOST = 500
"""Messages that one transaction settles: a few milliseconds."""


def settle_doubts(tx: Transaction, shop: Shop, *, arrived: bool, after: int, now: float) -> list[int]:
    """Ends a shop's messages in doubt as sent, or schedules them at once, by the operator's word. Up to MOST of them,
    behind the number `after`; returns their numbers.

    Raises JournalMissing.
    """
    found = tx.rows(query("doubts"), {"shop_id": shop.id, "after": after, "most": MOST})
    for row in found:
        _settle_row(tx, shop, row, arrived=arrived, now=now)
    return [row[0] for row in found]


def settle_doubt(tx: Transaction, shop: Shop, number: int, *, arrived: bool, now: float) -> bool:
    """The same for one message; whether it was in doubt. Raises JournalMissing."""
    found = tx.rows(query("doubts"), {"shop_id": shop.id, "after": number - 1, "most": 1})
    if not found or found[0][0] != number:
        return False
    _settle_row(tx, shop, found[0], arrived=arrived, now=now)
    return True


def _settle_row(tx: Transaction, shop: Shop, row: Row, *, arrived: bool, now: float) -> None:
    number, live, kind, created_at, id_order = row
    mark = row_fingerprint(shop.salt, kind, number, created_at, id_order, live=bool(live))
    key = {"shop_id": shop.id, "message_id": number}
    tx.run(query("doubt_arrived" if arrived else "doubt_lost"), key | {"now": int(now)})
    if arrived and kind == "invitation":
        count_figure(tx, shop, "sent", live=bool(live), now=now)
    tx.announce()
    if arrived and kind not in ("invitation", "digest"):
        tx.run(query("remove_message"), key)
    tx.run(query("forget_journaled"), {"shop_id": shop.id, "fingerprint": mark})
    tx.journal(f"{'sent' if arrived else 'released'} {mark} {shop.id} {number} {int(now)}")
