"""Requests that come together share a transaction, and each is answered by itself."""

import json

from afterword.domain.orders.batch import BatchError
from afterword.store.engine.database import Database
from afterword.web.authentication import Unauthorized
from afterword.web.orders_api.intake import Posted, import_posted
from tests.domain.reading import claras
from tests.store.cast import NOW, Member, counted

ORDER = claras()
WRONG = claras(id_order="A-3", email="no")


def posted(key: str, *orders: object, details: bool = False) -> Posted:
    return Posted(key, json.dumps(orders).encode(), details, NOW)


def test_neighbours_of_a_refused_request_are_taken(database: Database, alba: Member, bruno: Member) -> None:
    key = alba.shown.private_key
    together = [
        posted(key, ORDER),
        posted("1/en/wrong", ORDER),
        Posted(key, b"5", False, NOW),
        posted(bruno.shown.private_key, ORDER),
        posted(key, ORDER, claras(id_order="A-2"), WRONG, details=True),
        posted(key),
    ]
    answers = database.write_now(lambda tx: import_posted(tx, together))
    assert isinstance(answers[1], Unauthorized) and isinstance(answers[2], BatchError)
    answered = [one for one in answers if not isinstance(one, Exception)]
    none: dict[str, int] = {}
    wrong = {"email_invalid": 1}
    counts = [tuple(counts) for _, *counts in answered]
    assert counts == [(1, 0, 0, none), (1, 0, 0, none), (1, 1, 1, wrong), (0, 0, 0, none)]
    bodies = [json.loads(body) for body, *_ in answered]
    told = [(body["orders_count"], body["orders_imported"]) for body in bodies]
    assert told == [(1, 1), (1, 1), (3, 1), (0, 0)]
    assert [order["status"] for order in bodies[2]["orders"]] == ["duplicate", "imported", "refused"]
    assert counted(database, "orders") == counted(database, "messages") == 3
