"""The quick way to read an order: it says what the patient one says, or nothing."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterword.domain.orders.batch import parse_batch
from afterword.domain.orders.json import decode_piece
from afterword.domain.orders.order import Order, OrderLine, parse_order
from afterword.domain.orders.plain import parse_plain_order
from tests.domain.hostile import FULL, LINE, NOT_PLAIN, ORDERS, VALUES, order_texts
from tests.domain.reading import CLARAS, PARIS
from tests.needs import scale

Maker = Callable[..., dict[str, Any]]


def assert_told_alike_or_left(piece: bytes) -> Order | None:
    plain = parse_plain_order(piece, PARIS)
    patient = parse_order(decode_piece(piece), PARIS)
    if plain is not None:
        assert isinstance(patient, Order)
        # As MessagePack, so that 1, 1.0 and True are not the same.
        assert msgspec.msgpack.encode(plain) == msgspec.msgpack.encode(patient)
        assert parse_plain_order(msgspec.Raw(piece), PARIS) == plain
    return plain


def text(value: object) -> bytes:
    return json.dumps(value).encode()


def with_line(**fields: object) -> dict[str, Any]:
    return {**CLARAS, "products": [{**LINE, **fields}]}


def assert_plain(piece: bytes) -> None:
    assert assert_told_alike_or_left(piece) is not None


def assert_left(piece: bytes) -> None:
    assert parse_plain_order(piece, PARIS) is None


def test_the_published_example_is_plain(published: dict[str, Any]) -> None:
    assert_plain(text(published))
    published["products"][0]["url"] = ""
    assert_plain(text(published))


def test_an_order_with_all_there_is_is_plain() -> None:
    assert list(LINE) == list(OrderLine.__struct_fields__)
    assert set(FULL) == {*Order.__struct_fields__, "products"} - {"lines"}
    assert_plain(text(FULL))


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
def test_how_the_text_is_written_makes_no_order_less_plain(piece: bytes) -> None:
    assert_plain(piece)


@pytest.mark.parametrize(
    "order",
    [
        CLARAS,
        {**CLARAS, "products": []},
        {**CLARAS, "products": None},
        {**CLARAS, "reference": "", "phone": "", "store_id": ""},
        {**CLARAS, "reference": None, "phone": None, "store_id": None},
        {**CLARAS, "firstname": "Łukasz 👩", "lastname": "Nguyễn می", "phone": "AT&T"},
        {**CLARAS, "order_date": "2026-03-01T14:05:26Z"},
        {**CLARAS, "email": "clara.nunez+bakery@mail.shop.example"},
        {**CLARAS, "id_order": "é" * 191, "firstname": "é" * 2_000},
        with_line(id=1, qty="1.000", unit_price=25.899999999999999, variant_id="7"),
        with_line(qty=0, unit_price=0, variant_id=0, id=-(2**63)),
        with_line(unit_price=-0.0, id=2**63 - 1),
        with_line(**dict.fromkeys(list(LINE)[2:], "")),
        with_line(**dict.fromkeys(list(LINE)[2:])),
        with_line(url="bakery.example", image_url="ftp://bakery.example"),
    ],
    ids=range(15),
)
def test_what_shops_write_every_day_is_plain(order: dict[str, Any]) -> None:
    assert_plain(text(order))


@pytest.mark.parametrize("value", [*NOT_PLAIN, True, [], {}, 1.5, ["x"]])
@pytest.mark.parametrize("field", ["id_order", "reference", "firstname", "lastname", "phone"])
def test_a_text_that_needs_any_care_is_left_to_the_patient_reader(field: str, value: object) -> None:
    assert_left(text({**CLARAS, field: value}))


@pytest.mark.parametrize("value", NOT_PLAIN)
@pytest.mark.parametrize("field", ["name", "category_id", "category_name", "mpn", "ean13", "sku", "upc"])
def test_so_is_such_a_text_of_a_product(field: str, value: object) -> None:
    assert_left(text(with_line(**{field: value})))


@pytest.mark.parametrize("email", ["clara", "clara@mail", "clara@xn--caf-dma.example", "zoë@café.example"])
def test_an_address_that_only_the_library_can_judge_is_left(email: str) -> None:
    assert_left(text({**CLARAS, "email": email}))


@pytest.mark.parametrize("field", ["id_order", "reference"])
def test_a_key_too_long_is_left(field: str) -> None:
    assert_plain(text({**FULL, field: "x" * 191}))
    assert_left(text({**FULL, field: "x" * 192}))


@pytest.mark.parametrize("field", ["firstname", "lastname", "phone"])
def test_a_text_too_long_is_left(field: str) -> None:
    assert_plain(text({**FULL, field: "é" * 2_000}))
    assert_left(text({**FULL, field: "é" * 2_001}))


@pytest.mark.parametrize(
    "field", ["name", "category_id", "category_name", "mpn", "ean13", "sku", "upc", "url"]
)
def test_a_text_of_a_product_too_long_is_left(field: str) -> None:
    assert_plain(text(with_line(**{field: "x" * 2_000})))
    assert_left(text(with_line(**{field: "x" * 2_001})))


def test_more_lines_than_an_order_has_are_left() -> None:
    rye = {"id": 1, "name": "Rye"}
    assert_plain(text({**CLARAS, "products": [rye] * 1_000}))
    assert_left(text({**CLARAS, "products": [rye] * 1_001}))


@pytest.mark.parametrize("field", list(CLARAS))
@pytest.mark.parametrize("nothing", [None, "", False, "0000-00-00 00:00:00"])
def test_an_order_that_lacks_something_is_left(field: str, nothing: object) -> None:
    lacking = {**CLARAS, field: nothing}
    assert_told_alike_or_left(text(lacking))
    if nothing != "0000-00-00 00:00:00" or field == "order_date":
        assert_left(text(lacking))
    assert_left(text({name: value for name, value in CLARAS.items() if name != field}))


def test_a_number_that_its_field_does_not_take_is_left() -> None:
    for value in (2**63, -(2**63) - 1, 2**64, 10**400, "9" * 200, "-1", 1.0, "1e2", True, "x"):
        assert_left(text(with_line(id=value)))
        assert_left(text(with_line(variant_id=value)))
        assert_left(text({**CLARAS, "store_id": value}))
    for value in (-1, "-1", 2**63, "x", True):
        assert_left(text(with_line(qty=value)))
        assert_left(text(with_line(unit_price=value)))


@pytest.mark.parametrize(
    "piece", [b"", b"null", b"[]", b"{}", b'"x"', b"1e999", b'{"id_order": "\xff"}', b"{"]
)
def test_what_is_no_order_is_left(piece: bytes) -> None:
    assert_left(piece)


def test_nesting_near_the_depth_that_can_be_read_is_told_alike() -> None:
    told = set()
    for depth in range(50, 1_100):
        deep = f"{'[' * depth}{']' * depth}"
        told.add(assert_told_alike_or_left(f'{json.dumps(CLARAS)[:-1]}, "x": {deep}}}'.encode()) is None)
    assert told == {False, True}


def test_an_accented_name_or_a_bad_order_leaves_its_neighbours_as_they_are(claras: Maker) -> None:
    names = ["A", " B", "é", "", "\ud800", "C"]
    orders = [claras(id_order=f"{n}", firstname=name) for n, name in enumerate(names)]
    batch = parse_batch(text(orders), PARIS)
    kept = {index: order.firstname for index, order in batch.orders}
    assert kept == {0: "A", 1: "B", 2: "é", 5: "C"}
    assert [one.index for one in batch.refused] == [3, 4]


@settings(max_examples=400 * scale(), deadline=None)
@given(order_texts())
def test_any_order_with_something_odd_in_it_is_told_alike_or_left(piece: bytes) -> None:
    assert_told_alike_or_left(piece)


@settings(max_examples=200 * scale(), deadline=None)
@given(ORDERS | VALUES, st.booleans())
def test_any_hostile_order_is_told_alike_or_left(value: object, is_ascii: bool) -> None:
    assert_told_alike_or_left(json.dumps(value, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass"))


_good_letters = st.sampled_from("abcXYZ09 éßŁع漢👩'’,.;&<>=?!/-_")
_good_text = st.text(_good_letters, max_size=12)


@settings(max_examples=200 * scale(), deadline=None)
@given(
    st.dictionaries(st.sampled_from(list(FULL)[:-1]), _good_text | st.integers(0, 9) | st.none()),
    st.lists(
        st.dictionaries(st.sampled_from(list(LINE)), _good_text | st.integers(0, 99) | st.none()), max_size=3
    ),
)
def test_any_order_of_everyday_values_is_told_alike_or_left(
    changes: dict[str, Any], lines: list[dict[str, Any]]
) -> None:
    order = {**FULL, **changes, "products": [{**LINE, **line} for line in lines]}
    assert_told_alike_or_left(text(order))
