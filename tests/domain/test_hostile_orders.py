"""What must hold of any order and any batch, whatever a shop sends."""

import json
import unicodedata
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterword.domain.batches import Batch, BatchError, Stored, answer, parse_batch, parse_slices
from afterword.domain.orders import Order, OrderLine, decode_lines, parse_order
from tests.domain.reading import CLARAS, PARIS, whole

_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=[]), max_size=9)
    | st.sampled_from(
        ["", "0", "25.90", "clara@mail.example", "2026-03-01 14:05:26", "&amp;", "e\u0301", "\ud800", 2**63]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["0", "1", "id", "name", "qty"]), inner, max_size=4)
    ),
    max_leaves=6,
)
_order_keys = st.sampled_from([*CLARAS, "reference", "phone", "store_id"])
_line_keys = st.sampled_from(OrderLine.__struct_fields__)
_lines = st.lists(
    st.dictionaries(_line_keys, _values).map(lambda extra: {"id": 1, "name": "Rye", **extra}), max_size=3
)
_orders = st.builds(
    lambda changes, lines: CLARAS | {"products": lines} | changes,
    st.dictionaries(_order_keys, _values, max_size=3),
    _lines,
)


def assert_writable(kept: object) -> None:
    if isinstance(kept, str):
        kept.encode("utf-8")
        assert kept == kept.strip() != ""
        assert len(kept) <= 2_000
        assert unicodedata.is_normalized("NFC", kept)
        assert not {unicodedata.category(c) for c in kept} & {"Cc", "Cs", "Zl", "Zp"}


@settings(max_examples=400)
@given(_orders)
def test_any_order_is_either_writable_or_told_what_is_wrong(value: dict[str, Any]) -> None:
    parsed = parse_order(value, PARIS)
    if not isinstance(parsed, Order):
        assert parsed
        assert all(error.expected is None or error.expected for error in parsed)
        return
    lines = decode_lines(parsed.lines)
    assert len(lines) <= 1_000
    for kept in (
        *msgspec.structs.astuple(parsed),
        *(v for line in lines for v in msgspec.structs.astuple(line)),
    ):
        assert_writable(kept)
    assert all(line.qty is None or line.qty >= 0 for line in lines)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(parsed), type=Order) == parsed
    again = {**msgspec.structs.asdict(parsed), "products": msgspec.to_builtins(list(lines))}
    assert "&" in repr(again) or parse_order(again, PARIS) == parsed


@settings(max_examples=200)
@given(st.lists(_orders | _values, max_size=4).filter(lambda orders: "Infinity" not in repr(orders)))
def test_any_batch_reads_the_same_whole_in_slices_and_with_digit_keys(orders: list[object]) -> None:
    sent = json.dumps(orders).encode()
    if b"NaN" in sent or b"Infinity" in sent:
        return
    batch = parse_batch(sent, PARIS)
    assert batch.count == len(orders) == len(batch.orders) + len(batch.refused)
    assert whole(sent) == batch
    assert parse_batch(json.dumps(dict(enumerate(orders))), PARIS) == batch
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(batch), type=Batch) == batch
    for index, order in batch.orders:
        assert parse_batch(json.dumps([orders[index]]), PARIS).orders == [(0, order)]
    told = json.loads(answer(batch, Stored(0, [0] * len(batch.orders)), details=True))
    assert [one["index"] for one in told["orders"]] == list(range(len(orders)))


@settings(max_examples=300)
@given(st.binary(max_size=40) | st.text('[]{},:"\\ud80aNI-e1. \n', max_size=40).map(str.encode))
def test_any_bytes_are_a_batch_or_told_what_they_are_not(body: bytes) -> None:
    try:
        batch = parse_batch(body, PARIS)
    except BatchError as refused:
        with pytest.raises(BatchError) as again:
            parse_slices(body, PARIS)
        assert str(again.value) == str(refused)
    else:
        assert whole(body) == batch
