import time

from afterword.domain.orders.batch import RefusedOrder
from afterword.domain.orders.order import FieldError
from afterword.domain.values import utc_text
from afterword.store.refused import Refusal, keep_refused
from tests.cli.command import Command
from tests.store.cast import Member


def test_refused_orders_are_listed_with_what_was_wrong(afterword: Command, alba: Member) -> None:
    assert afterword.say("order", "refused", "1") == "No orders were refused.\n"
    now = int(time.time())
    errors = [FieldError("email", "not an e-mail address"), FieldError("lastname", None)]
    refused = [
        RefusedOrder(0, "A-1", "R-1", errors),
        RefusedOrder(1, None, None, [FieldError("", "not an object")]),
    ]
    alba.acts(keep_refused, [Refusal(1, True, now, refused)])
    said = afterword.say("order", "refused", "Alba's bakery").splitlines()
    assert said[0].split() == ["refused", "mode", "order", "reference", "errors"]
    assert said[1].endswith("order (not an object)")
    assert said[2].endswith("A-1    R-1        email (not an e-mail address), lastname (missing)")
    assert "2 orders refused in the last 30 days" in afterword.say("order", "refused", "1", "--limit", "1")
    found = afterword.json("order", "refused", "1", "--limit", "1")
    assert found["orders"] == [
        {
            "refused_at": utc_text(now),
            "live": True,
            "id_order": None,
            "reference": None,
            "errors": [{"field": "", "message": "not an object"}],
        }
    ]
    assert [(day["live"], day["orders"]) for day in found["days"]] == [(True, 2)]
