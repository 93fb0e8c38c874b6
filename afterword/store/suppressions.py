"""The rows of suppressions. Each is also journaled, so that restoring a backup does not lose it (guarantee 9)."""

from collections.abc import Sequence

import msgspec

from afterword.domain.people.suppressions import SUPPRESSION_REASONS, address_hash
from afterword.domain.shops import Shop
from afterword.store.engine.connection import Row
from afterword.store.engine.database import Transaction
from afterword.store.queries import query

_FIND = query("find_suppression")


class Suppression(msgspec.Struct, frozen=True):
    """`address` is None if only its hash is known (after an erasure, or from the journal)."""

    shop_id: int
    live: bool
    address: str | None
    address_hash: str
    reason: str
    created_at: int


def suppress(tx: Transaction, shop: Shop, email: str, *, live: bool, reason: str, now: float) -> bool:
    """Suppresses an address from now on (guarantee 6). Scheduled messages to it are cancelled when they are due.

    A live suppression applies to test mode too; one from a test e-mail applies to test mode only. Returns whether it
    is new. Raises ValueError for a reason that is not in SUPPRESSION_REASONS, since the send journal could not be
    read back with it.
    """
    if reason not in SUPPRESSION_REASONS:
        raise ValueError(
            f"{reason!r} is not a reason to suppress an address: {', '.join(SUPPRESSION_REASONS)}"
        )
    hashed = address_hash(shop.salt, email)
    key = {"shop_id": shop.id, "live": int(live), "address_hash": hashed}
    row = {"address": email, "reason": reason, "created_at": int(now)}
    is_new = tx.run(query("insert_suppression"), key | row) == 1
    if is_new and tx.has_journal:
        tx.journal(f"suppressed {hashed} {shop.id} {int(live)} {int(now)} {reason}")
    return is_new


def allow(tx: Transaction, shop: Shop, email: str, now: float) -> bool:
    """Removes a suppression, at the shop's request. Returns whether there was one."""
    hashed = address_hash(shop.salt, email)
    was_there = tx.run(query("delete_suppression"), {"shop_id": shop.id, "address_hash": hashed}) > 0
    if was_there and tx.has_journal:
        tx.journal(f"allowed {hashed} {shop.id} 1 {int(now)}")
    return was_there


def suppressed_because(tx: Transaction, shop: Shop, email: str, *, live: bool) -> str | None:
    """Why messages of this mode must not be sent to this address, or None if they may."""
    return reasons_not_to_send(tx, [(shop, email, live)])[0]


def reasons_not_to_send(tx: Transaction, addresses: Sequence[tuple[Shop, str, bool]]) -> list[str | None]:
    """`suppressed_because` for each of (shop, address, live)."""
    keys = [(shop.id, int(live), address_hash(shop.salt, email)) for shop, email, live in addresses]
    return [rows[0][0] if rows else None for rows in tx.rows_each(_FIND, keys)]


def list_suppressions(tx: Transaction, shop: Shop) -> list[Suppression]:
    """A shop's suppressions, oldest first."""
    return _listed(shop, tx.rows(query("list_suppressions"), {"shop_id": shop.id}))


def newest_suppressions(tx: Transaction, shop: Shop, *, live: bool, most: int) -> list[Suppression]:
    """Those that count in this mode, newest first."""
    values = {"shop_id": shop.id, "live": int(live), "most": most}
    return _listed(shop, tx.rows(query("newest_suppressions"), values))


def suppressions_of(tx: Transaction, shop: Shop, email: str) -> list[Suppression]:
    """Those of an address, of both modes."""
    key = {"shop_id": shop.id, "address_hash": address_hash(shop.salt, email)}
    return _listed(shop, tx.rows(query("suppressions_of_address"), key))


def _listed(shop: Shop, rows: Sequence[Row]) -> list[Suppression]:
    return [
        Suppression(shop.id, bool(live), address, hashed, reason, created_at)
        for live, hashed, address, reason, created_at in rows
    ]
