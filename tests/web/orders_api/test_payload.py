"""Bodies as programs really send them: what is read out of each, and what the others are told."""

import json
from codecs import BOM_UTF8
from urllib.parse import urlencode

import pytest

from afterword.web.forms import JSON, URLENCODED, MalformedBody, UnknownMediaType, check_coding
from afterword.web.orders_api.payload import Payload, read_payload
from tests.domain.reading import CLARAS

ORDERS = json.dumps([CLARAS]).encode()
BODY = json.dumps({"api_key": "7/fr/00", "orders": [CLARAS]}).encode()
PAYLOAD = Payload("7/fr/00", ORDERS)


def of_json(body: bytes) -> Payload:
    return read_payload(JSON, JSON.encode(), body)


def of_form(**fields: str | bytes) -> Payload:
    return read_payload(URLENCODED, URLENCODED.encode(), urlencode(fields).encode())


def in_text(text: bytes) -> bytes:
    """The text as a JSON string."""
    return json.dumps(text.decode()).encode()


def test_a_byte_order_mark_is_passed_over() -> None:
    assert of_json(BOM_UTF8 + BODY) == of_json(BODY) == PAYLOAD
    assert of_form(api_key="7/fr/00", orders=BOM_UTF8 + ORDERS) == PAYLOAD


@pytest.mark.parametrize("before", [b"", b" \r\n\t", BOM_UTF8, BOM_UTF8 + b"\n"])
def test_json_that_is_labelled_as_a_form_is_read_as_json(before: bytes) -> None:
    assert read_payload(URLENCODED, URLENCODED.encode(), before + BODY) == PAYLOAD
    assert read_payload(URLENCODED, URLENCODED.encode(), before + ORDERS).orders.strip() == ORDERS


@pytest.mark.parametrize("body", [ORDERS, json.dumps(CLARAS).encode(), b"[]"])
def test_orders_may_be_the_whole_body_when_the_key_is_in_the_header(body: bytes) -> None:
    assert of_json(body) == Payload("", body)


@pytest.mark.parametrize("times", [0, 1, 2])
def test_orders_may_be_json_text_of_json_text(times: int) -> None:
    orders = ORDERS
    for _ in range(times):
        orders = in_text(orders)
    assert of_json(b'{"api_key": "7/fr/00", "orders": %b}' % orders) == PAYLOAD
    assert of_form(api_key="7/fr/00", orders=orders) == PAYLOAD


def test_text_of_text_of_text_is_no_list_of_orders() -> None:
    assert of_form(orders=in_text(in_text(in_text(b"x" * 10)))).orders.startswith(b'"')


def test_fields_as_php_nests_them_are_told_that_orders_is_json_text() -> None:
    with pytest.raises(MalformedBody, match=r"^orders is JSON text in one field, not fields such as orders"):
        of_form(api_key="7/fr/00", **{"orders[0][id_order]": "A-1", "orders[0][email]": "clara@mail.example"})


@pytest.mark.parametrize("body", [b"5", b"null", b'"text"'])
def test_json_that_is_neither_object_nor_array_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody, match=r"^the body is not a JSON object$"):
        of_json(body)


@pytest.mark.parametrize("coding", [b"gzip", b"deflate, gzip", b"br", b" GZIP "])
def test_a_compressed_body_is_refused_by_the_name_of_its_coding(coding: bytes) -> None:
    with pytest.raises(UnknownMediaType, match=coding.strip().lower().decode()):
        check_coding(coding)
    for none in (b"", b"identity", b" Identity "):
        check_coding(none)
