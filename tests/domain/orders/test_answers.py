"""The answer to a batch, in the words that known clients look for."""

import json

import pytest

from afterword.domain.orders.batch import (
    ALREADY_SENT,
    Batch,
    Refused,
    Report,
    Stored,
    answer,
    outcome,
    refusal,
)
from afterword.domain.orders.order import FieldError, Order, parse_order
from tests.domain.reading import CLARAS, PARIS

DUE = 1_772_373_926  # 2026-03-01T14:05:26Z


def batch_of(good: int, *refused: Refused) -> Batch:
    parsed = parse_order(CLARAS, PARIS)
    assert isinstance(parsed, Order)
    return Batch(good + len(refused), [(index, parsed) for index in range(good)], list(refused))


def test_an_imported_order_is_answered_in_the_published_words() -> None:
    body = answer(outcome(batch_of(1), Stored(DUE, [5])))
    assert body == b'{"success": 1, "orders_count": 1, "orders_imported": 1, "message": null}'


def test_a_duplicate_is_answered_in_the_published_words() -> None:
    assert answer(outcome(batch_of(1), Stored(DUE, [0]))) == (
        b'{"success": 0, "orders_count": 1, "orders_imported": 0, "message": '
        b'"Some orders were not imported because they had already been sent (see documentation)"}'
    )


def test_an_empty_batch_has_nothing_to_say() -> None:
    empty = b'{"success": 0, "orders_count": 0, "orders_imported": 0, "message": null}'
    assert answer(outcome(batch_of(0), Stored(DUE, []))) == empty
    assert Report().answer() == empty


def test_a_refusal_has_the_four_keys() -> None:
    assert refusal('no "key" €') == (
        b'{"success": 0, "orders_count": 0, "orders_imported": 0, "message": "no \\"key\\" \\u20ac"}'
    )


def test_the_message_names_what_is_missing_then_what_is_invalid() -> None:
    batch = batch_of(
        2,
        Refused(2, None, [FieldError("lastname", None), FieldError("email", "not an e-mail address")]),
        Refused(3, None, [FieldError("", "not an object")]),
        Refused(5, None, [FieldError("products[0].name", None)]),
    )
    told = json.loads(answer(outcome(batch, Stored(DUE, [5, 0]))))
    assert told == {
        "success": 1,
        "orders_count": 5,
        "orders_imported": 1,
        "message": f"{ALREADY_SENT} Missing fields for array: orders[2].lastname, orders[5].products[0].name "
        "Invalid fields: orders[2].email (not an e-mail address), orders[3] (not an object)",
    }


@pytest.mark.parametrize(
    ("missing", "invalid", "named_missing", "named_invalid", "more"),
    [
        (20, 0, 20, 0, 0),
        (0, 20, 0, 20, 0),
        (15, 5, 15, 5, 0),
        (15, 9, 15, 5, 4),
        (25, 3, 20, 0, 8),
        (0, 21, 0, 20, 1),
    ],
)
def test_at_most_twenty_places_are_named(
    missing: int, invalid: int, named_missing: int, named_invalid: int, more: int
) -> None:
    errors = [FieldError("phone", "not text")] * invalid + [FieldError("email", None)] * missing
    report = Report()
    for index, error in enumerate(errors):
        report.add(outcome(Batch(1, [], [Refused(index, None, [error])]), Stored(DUE, [])))
    message = json.loads(report.answer())["message"]
    assert message.count("].email") == named_missing
    assert message.count("].phone (not text)") == named_invalid
    assert message.endswith(f" and {more} more") if more else "more" not in message


def test_details_tell_of_each_order_in_the_order_sent() -> None:
    good = batch_of(2)
    refused = Refused(1, "A-\u2028'</", [FieldError("email", None), FieldError("phone", "not text")])
    orders = [(0, good.orders[0][1]), (2, good.orders[1][1])]
    report = Report(details=True)
    report.add(outcome(Batch(3, orders, [refused]), Stored(DUE, [5, 0]), details=True))
    report.add(
        outcome(
            Batch(1, [], [Refused(3, None, [FieldError("", "not an object")])]), Stored(DUE, []), details=True
        )
    )
    body = report.answer()
    assert body.isascii()
    assert json.loads(body)["orders"] == [
        {
            "index": 0,
            "id_order": "A-1",
            "status": "imported",
            "errors": [],
            "invitation": {"id": 5, "due_at": "2026-03-01T14:05:26Z"},
        },
        {
            "index": 1,
            "id_order": "A-\u2028'</",
            "status": "refused",
            "errors": [
                {"field": "orders[1].email", "message": "missing"},
                {"field": "orders[1].phone", "message": "not text"},
            ],
        },
        {"index": 2, "id_order": "A-1", "status": "duplicate", "errors": []},
        {
            "index": 3,
            "id_order": None,
            "status": "refused",
            "errors": [{"field": "orders[3]", "message": "not an object"}],
        },
    ]


def test_details_of_an_empty_batch_are_an_empty_list() -> None:
    assert json.loads(answer(outcome(batch_of(0), Stored(DUE, []), details=True)))["orders"] == []
