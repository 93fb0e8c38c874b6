"""Ways to read an order or a batch that the tests of this folder share."""

import json
from collections import Counter
from typing import Any
from zoneinfo import ZoneInfo

from afterword.domain.orders.batch import Batch, Unlisted, parse_slices
from afterword.domain.orders.order import Order, ParsedOrder, Rules, parse_order

PARIS = ZoneInfo("Europe/Paris")
"""Where Alba's bakery is."""

RULES = Rules(PARIS)
TOLERANT = Rules(PARIS, is_tolerant=True)

CLARAS: dict[str, Any] = {
    "id_order": "A-1",
    "order_date": "2026-03-01 14:05:26",
    "firstname": "Clara",
    "lastname": "Núñez",
    "email": "clara@mail.example",
}


PUBLISHED: dict[str, Any] = {
    "id_order": "1234",
    "order_date": "2019-01-01 12:00:00",
    "firstname": "John",
    "lastname": "Doe",
    "email": "john.doe@shop.example",
    "reference": "12345678",
    "products": [
        {
            "id": "100",
            "name": "My Product 100",
            "category_id": "cat1",
            "category_name": "Category 1",
            "qty": "1",
            "unit_price": "25.90",
            "mpn": "MPN100",
            "ean13": "1234567890123",
            "sku": "SKU100",
            "upc": "UPCCODE",
            "url": "https://bakery.example/100",
        }
    ],
}
"""The example of the published page, with a real e-mail address and a real web address."""


def claras(**changes: object) -> dict[str, Any]:
    """Clara's order at Alba's bakery: what is mandatory, and whatever else a test gives it."""
    return {**CLARAS, **changes}


def text(value: object) -> bytes:
    return json.dumps(value).encode()


def read(value: object, rules: Rules = RULES) -> ParsedOrder:
    """As it was read; there is an order exactly if there are no errors."""
    parsed = parse_order(value, rules)
    assert (parsed.order is None) == bool(parsed.errors)
    return parsed


def good(value: object, rules: Rules = RULES) -> Order:
    """The order, of which nothing was ignored."""
    parsed = read(value, rules)
    assert parsed.order is not None and not parsed.ignored, parsed
    return parsed.order


def wrong(value: object, rules: Rules = RULES) -> list[tuple[str, str | None]]:
    return [(error.field, error.expected) for error in read(value, rules).errors]


def ignored(value: object, rules: Rules = RULES) -> list[tuple[str, str | None]]:
    """What is ignored of an order that is imported."""
    parsed = read(value, rules)
    assert parsed.order is not None, parsed
    return [(error.field, error.expected) for error in parsed.ignored]


def whole(orders: bytes, size: int = 2) -> Batch:
    slices = list(parse_slices(orders, RULES, size))
    assert all(0 < one.count <= size for one in slices)
    return Batch(
        sum(one.count for one in slices),
        [order for one in slices for order in one.orders],
        [refused for one in slices for refused in one.refused],
        {index: errors for one in slices for index, errors in one.ignored.items()},
        Unlisted(
            sum(one.unlisted.amount for one in slices),
            sum(one.unlisted.places for one in slices),
            dict(sum((Counter(one.unlisted.reasons) for one in slices), Counter[str]())),
        ),
    )
