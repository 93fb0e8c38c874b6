"""Fills a database with invitations that wait, by two statements: 2 million in a minute or less."""

from pathlib import Path

import apsw

from afterword.store.database import Transaction
from afterword.store.shops import add_shop
from benchmarks.ground import WrongResultError, open_data, settings_of, shop_fields


def fill(data: Path, *, orders: int, shops: int = 1, due: int, scattered: bool = True, now: int) -> None:
    """So many orders, spread over the shops; so many of them came due within the last day.

    As a shop's delay leaves them, the due ones are the first that came and the others follow, all in the order in
    which they came. `scattered`: the due ones are spread among the others and came due in no order, which no shop's
    delay does, but many moves by hand might.
    """
    _add_shops(data, shops, now)
    connection = apsw.Connection(str(settings_of(data).database_path))
    for pragma in ("synchronous = OFF", "cache_size = -2000000", "wal_autocheckpoint = 0"):
        connection.execute(f"PRAGMA {pragma}")
    numbers = {"orders": orders, "shops": shops, "now": now}
    with connection:
        connection.execute(_ORDERS, numbers | {"lines": _LINES})
        connection.execute(
            _SCATTERED if scattered else _IN_ORDER, numbers | {"each": orders // due, "due": due}
        )
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    sql = "SELECT count(*) FROM invitations WHERE next_try_at <= ?"
    [(stored,)] = connection.execute(sql, (now,)).fetchall()
    connection.close()
    if stored != due:
        raise WrongResultError(f"{stored} invitations are due, not {due}")


def _add_shops(data: Path, shops: int, now: int) -> None:
    """One is there."""

    def add(tx: Transaction) -> None:
        for number in range(2, shops + 1):
            add_shop(tx, now, **shop_fields(f"Shop {number}"))

    database = open_data(data)
    database.write_now(add)
    database.close_now()


_LINES = (
    '[{"id":100,"name":"My Product 100","category_id":"cat1","category_name":"Category 1","qty":1,'
    '"unit_price":"25.9","mpn":"MPN100","ean13":"1234567890123","sku":"SKU100","upc":"UPCCODE"}]'
)

_NUMBERS = (
    "WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :orders)"
)
_SHOP = "1 + (n + n / :shops) % :shops"

_ORDERS = f"""
{_NUMBERS}
INSERT INTO orders (shop_id, order_id, live, id_order, reference, order_date, received_at, firstname, lastname,
                    email, lang, lines)
SELECT {_SHOP}, 1 + n, 1, 'A' || n, 'R' || n, '2026-01-01 12:00:00', :now - 864000, 'John', 'Doe',
       'john.doe.' || n || '@example.com', 'en', :lines
FROM numbers
"""

_INVITATIONS = f"""
{_NUMBERS}, times (n, due_at) AS MATERIALIZED (
    SELECT n, CASE WHEN {{is_due}} THEN {{was_due}} ELSE :now + 3600 + n * 864000 / :orders END FROM numbers)
INSERT INTO invitations (shop_id, order_id, live, state, due_at, next_try_at, tries)
SELECT {_SHOP}, 1 + n, 1, 'scheduled', due_at, due_at, 0 FROM times
"""

_SCATTERED = _INVITATIONS.format(
    is_due="n % :each = n / :each % :each AND :due > 0", was_due=":now - abs(random()) % 86400"
)
_IN_ORDER = _INVITATIONS.format(is_due="n < :due AND :each > 0", was_due=":now - 86400 + n * 86400 / :due")
