"""The answer to a batch, in the words that known clients look for."""

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from afterword.domain.numbers import INVITATION_BITS, Permutation
from afterword.domain.orders.batch import MOST_SCANT, Batch, RefusedOrder, parse_slices
from afterword.domain.orders.order import FieldError, Rules
from afterword.store.orders import Stored
from afterword.web.orders_api.answer import BatchResult, Read, answer, complaints_of, refusal, result_of
from tests.domain.reading import CLARAS, good

ORDER = good(CLARAS)
IDS = Permutation(b"a secret", INVITATION_BITS)
DUE = 1_772_373_926  # 2026-03-01T14:05:26Z


def result(
    numbers: list[int],
    *refused: RefusedOrder,
    ignored: dict[int, list[FieldError]] | None = None,
    details: bool = False,
) -> BatchResult:
    """Of orders that the store gave these numbers, in the places that the refused ones leave."""
    count = len(numbers) + len(refused)
    places = [index for index in range(count) if index not in {one.index for one in refused}]
    orders = [(index, ORDER) for index in places[: len(numbers)]]
    batch = Batch(count, orders, list(refused), ignored or {})
    return of_batch(batch, numbers, details=details)


def of_batch(batch: Batch, numbers: list[int], *, details: bool) -> BatchResult:
    read = Read(batch, complaints_of(batch, details=details))
    return result_of(read, Stored(DUE, numbers), IDS if details else None)


def told(*results: BatchResult, details: bool = False) -> dict[str, Any]:
    body = answer(sum(results, BatchResult(details=[] if details else None)))
    assert body.isascii()
    told: dict[str, Any] = json.loads(body)
    return told


def test_an_imported_order_is_answered_in_the_published_words() -> None:
    body = b'{"success": 1, "orders_count": 1, "orders_imported": 1, "message": null}'
    assert answer(result([5])) == body


def test_a_duplicate_is_answered_in_the_published_words() -> None:
    assert answer(result([0])) == (
        b'{"success": 0, "orders_count": 1, "orders_imported": 0, "message": '
        b'"Some orders were not imported because they had already been sent (see documentation)"}'
    )


def test_a_refusal_has_the_four_keys() -> None:
    assert refusal('no "key" €') == (
        b'{"success": 0, "orders_count": 0, "orders_imported": 0, "message": "no \\"key\\" \\u20ac"}'
    )


@pytest.mark.parametrize(
    ("missing", "invalid", "ignored", "named", "more"),
    [
        (20, 0, 0, (20, 0, 0), 0),
        (0, 20, 0, (0, 20, 0), 0),
        (0, 0, 20, (0, 0, 20), 0),
        (15, 5, 0, (15, 5, 0), 0),
        (15, 9, 0, (15, 5, 0), 4),
        (10, 5, 9, (10, 5, 5), 4),
        (25, 3, 1, (20, 0, 0), 9),
        (0, 21, 0, (0, 20, 0), 1),
        (0, 0, 300, (0, 0, 20), 280),
    ],
)
def test_at_most_twenty_places_are_named(
    missing: int, invalid: int, ignored: int, named: tuple[int, int, int], more: int
) -> None:
    wrong = [FieldError("id_order", "not text")] * invalid + [FieldError("email", None)] * missing
    slices = [result([], RefusedOrder(index, None, None, [error])) for index, error in enumerate(wrong)]
    slices += [result([7], ignored={0: [FieldError("phone", "not text")]}) for _ in range(ignored)]
    message = told(*slices)["message"]
    places = ("].email", "].id_order (not text)", "].phone (not text)")
    assert tuple(message.count(place) for place in places) == named
    assert message.endswith(f" and {more} more") if more else "more" not in message


def test_what_was_ignored_of_an_imported_order_is_told_and_of_a_duplicate_is_not() -> None:
    ignored = {n: [FieldError("products[0].unit_price", "not a decimal")] for n in range(2)}
    assert told(result([5, 0], ignored=ignored))["message"] == (
        "Some orders were not imported because they had already been sent (see documentation) "
        "Ignored fields: orders[0].products[0].unit_price (not a decimal)"
    )
    nameless = {0: [FieldError("products[1].name", None)]}
    body = told(result([5], ignored=nameless, details=True), details=True)
    assert (body["success"], body["message"]) == (1, "Ignored fields: orders[0].products[1].name (missing)")
    assert body["orders"][0]["ignored"] == [{"field": "orders[0].products[1].name", "message": "missing"}]


BARE = '"id_order":"1","order_date":"2026-01-01","firstname":"A","lastname":"B","email":"a@b.cd"'

HOSTILE = [
    "0",
    "{}",
    '{"email":0}',
    '{"id_order":1,"firstname":[],"lastname":[],"email":[],"order_date":[]}',
    f'{{"products":[{",".join("0" * 60)}]}}',
    f'{{{BARE},"products":[{",".join("0" * 60)}]}}',
    f'{{{BARE},"products":[{",".join("0" * 20)}]}}',
    f'{{{BARE},"phone":[],"store_id":{{}},"reference":[]}}',
    f'{{"id_order":"{"é" * 190}"}}',
]


@pytest.mark.parametrize("is_tolerant", [False, True])
@pytest.mark.parametrize("element", HOSTILE)
def test_details_take_a_small_multiple_of_what_was_sent(element: str, is_tolerant: bool) -> None:
    """Guarantee 11: with any key, a test key too, `0,0,…` made the answer seventy times as long."""
    count = max(MOST_SCANT + 100, 100_000 // len(element))
    sent = f"[{','.join([element] * count)}]".encode()
    slices = parse_slices(sent, Rules(ZoneInfo("UTC"), is_tolerant), 250)
    found = sum(
        (of_batch(one, [7] * len(one.orders), details=True) for one in slices), BatchResult(details=[])
    )
    assert len(answer(found)) <= 12 * len(sent) + 3_000_000
    listed = json.loads(answer(found))
    assert listed["orders_count"] == count and len(listed["orders"]) in (count, MOST_SCANT)
    assert [one["index"] for one in listed["orders"]] == list(range(len(listed["orders"])))


def test_elements_that_are_no_orders_keep_no_order_from_the_details() -> None:
    order = f"{{{BARE}}}"
    sent = f"[{','.join(['0'] * (MOST_SCANT + 5) + [order] * 2 + ['0'])}]".encode()
    [one] = parse_slices(sent, Rules(ZoneInfo("UTC")), 5_000)
    listed = told(of_batch(one, [7, 0], details=True), details=True)
    assert listed["orders_count"] == MOST_SCANT + 8
    assert [each["status"] for each in listed["orders"]] == ["refused"] * MOST_SCANT + [
        "imported",
        "duplicate",
    ]
    assert listed["orders"][-1]["index"] == MOST_SCANT + 6
    assert "and 986 more" in listed["message"]


def test_details_list_each_order_in_the_order_sent() -> None:
    refused = RefusedOrder(
        1, "A-\u2028'</", None, [FieldError("email", None), FieldError("phone", "not text")]
    )
    no_object = RefusedOrder(3, None, None, [FieldError("", "not an object")])
    slices = result([5, 0], refused, details=True), result([], no_object, details=True)
    invitation = {"id": IDS.shown(5), "due_at": "2026-03-01T14:05:26Z"}
    missing = {"field": "orders[1].email", "message": "missing"}
    not_text = {"field": "orders[1].phone", "message": "not text"}
    not_an_object = {"field": "orders[3]", "message": "not an object"}
    listed = told(*slices, details=True)["orders"]
    assert [one.pop("ignored") for one in listed] == [[], [], [], []]
    assert listed == [
        {"index": 0, "id_order": "A-1", "status": "imported", "errors": [], "invitation": invitation},
        {"index": 1, "id_order": "A-\u2028'</", "status": "refused", "errors": [missing, not_text]},
        {"index": 2, "id_order": "A-1", "status": "duplicate", "errors": []},
        {"index": 3, "id_order": None, "status": "refused", "errors": [not_an_object]},
    ]
