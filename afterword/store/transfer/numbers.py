"""The numbers that orders and reviews get next: sequences on PostgreSQL, rows of `counters` on SQLite."""

from typing import NamedTuple

from afterword.store.engine.connection import IDS_A_BLOCK, Connection


class Next(NamedTuple):
    """Numbers above those of every order and of every review that a database has or had."""

    order: int
    review: int


def next_numbers(connection: Connection) -> Next:
    """What comes next in this database."""
    if connection.dialect == "postgres":
        [(order,)] = connection.rows("SELECT last_value FROM order_ids")
        [(review,)] = connection.rows("SELECT last_value FROM review_numbers")
        return Next(order + IDS_A_BLOCK, review + 1)
    counters: dict[str, int] = dict(connection.rows("SELECT name, next_id FROM counters"))
    return Next(counters["orders"], counters["reviews"])


def set_next_numbers(connection: Connection, numbers: Next) -> None:
    """New orders and reviews of this database get these numbers and those after them."""
    if connection.dialect == "postgres":
        sql = "SELECT setval('order_ids', :order, false), setval('review_numbers', :review, false)"
        connection.rows(sql, numbers._asdict())
        return
    for name, number in (("orders", numbers.order), ("reviews", numbers.review)):
        connection.run(
            "UPDATE counters SET next_id = :next WHERE name = :name", {"next": number, "name": name}
        )
