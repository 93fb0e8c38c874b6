"""Rows are inserted as they were given, by whatever statement their number calls for, and counted."""

import pytest

from afterword.store.engine.connection import Row
from afterword.store.engine.database import Database
from afterword.store.queries import query_of_json
from tests.citus import CLUSTER
from tests.store.cast import Member
from tests.store.databases import rows

ODD = [
    "",
    "it's",
    'so "said"',
    "back\\slash",
    "50 % off",
    "%s",
    ":rows",
    "null",
    "1",
    "é ñ 雪 😀",
    "a\tb\nc",
    "{a,b}",
]


def order(member: Member, number: int, **other: object) -> Row:
    """A row as `insert_orders` takes it."""
    row: dict[str, object] = {
        "shop_id": member.shop.id,
        "order_id": 10**6 + number,
        "live": 1,
        "received_at": 10**12,
        "lang": "en",
        "key_id": 1,
        "id_order": f"order {number}",
        "reference": None,
        "order_date": "2019-01-01 12:00:00",
        "firstname": ODD[number % len(ODD)],
        "lastname": ODD[(number + 1) % len(ODD)],
        "email": "clara@nunez.example",
        "phone": None,
        "store_id": None,
        "lines": '[["1","a \\"b\\""]]',
    }
    return tuple((row | other).values())


def stored(database: Database) -> list[Row]:
    columns = (
        "shop_id, order_id, live, received_at, lang, key_id, id_order, reference, order_date, firstname, lastname, "
        "email, phone, store_id, lines"
    )
    return rows(database, f"SELECT {columns} FROM orders WHERE order_id >= 1000000 ORDER BY order_id")


@pytest.mark.parametrize("amount", [1, 3, 4, 16, 17, 40])
def test_rows_are_stored_as_they_were_given(database: Database, alba: Member, amount: int) -> None:
    given = [order(alba, number) for number in range(amount)]
    given[-1] = order(alba, amount - 1, reference="R", store_id="5", phone="+34 1")
    assert database.write_now(lambda tx: tx.insert("insert_orders", given)) == amount
    assert stored(database) == given


@pytest.mark.parametrize("amount", [2, 20])
def test_those_that_are_there_are_skipped_and_not_counted(
    database: Database, alba: Member, bruno: Member, amount: int
) -> None:
    first = [order(alba, number) for number in range(amount)]
    of_another_shop = [order(bruno, 100 + number, id_order=f"order {number}") for number in range(amount)]
    again = [order(alba, 200 + number, id_order=f"order {number}") for number in range(1, amount + 1)]
    twice = [order(alba, 300, id_order="twice"), order(alba, 301, id_order="twice", firstname="Second")]
    for given, new in ((first, amount), (of_another_shop, amount), (again, 1), (twice * amount, 1)):
        assert database.write_now(lambda tx, given=given: tx.insert("insert_orders", given)) == new
    assert stored(database) == [*first, *of_another_shop, again[-1], twice[0]]


if CLUSTER:

    @pytest.mark.citus
    @pytest.mark.parametrize(
        "name, types",
        [
            ("insert_orders", ("bigint",) * 4 + ("text", "bigint") + ("text",) * 9),
            ("insert_invitations", ("bigint",) * 5),
            ("insert_refused", ("bigint",) * 5 + ("text",) * 3),
        ],
    )
    def test_many_rows_are_read_by_the_node_of_their_shop_alone(
        database: Database, alba: Member, name: str, types: tuple[str, ...]
    ) -> None:
        """The coordinator plans one task, and does not collect the rows itself."""
        sql = query_of_json(name, types).replace(":rows", "'[]'")
        plan = [line for (line,) in rows(database, f"EXPLAIN {sql}", {"shop_id": alba.shop.id})]
        assert "  Task Count: 1" in plan
        assert not [line for line in plan if "pull to coordinator" in line]
