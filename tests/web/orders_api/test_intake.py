"""Requests that come together share a transaction, and each is answered by itself."""

import json

from afterword.domain.orders.batch import BatchError
from afterword.store.engine.engine_database import EngineDatabase
from afterword.web.authentication import Unauthorized
from afterword.web.orders_api.intake import Posted, import_posted
from tests.store.cast import NOW, Member, counted

ORDER = {
    "id_order": "1",
    "order_date": "2019-01-01 12:00:00",
    "firstname": "Clara",
    "lastname": "Nunez",
    "email": "clara@example.com",
}


def posted(key: str, orders: object, *, details: bool = False) -> Posted:
    return Posted(key, json.dumps(orders).encode(), details, NOW)


def test_neighbours_of_a_refused_request_are_taken(
    database: EngineDatabase, alba: Member, bruno: Member
) -> None:
    key = alba.shown.private_key
    together = [
        posted(key, [ORDER]),
        posted("1/en/wrong", [ORDER]),
        posted(key, "no array"),
        posted(bruno.shown.private_key, [ORDER]),
        posted(
            key, [ORDER, ORDER | {"id_order": "2"}, ORDER | {"id_order": "3", "email": "no"}], details=True
        ),
        posted(key, []),
    ]
    first, wrong, no_array, other, second, empty = database.write_now(lambda tx: import_posted(tx, together))
    assert isinstance(wrong, Unauthorized)
    assert isinstance(no_array, BatchError)
    assert not isinstance(first, Exception) and json.loads(first[0])["orders_imported"] == 1
    assert not isinstance(other, Exception) and json.loads(other[0])["orders_imported"] == 1
    assert not isinstance(second, Exception)
    told = json.loads(second[0])
    assert [order["status"] for order in told["orders"]] == ["duplicate", "imported", "refused"]
    assert not isinstance(empty, Exception) and json.loads(empty[0])["orders_count"] == 0
    assert [answered[1:] for answered in (first, other, second, empty)] == [
        (1, 0, 0),
        (1, 0, 0),
        (1, 1, 1),
        (0, 0, 0),
    ]
    assert counted(database, "orders") == counted(database, "messages") == 3
