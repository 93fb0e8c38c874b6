"""Daily figures of shops. They are counted in the transactions that they are about, so that readers count no rows."""

from collections.abc import Iterable, Sequence

from afterword.domain.figures import Figure, day_of
from afterword.domain.shops import Shop
from afterword.store.engine.database import Transaction
from afterword.store.queries import query


def count_figure(tx: Transaction, shop: Shop, name: str, amount: int = 1, *, live: bool, now: float) -> None:
    """Adds to a figure of the shop's present day."""
    if amount:
        add_to_figure(tx, Figure(shop.id, live, name, day_of(shop.timezone, now)), amount)


def add_to_figure(tx: Transaction, figure: Figure, amount: int) -> None:
    """Is written with what else the transaction has counted, at its end."""
    tx.add("add_figures", (figure.shop_id, int(figure.live), figure.name, figure.day), amount)


def figures_of(
    tx: Transaction, shop: Shop, names: Sequence[str], *, live: bool, first: int, last: int
) -> dict[str, dict[int, int]]:
    """The figures of these names by day, from the day `first` to `last`. Days without any are left out."""
    key = {"shop_id": shop.id, "live": int(live), "first": first, "last": last}
    found = tx.rows_each(query("figures"), [key | {"name": name} for name in names])
    return {name: {day: int(amount) for day, amount in rows} for name, rows in zip(names, found, strict=True)}


def sums_of(
    tx: Transaction, shop: Shop, names: Iterable[str], *, live: bool, first: int, last: int
) -> dict[str, int]:
    """The sum of each figure from the day `first` to `last`."""
    found = figures_of(tx, shop, list(names), live=live, first=first, last=last)
    return {name: sum(days.values()) for name, days in found.items()}
