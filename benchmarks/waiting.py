"""Fills a database with invitations that wait, by two statements: 2 million in half a minute or less."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

import apsw
import psycopg

from afterword.base.settings import Settings
from afterword.store.engine.database import Transaction
from afterword.store.shops import add_shop
from benchmarks.ground import WrongResultError, open_data, settings_of, shop_fields


def fill(data: Path, *, orders: int, shops: int = 1, due: int, scattered: bool = True, now: int) -> None:
    """Adds `orders` orders, spread over the shops; `due` of them became due within the last day.

    By default the due ones are the first that arrived, as with a shop's delay, and all are in the order of arrival.
    With `scattered`, the due ones are spread among the others and became due in random order, which only many manual
    moves could cause.

    PostgreSQL's tables are vacuumed and analyzed at the end, as autovacuum would have done by then.
    """
    _make_ready(data, orders, shops, now)
    numbers = {
        "orders": orders,
        "shops": shops,
        "now": now,
        "each": orders // due,
        "due": due,
        "lines": _LINES,
    }
    with filling(data) as execute:
        execute(_ORDERS, numbers)
        execute(_SCATTERED if scattered else _IN_ORDER, numbers)
    database = open_data(data)
    sql = "SELECT count(*) FROM messages WHERE next_try_at <= :now"
    [(stored,)] = database.read_now(lambda tx: tx.rows(sql, (now,)))
    database.close_now()
    if stored != due:
        raise WrongResultError(f"{stored} invitations are due, not {due}")


def _make_ready(data: Path, orders: int, shops: int, now: int) -> None:
    """Adds shops to the existing one, and reserves the ids of the orders."""

    def make_ready(tx: Transaction) -> None:
        for number in range(2, shops + 1):
            add_shop(tx, now, **shop_fields(f"Shop {number}"))
        tx.run("UPDATE counters SET next_id = :next_id WHERE name = 'orders'", {"next_id": orders + 1})

    database = open_data(data)
    database.write_now(make_ready)
    database.close_now()


class _Execute(Protocol):
    def __call__(self, sql: str, values: dict[str, Any]) -> None: ...


def filling(data: Path) -> AbstractContextManager[_Execute]:
    """Runs statements that fill the folder's database, in one durable transaction. In each, `numbers` are those from
    0 to `orders` - 1."""
    settings = settings_of(data)
    return (_filling_sqlite if settings.database_path else _filling_postgres)(settings)


@contextmanager
def _filling_sqlite(settings: Settings) -> Iterator[_Execute]:
    with closing(apsw.Connection(str(settings.database_path))) as connection:
        for pragma in ("synchronous = OFF", "cache_size = -2000000", "wal_autocheckpoint = 0"):
            connection.execute(f"PRAGMA {pragma}")

        def execute(sql: str, values: dict[str, Any]) -> None:
            used = {name: value for name, value in values.items() if f":{name}" in sql}
            connection.execute(_NUMBERS_IN_SQLITE + sql, used | {"orders": values["orders"]})

        with connection:
            yield execute
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def _filling_postgres(settings: Settings) -> Iterator[_Execute]:
    with psycopg.connect(
        settings.database, autocommit=True, cursor_factory=psycopg.ClientCursor
    ) as connection:

        def execute(sql: str, values: dict[str, Any]) -> None:
            text = (_NUMBERS_IN_POSTGRES + sql).replace("%", "%%")
            for name in values:
                text = text.replace(f":{name}", f"%({name})s")
            connection.execute(text, values)

        with connection.transaction():
            yield execute
        connection.execute("SELECT setval('order_ids', max(order_id) + 1, false) FROM orders")
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


_LINES = (
    '[{"id":100,"name":"My Product 100","category_id":"cat1","category_name":"Category 1","qty":1,'
    '"unit_price":"25.9","mpn":"MPN100","ean13":"1234567890123","sku":"SKU100","upc":"UPCCODE"}]'
)

_NUMBERS_IN_SQLITE = (
    "WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :orders)"
)
_NUMBERS_IN_POSTGRES = "WITH numbers (n) AS (SELECT generate_series(0::bigint, :orders - 1))"
_SHOP = "1 + (n + n / :shops) % :shops"

_ORDERS = f"""
INSERT INTO orders (shop_id, order_id, live, id_order, reference, order_date, received_at, firstname, lastname,
                    email, lang, lines)
SELECT {_SHOP}, 1 + n, 1, 'A' || n, 'A' || n, '2026-01-01 12:00:00', :now - 864000, 'John', 'Doe',
       'john.doe.' || n || '@example.com', 'en', :lines
FROM numbers
"""

_INVITATIONS = f"""
INSERT INTO messages (shop_id, message_id, live, kind, queue, state, due_at, next_try_at, tries)
SELECT {_SHOP}, 1 + n, 1, 'invitation', 0, 'scheduled', due_at, due_at, 0
FROM (SELECT n, CASE WHEN {{is_due}} THEN {{was_due}} ELSE :now + 3600 + n * 864000 / :orders END AS due_at
      FROM numbers) AS times
"""

# The product is a number that varies pseudo-randomly.
_SCATTERED = _INVITATIONS.format(
    is_due="n % :each = n / :each % :each AND :due > 0", was_due=":now - n * 40503 % 86400"
)
_IN_ORDER = _INVITATIONS.format(is_due="n < :due AND :each > 0", was_due=":now - 86400 + n * 86400 / :due")
