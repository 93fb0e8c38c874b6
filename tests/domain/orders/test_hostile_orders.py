"""What must hold of any order and any batch, whatever a shop sends."""

import json
import unicodedata
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterword.domain.orders.batch import Batch, BatchError, parse_batch, parse_slices
from afterword.domain.orders.order import Order, decode_lines, parse_order
from tests.domain.hostile import ORDERS, VALUES
from tests.domain.reading import RULES, whole


def assert_writable(kept: object) -> None:
    if isinstance(kept, str):
        kept.encode("utf-8")
        assert kept == kept.strip() != ""
        assert len(kept) <= 2_000
        assert unicodedata.is_normalized("NFC", kept)
        assert not {unicodedata.category(c) for c in kept} & {"Cc", "Cs", "Zl", "Zp"}


@settings(max_examples=400)
@given(ORDERS)
def test_any_order_is_writable_or_its_errors_are_named(value: dict[str, Any]) -> None:
    parsed, errors, ignored = parse_order(value, RULES)
    assert all(error.expected is None or error.expected for error in (*errors, *ignored))
    assert bool(errors) == (parsed is None)
    if parsed is None:
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
    assert "&" in repr(again) or parse_order(again, RULES) == (parsed, [], [])


@settings(max_examples=200)
@given(st.lists(ORDERS | VALUES, max_size=4).filter(lambda orders: "Infinity" not in repr(orders)))
def test_any_batch_reads_the_same_whole_in_slices_and_with_digit_keys(orders: list[object]) -> None:
    sent = json.dumps(orders).encode()
    if b"NaN" in sent or b"Infinity" in sent:
        return
    batch = parse_batch(sent, RULES)
    assert batch.count == len(orders) == len(batch.orders) + len(batch.refused)
    assert whole(sent) == batch
    assert parse_batch(json.dumps(dict(enumerate(orders))).encode(), RULES) == batch
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(batch), type=Batch) == batch
    for index, order in batch.orders:
        assert parse_batch(json.dumps([orders[index]]).encode(), RULES).orders == [(0, order)]


@settings(max_examples=300)
@given(st.binary(max_size=40) | st.text('[]{},:"\\ud80aNI-e1. \n', max_size=40).map(str.encode))
def test_any_bytes_are_a_batch_or_an_error_says_why(body: bytes) -> None:
    try:
        batch = parse_batch(body, RULES)
    except BatchError as refused:
        with pytest.raises(BatchError) as again:
            parse_slices(body, RULES)
        assert str(again.value) == str(refused)
    else:
        assert whole(body) == batch
