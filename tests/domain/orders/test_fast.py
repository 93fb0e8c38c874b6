"""The fast path reads what shops nearly always send, and says what the fallback says, or nothing."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterword.domain.orders.batch import parse_batch
from afterword.domain.orders.fast import parse_fast
from afterword.domain.orders.json import decode_piece
from afterword.domain.orders.order import Order, OrderLine, parse_order
from tests.domain.hostile import FULL, LINE, ODD, ORDERS, UNCLEAN, VALUES, order_texts
from tests.domain.reading import CLARAS, PUBLISHED, RULES, claras, text
from tests.needs import scale


def with_line(**fields: object) -> dict[str, Any]:
    return claras(products=[{**LINE, **fields}])


def is_fast(piece: bytes) -> bool:
    """Whether the fast path reads this order; then it must read what the fallback reads."""
    fast = parse_fast(piece, RULES)
    if fast is not None:
        order, _, ignored = parse_order(decode_piece(piece), RULES)
        assert order is not None and not ignored
        # As MessagePack, so that 1, 1.0 and True are not the same.
        assert msgspec.msgpack.encode(fast) == msgspec.msgpack.encode(order)
        assert parse_fast(msgspec.Raw(piece), RULES) == fast
    return fast is not None


def test_the_published_example_is_fast_with_its_empty_web_address_too() -> None:
    assert is_fast(text(PUBLISHED))
    assert is_fast(text(PUBLISHED | {"products": [PUBLISHED["products"][0] | {"url": ""}]}))


def test_an_order_with_every_field_is_fast() -> None:
    assert list(LINE) == list(OrderLine.__struct_fields__)
    assert set(FULL) == {*Order.__struct_fields__, "products"} - {"lines"}
    assert is_fast(text(FULL))


@pytest.mark.parametrize(
    "piece",
    [
        json.dumps(FULL, separators=(",", ":")).encode(),
        json.dumps(FULL, ensure_ascii=False).encode(),
        json.dumps(FULL, indent=4).encode(),
        json.dumps(FULL, separators=(" ,\n\t", " : ")).encode(),
        json.dumps(FULL).replace("/", "\\/").encode(),
        json.dumps(FULL).replace("firstname", "first\\u006eame").encode(),
        json.dumps(dict(reversed(FULL.items()))).encode(),
        json.dumps(FULL)[:-1].encode() + b', "firstname": "Clarissa", "phone": null}',
        json.dumps(FULL)[:-1].encode() + b', "newsletter": {"deep": [1, " \\t&amp; ", 1e999, -0.5e-3]}}',
        json.dumps(FULL)[:-1].encode() + b', "newsletter\xff": "\xff"}',
    ],
    ids=range(10),
)
def test_an_order_is_fast_however_its_json_is_written(piece: bytes) -> None:
    assert is_fast(piece)


@pytest.mark.parametrize(
    "order",
    [
        CLARAS,
        claras(products=[]),
        claras(products=None),
        claras(products=[{"id": 1, "name": "Rye"}] * 1_000),
        claras(reference="", phone="", store_id=""),
        claras(reference=None, phone=None, store_id=None),
        claras(firstname="Łukasz 👩", lastname="Nguyễn می", phone="AT&T"),
        claras(order_date="2026-03-01T14:05:26Z"),
        claras(email="clara.nunez+bakery@mail.shop.example"),
        claras(id_order="é" * 191, reference="x" * 191, firstname="é" * 2_000),
        with_line(id=1, qty="1.000", unit_price=25.899999999999999, variant_id="7", name="x" * 2_000),
        with_line(qty=0, unit_price=0, variant_id=0, id=-(2**63)),
        with_line(unit_price=-0.0, id=2**63 - 1),
        with_line(**dict.fromkeys(list(LINE)[2:], "")),
        with_line(**dict.fromkeys(list(LINE)[2:])),
        with_line(url="bakery.example", image_url="ftp://bakery.example"),
    ],
    ids=range(16),
)
def test_what_shops_send_every_day_is_fast(order: dict[str, Any]) -> None:
    assert is_fast(text(order))


@pytest.mark.parametrize("field", [*FULL, *LINE])
def test_what_needs_care_is_left_to_the_fallback(field: str) -> None:
    def with_field(value: object) -> bytes:
        return text(with_line(**{field: value}) if field in LINE else {**FULL, field: value})

    for value in (*ODD, 1.5):
        is_fast(with_field(value))
    for value in (*UNCLEAN, True, [{}], {}, ["x"], "x" * 2_001):
        assert not is_fast(with_field(value)), value


@pytest.mark.parametrize("field", list(FULL))
def test_an_order_without_what_it_need_not_have_is_fast(field: str) -> None:
    assert is_fast(text({name: FULL[name] for name in FULL if name != field})) == (field not in CLARAS)


@pytest.mark.parametrize(
    "piece",
    [
        *(b"", b"null", b"[]", b"{}", b'"x"', b"1e999", b'{"id_order": "\xff"}', b"{"),
        text(claras(products=[{"id": 1, "name": "Rye"}] * 1_001)),
        text(claras(id_order="x" * 192)),
        text(claras(reference="x" * 192)),
    ],
    ids=range(11),
)
def test_what_is_no_order_is_left(piece: bytes) -> None:
    assert not is_fast(piece)


def test_nesting_near_the_depth_that_can_be_read_is_read_alike() -> None:
    deep = (
        f"{json.dumps(CLARAS)[:-1]}, 'x': {'[' * n}{']' * n}}}".replace("'", '"') for n in range(50, 1_100)
    )
    assert {is_fast(piece.encode()) for piece in deep} == {False, True}


def test_an_order_leaves_its_neighbours_as_they_are() -> None:
    names = ["A", " B", "é", "", "\ud800", "C"]
    batch = parse_batch(
        text([claras(id_order=f"{n}", firstname=name) for n, name in enumerate(names)]), RULES
    )
    assert {index: order.firstname for index, order in batch.orders} == {0: "A", 1: "B", 2: "é", 5: "C"}
    assert [one.index for one in batch.refused] == [3, 4]


@settings(max_examples=400 * scale(), deadline=None)
@given(order_texts())
def test_any_order_with_something_odd_in_it_is_read_alike_or_left(piece: bytes) -> None:
    is_fast(piece)


@settings(max_examples=200 * scale(), deadline=None)
@given(ORDERS | VALUES, st.booleans())
def test_any_hostile_order_is_read_alike_or_left(value: object, is_ascii: bool) -> None:
    is_fast(json.dumps(value, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass"))


_letters = st.sampled_from("abcXYZ09 éßŁع漢👩'’,.;&<>=?!/-_")
_everyday = st.text(_letters, max_size=12) | st.integers(0, 99) | st.none()


@settings(max_examples=200 * scale(), deadline=None)
@given(
    st.dictionaries(st.sampled_from(list(FULL)[:-1]), _everyday),
    st.lists(st.dictionaries(st.sampled_from(list(LINE)), _everyday), max_size=3),
)
def test_any_order_of_everyday_values_is_read_alike_or_left(
    changes: dict[str, Any], lines: list[dict[str, Any]]
) -> None:
    is_fast(text({**FULL, **changes, "products": [{**LINE, **line} for line in lines]}))
