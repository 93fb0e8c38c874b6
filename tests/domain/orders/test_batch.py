import msgspec
import pytest

from afterword.domain.orders.batch import (
    MOST_SCANT,
    Batch,
    BatchError,
    RefusedOrder,
    parse_batch,
    parse_slices,
)
from afterword.domain.orders.json import NotJsonError, decode
from afterword.domain.orders.order import FieldError
from tests.domain.reading import CLARAS, RULES, claras, text, whole


def ids(batch: Batch) -> list[tuple[int, str]]:
    return [(index, order.id_order) for index, order in batch.orders]


def test_each_order_of_an_array_stands_alone() -> None:
    sent = [claras(id_order="A-1"), claras(id_order="A-2", email="clara"), claras(id_order="A-3"), 7]
    batch = parse_batch(text(sent), RULES)
    assert batch.count == 4
    assert ids(batch) == [(0, "A-1"), (2, "A-3")]
    assert batch.refused == [
        RefusedOrder(1, "A-2", None, [FieldError("email", "not an e-mail address")]),
        RefusedOrder(3, None, None, [FieldError("", "not an object")]),
    ]


def test_an_array_with_holes_is_the_array_of_its_values() -> None:
    sent = [claras(id_order="A-1"), claras(id_order="A-2")]
    assert parse_batch(text({"0": sent[0], "2": sent[1]}), RULES) == parse_batch(text(sent), RULES)
    assert whole(text({"0": sent[0], "2": sent[1]})) == whole(text(sent))


def test_one_order_alone_is_a_batch_of_one() -> None:
    for batch in (parse_batch(text(claras()), RULES), whole(text(claras()))):
        assert (batch.count, ids(batch)) == (1, [(0, "A-1")])


@pytest.mark.parametrize("nothing", [b"[]", b"{}", b" [ ] "])
def test_an_empty_array_is_a_batch_of_none(nothing: bytes) -> None:
    assert parse_batch(nothing, RULES) == Batch(0, [], [])
    assert list(parse_slices(nothing, RULES)) == []


@pytest.mark.parametrize(
    ("orders", "sentence"),
    [
        (b"", "orders is missing"),
        (b" \n", "orders is missing"),
        (b"null", "orders is missing"),
        (b"5", "orders is not an array"),
        (b'"text"', "orders is not an array"),
        (b'""', "orders is not an array"),
        (b'"\\ud800"', "orders is not an array"),
        (b"true", "orders is not an array"),
        (b'{"a": 1}', "orders is not an array: an object needs an id_order, or only digits as keys"),
        (b"orders", "orders is not JSON: expecting value (byte 0)"),
        (b"[1, 2", "orders is not JSON: expecting ',' delimiter (byte 5)"),
        (b"[1 2]", "orders is not JSON: expecting ',' delimiter (byte 3)"),
        (b"[] x", "orders is not JSON: extra data (byte 3)"),
        (b'["\xc3\xa9\xc3\xa9", x]', "orders is not JSON: expecting value (byte 9)"),
        (b'["\\ud800", x]', "orders is not JSON: expecting value (byte 11)"),
        (b'["\xff", x]', "orders is not JSON: expecting value (byte 6)"),
        (b'{"0": 1, 5: 2}', "orders is not JSON: expecting property name enclosed in double quotes (byte 9)"),
        (b'{"0": 1, "1" 2}', "orders is not JSON: expecting ':' delimiter (byte 13)"),
        (b"[1, NaN]", "orders is not JSON: NaN is not a number in JSON (byte 4)"),
        (b'["NaN", {"a": -Infinity}]', "orders is not JSON: -Infinity is not a number in JSON (byte 14)"),
        (b'["[[\\"[[NaN", [Infinity]]', "orders is not JSON: Infinity is not a number in JSON (byte 15)"),
        (b"[" * 200_000, "orders is not JSON: nested more than 100 levels deep (byte 101)"),
        (b'[{"a":' * 100_000, "orders is not JSON: nested more than 100 levels deep (byte 301)"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_the_error_says_where_the_text_is_no_array_of_orders(orders: bytes, sentence: str) -> None:
    with pytest.raises(BatchError) as from_batch:
        parse_batch(orders, RULES)
    with pytest.raises(BatchError) as from_slices:
        parse_slices(orders, RULES)
    assert str(from_batch.value) == str(from_slices.value) == sentence


BAD_ORDERS = [
    b'{"id_order": "\\ud800"}',
    b'{"id_order": "A-2", "firstname": "\\udfff\\ud800"}',
    b'{"id_order": "\xff\xfe"}',
    b'{"firstname": "\xed\xa0\x80"}',
    b'{"\xff": 1}',
    b'{"id_order": "A\\u0000"}',
    b'{"products": [{"unit_price": 1e999999}]}',
    b'{"id_order": ' + b"9" * 5_000 + b"}",
    b"1e999999",
    b"-" + b"9" * 5_000,
    b'"\\ud800"',
    b"[]",
    b"null",
]


@pytest.mark.parametrize("bad", BAD_ORDERS, ids=lambda value: repr(value)[:40])
def test_a_bad_order_leaves_its_neighbours_alone(bad: bytes) -> None:
    before, after = text(claras(id_order="A-1")), text(claras(id_order="A-3"))
    for orders in (
        b"[" + before + b",\n" + bad + b" , " + after + b"]",
        b'{"0": ' + before + b', "5": ' + bad + b', "7" : ' + after + b"}",
    ):
        batch = parse_batch(orders, RULES)
        assert ids(batch) == [(0, "A-1"), (2, "A-3")]
        assert [refused.index for refused in batch.refused] == [1]
        assert whole(orders) == batch
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(batch), type=Batch) == batch


def test_the_error_of_a_bad_order_names_the_field() -> None:
    batch = parse_batch(text([CLARAS]).replace(b'"Clara"', b'"\\ud800"'), RULES)
    assert batch.refused == [
        RefusedOrder(
            0, "A-1", None, [FieldError("firstname", "not text: it has a NUL or an incomplete character")]
        )
    ]


def test_a_slice_counts_its_orders_in_the_whole_array() -> None:
    sent = text([claras(id_order=n, email="clara@mail.example" if n % 3 else "clara") for n in range(10)])
    slices = list(parse_slices(sent, RULES, 4))
    assert [one.count for one in slices] == [4, 4, 2]
    assert [r.index for one in slices for r in one.refused] == [0, 3, 6, 9]
    assert whole(sent, 4) == parse_batch(sent, RULES)


def test_a_shop_whose_orders_are_seldom_fast_has_them_all_read() -> None:
    sent = [claras(id_order=n if n < 60 or n % 9 else f"A-{n}") for n in range(120)]
    assert ids(parse_batch(text(sent), RULES)) == [(n, str(one["id_order"])) for n, one in enumerate(sent)]


def test_a_slice_of_large_orders_ends_early() -> None:
    sent = text([claras(id_order=n, unknown="x" * 600_000) for n in range(5)])
    assert [one.count for one in parse_slices(sent, RULES, 1_000)] == [2, 2, 1]


def test_unlisted_elements_make_no_slices_of_their_own() -> None:
    """Guarantee 11: of half a million zeros there were two thousand slices, each a write."""
    rest = 100_000
    sent = f"[{'0,' * (MOST_SCANT + rest)}{text([CLARAS]).decode()[1:-1]}]".encode()
    slices = list(parse_slices(sent, RULES, 250))
    assert [one.count for one in slices] == [250] * (MOST_SCANT // 250) + [rest + 1]
    assert ids(slices[-1]) == [(MOST_SCANT + rest, "A-1")]


def test_a_lone_surrogate_costs_no_recursion_and_no_order_of_a_large_batch() -> None:
    sent = text([claras(id_order=n) for n in range(3_000)]).replace(b'"Clara"', b'"\\ud800"', 1)
    batch = whole(sent, 500)
    assert (batch.count, len(batch.orders), len(batch.refused)) == (3_000, 2_999, 1)


@pytest.mark.parametrize("body", [b'{"a": "\\ud800"}', b'["\xff"]', b"[1e999]", b"[" + b"9" * 5_000 + b"]"])
def test_the_fallback_reads_what_msgspec_refuses(body: bytes) -> None:
    assert isinstance(decode(body), dict | list)


def test_a_body_that_is_not_json_names_the_byte() -> None:
    with pytest.raises(NotJsonError, match=r"\(byte 12\)$"):
        decode('{"a": "é", b}'.encode())
