"""One order: its fields, their tolerances, and what is wrong with it (docs/orders-api.md, "The order").

`fast` reads most orders before they come here, by the same readers and limits.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from afterword.domain.orders.fields import (
    LONGEST_KEY,
    LONGEST_TEXT,
    UnfitError,
    read_date,
    read_email,
    read_integer,
    read_key,
    read_label,
    read_name,
    read_price,
    read_product_name,
    read_quantity,
    read_text,
    read_web_address,
)

MOST_LINES = 1_000


class OrderLine(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One product of an order. `unit_price` is an exact decimal as text, in the shop's own currency."""

    id: int
    name: str
    category_id: str | None = None
    category_name: str | None = None
    qty: int | None = None
    unit_price: str | None = None
    mpn: str | None = None
    ean13: str | None = None
    sku: str | None = None
    upc: str | None = None
    url: str | None = None
    image_url: str | None = None
    variant_id: int | None = None


class Order(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An order that can be imported: every text is clean, trimmed and within its length.

    `order_date` is `YYYY-MM-DD HH:MM:SS` in the shop's local time. `lines` is the order's lines as JSON text,
    an array of `OrderLine`, as it is stored. `lang` is not here: it is the key's.
    """

    id_order: str
    reference: str | None
    order_date: str
    firstname: str
    lastname: str
    email: str
    phone: str | None
    store_id: int | None
    lines: str


class FieldError(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What is wrong at one place of an order; it repeats nothing that the shop sent.

    `field` is the path inside the order, such as `products[0].name`, or empty for the order itself.
    `expected` completes `orders[3].email (…)`; None when the field is missing.
    """

    field: str
    expected: str | None


Field = tuple[str, Callable[[Any], object], bool, int]
"""A field's name, its reader, whether it is mandatory, and the most characters of a clean text that its reader would
only trim (0 where it does more)."""

_LINE_FIELDS: tuple[Field, ...] = (
    ("id", read_integer, True, 0),
    ("name", read_product_name, True, LONGEST_TEXT),
    ("category_id", read_label, False, LONGEST_TEXT),
    ("category_name", read_product_name, False, LONGEST_TEXT),
    ("qty", read_quantity, False, 0),
    ("unit_price", read_price, False, 0),
    ("mpn", read_label, False, LONGEST_TEXT),
    ("ean13", read_label, False, LONGEST_TEXT),
    ("sku", read_label, False, LONGEST_TEXT),
    ("upc", read_label, False, LONGEST_TEXT),
    ("url", read_web_address, False, 0),
    ("image_url", read_web_address, False, 0),
    ("variant_id", read_integer, False, 0),
)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(tuple[OrderLine, ...]).decode


@lru_cache(maxsize=1_000)
def _order_fields(zone: ZoneInfo) -> tuple[Field, ...]:
    return (
        ("id_order", read_key, True, LONGEST_KEY),
        ("reference", read_key, False, LONGEST_KEY),
        ("order_date", partial(read_date, zone=zone), True, 0),
        ("firstname", read_name, True, LONGEST_TEXT),
        ("lastname", read_name, True, LONGEST_TEXT),
        ("email", read_email, True, 0),
        ("phone", read_text, False, LONGEST_TEXT),
        ("store_id", read_integer, False, 0),
    )


def parse_order(value: object, zone: ZoneInfo) -> Order | list[FieldError]:
    """The order, or everything that is wrong with it. Takes any JSON value and raises nothing.

    `zone` is the shop's, for an `order_date` that comes with an offset.
    """
    if type(value) is not dict:
        return [FieldError("", "not an object")]
    values, errors = _read(value, _order_fields(zone))
    lines = _read_lines(value.get("products"), errors)
    if errors:
        return errors
    values.append(encode_lines(lines))
    return Order(*values)


def _read(given: dict[str, object], fields: tuple[Field, ...]) -> tuple[list[Any], list[FieldError]]:
    """The value of each field, in order, and what is wrong.

    null, `false` and `""` mean none everywhere: in a mandatory field, that it is missing. A field that is
    there twice counts as it was sent last, as JSON readers have it.
    """
    values: list[Any] = []
    errors: list[FieldError] = []
    get = given.get
    for name, read, mandatory, longest in fields:
        value = get(name)
        if (
            type(value) is str
            and value
            and len(value) <= longest
            and value.isascii()
            and value.isprintable()
            and "&" not in value
        ):
            value = value.strip() or None
        elif value is None or value is False or value == "":
            value = None
        else:
            try:
                value = read(value)
            except UnfitError as wrong:
                errors.append(FieldError(name, str(wrong)))
                continue
        if value is None and mandatory:
            errors.append(FieldError(name, None))
        values.append(value)
    return values, errors


def _read_lines(products: object, errors: list[FieldError]) -> list[OrderLine]:
    try:
        taken = _list(products)
    except UnfitError as wrong:
        errors.append(FieldError("products", str(wrong)))
        return []
    lines: list[OrderLine] = []
    for index, product in enumerate(taken):
        if product is None or product == {} or product == []:
            continue
        if type(product) is not dict:
            errors.append(FieldError(f"products[{index}]", "not an object"))
            continue
        values, wrong_fields = _read(product, _LINE_FIELDS)
        if wrong_fields:
            errors += [FieldError(f"products[{index}].{e.field}", e.expected) for e in wrong_fields]
        else:
            lines.append(OrderLine(*values))
    return lines


def _list(products: object) -> list[object]:
    """The products as taken; their places count from 0 in it, empty elements included."""
    if products is None or products is False or products == "" or products == {}:
        return []
    if type(products) is dict:
        products = list(products.values()) if has_digit_keys(products) else [products]
    if type(products) is not list:
        raise UnfitError("not an array")
    if len(products) > MOST_LINES and sum(p not in (None, {}, []) for p in products) > MOST_LINES:
        raise UnfitError(f"more than {MOST_LINES:,} products")
    return products


def has_digit_keys(members: Iterable[str]) -> bool:
    """Whether the object is an array as PHP's json_encode writes one with holes: `{"0": …, "2": …}`."""
    return all(key.isascii() and key.isdecimal() for key in members)


def read_id_order(value: object) -> str | None:
    """The `id_order` of an order that is refused, to name it by, when that at least can be read."""
    try:
        return read_key(value.get("id_order")) if type(value) is dict else None
    except UnfitError:
        return None


def encode_lines(lines: list[OrderLine]) -> str:
    """The lines of an order as they are stored (`Order.lines`): of each only what it has."""
    return _encode(lines).decode()


def decode_lines(text: str) -> tuple[OrderLine, ...]:
    """The lines of a stored order (`Order.lines`). Raises msgspec.DecodeError for any other text."""
    return _decode(text)
