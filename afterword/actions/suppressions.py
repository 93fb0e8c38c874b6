"""List, add and remove the addresses that a shop must not write to (guarantee 6)."""

from afterword.base.errors import Refused
from afterword.domain.shops import Shop
from afterword.store.engine.database import Transaction
from afterword.store.suppressions import Suppression, allow, list_suppressions, newest_suppressions, suppress


def listed(tx: Transaction, shop: Shop) -> list[Suppression]:
    """Oldest first."""
    return list_suppressions(tx, shop)


def newest(tx: Transaction, shop: Shop, *, live: bool, most: int) -> list[Suppression]:
    """Those that count in this mode, newest first."""
    return newest_suppressions(tx, shop, live=live, most=most)


def add(tx: Transaction, shop: Shop, email: str, reason: str, now: float) -> bool:
    """Sends no e-mail of this shop to the address from now on. Returns whether it is new; the first reason stays."""
    return suppress(tx, shop, email, live=True, reason=reason, now=now)


def remove(tx: Transaction, shop: Shop, email: str, now: float) -> None:
    """Lets the shop write to the address again; cancelled invitations stay cancelled. Raises Refused."""
    if not allow(tx, shop, email, now):
        raise Refused(f"{email} is not suppressed for {shop.name}")
