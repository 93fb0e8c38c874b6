"""One order: its fields, their tolerances, and what is wrong with it (docs/orders-api.md, "The order").

`fast` reads most orders before they come here, by the same readers and limits.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from afterword.domain.orders.dates import read_date
from afterword.domain.orders.fields import (
    LONGEST_KEY,
    LONGEST_TEXT,
    UnfitError,
    read_email,
    read_id,
    read_key,
    read_label,
    read_name,
    read_price,
    read_product_id,
    read_product_name,
    read_quantity,
    read_reference,
    read_web_address,
)
from afterword.domain.orders.json import NotJsonError, decode

MOST_LINES = 1_000


class OrderLine(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One product of an order. `unit_price` is an exact decimal as text, in the shop's own currency. An `id` in
    digits is an integer."""

    id: int | str
    name: str
    category_id: str | None = None
    category_name: str | None = None
    qty: int | float | None = None
    unit_price: str | None = None
    mpn: str | None = None
    ean13: str | None = None
    sku: str | None = None
    upc: str | None = None
    url: str | None = None
    image_url: str | None = None
    variant_id: int | str | None = None


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
    store_id: str | None
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
    ("id", read_product_id, True, 0),
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
    ("variant_id", read_id, False, 0),
)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(tuple[OrderLine, ...]).decode


@lru_cache(maxsize=1_000)
def _order_fields(zone: ZoneInfo, is_tolerant: bool) -> tuple[Field, ...]:
    return (
        ("id_order", read_key, True, LONGEST_KEY),
        ("reference", read_reference, False, 0),
        ("order_date", partial(read_date, zone=zone), True, 0),
        ("firstname", read_name, not is_tolerant, LONGEST_TEXT),
        ("lastname", read_name, not is_tolerant, LONGEST_TEXT),
        ("email", read_email, True, 0),
        ("phone", read_label, False, LONGEST_TEXT),
        ("store_id", read_key, False, LONGEST_KEY),
    )


_NAMES = frozenset({name for name, *_ in _order_fields(ZoneInfo("UTC"), False)} | {"products"})


class Rules(NamedTuple):
    """How a shop's orders are read: the zone of an `order_date`, and whether the shop chose tolerant orders."""

    zone: ZoneInfo
    is_tolerant: bool = False


class ParsedOrder(NamedTuple):
    """An order, or what is wrong with it, and the optional fields that could not be read and so count as none."""

    order: Order | None
    errors: list[FieldError]
    ignored: list[FieldError]


def parse_order(value: object, rules: Rules) -> ParsedOrder:
    """Takes any JSON value and raises nothing."""
    if type(value) is not dict:
        return _NO_OBJECT
    if _NAMES.isdisjoint(value):
        return _without_fields(rules)
    return _parse(value, rules)


_NO_OBJECT = ParsedOrder(None, [FieldError("", "not an object")], [])


@lru_cache(maxsize=1_000)
def _without_fields(rules: Rules) -> ParsedOrder:
    """What is said of `{}`: of thousands of objects without any field of an order, each is read in no time."""
    return _parse({}, rules)


def _parse(value: dict[str, object], rules: Rules) -> ParsedOrder:
    parsed = ParsedOrder(None, [], [])
    values = _read(value, _order_fields(*rules), parsed)
    lines = _read_lines(value.get("products"), rules, parsed)
    if parsed.errors:
        return parsed
    id_order, reference, order_date, firstname, lastname, *others = values
    values = [id_order, reference, order_date, firstname or "", lastname or "", *others, encode_lines(lines)]
    return parsed._replace(order=Order(*values))


def _read(
    given: dict[str, object], fields: tuple[Field, ...], parsed: ParsedOrder, at: str = ""
) -> list[Any]:
    """The value of each field, in order; what is wrong goes to `parsed`.

    null, `false` and `""` mean none everywhere: in a mandatory field, that it is missing. An optional field that
    cannot be read counts as none. A field that is there twice counts as it was sent last, as JSON readers have it.
    """
    values: list[Any] = []
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
            and "<" not in value
        ):
            value = value.strip() or None
        elif value is None or value is False or value == "":
            value = None
        else:
            try:
                value = read(value)
            except UnfitError as wrong:
                (parsed.errors if mandatory else parsed.ignored).append(FieldError(at + name, str(wrong)))
                mandatory = False
                value = None
        if value is None and mandatory:
            parsed.errors.append(FieldError(at + name, None))
        values.append(value)
    return values


def _read_lines(products: object, rules: Rules, parsed: ParsedOrder) -> list[OrderLine]:
    try:
        taken = _list(products)
    except UnfitError as wrong:
        parsed.ignored.append(FieldError("products", str(wrong)))
        return []
    if sum(product not in _EMPTY for product in taken) > MOST_LINES:
        parsed.errors.append(FieldError("products", f"more than {MOST_LINES:,} products"))
        return []
    lines = [
        _read_line(product, f"products[{index}]", rules, parsed)
        for index, product in enumerate(taken)
        if product not in _EMPTY
    ]
    return [line for line in lines if line is not None]


def _read_line(product: object, at: str, rules: Rules, parsed: ParsedOrder) -> OrderLine | None:
    """One product; what refuses the order of another shop only leaves this line out for a tolerant one."""
    found = ParsedOrder(None, [], [])
    if type(product) is dict:
        values = _read(product, _LINE_FIELDS, found, f"{at}.")
    else:
        found.errors.append(FieldError(at, "not an object"))
    if found.errors:
        (parsed.ignored if rules.is_tolerant else parsed.errors).extend(found.errors)
        return None
    parsed.ignored.extend(found.ignored)
    return OrderLine(*values)


_EMPTY: tuple[object, ...] = (None, {}, [])
"""Elements that are no product, and are passed over."""


def _list(products: object) -> list[object]:
    """The products as taken, whatever holds them; their places count from 0 in it, empty elements included."""
    if type(products) is str and products.strip():
        try:
            products = decode(products.encode("utf-8", "surrogatepass"))
        except NotJsonError:
            raise UnfitError("not an array") from None
    if products is None or products is False or products == "" or products == {}:
        return []
    if type(products) is dict:
        products = list(products.values()) if has_digit_keys(products) else [products]
    if type(products) is not list:
        raise UnfitError("not an array")
    return products


def has_digit_keys(members: Iterable[str]) -> bool:
    """Whether the object is an array as PHP's json_encode writes one with holes: `{"0": …, "2": …}`."""
    return all(key.isascii() and key.isdecimal() for key in members)


def read_keys(value: object) -> tuple[str | None, str | None]:
    """The `id_order` and `reference` of an order that is refused, to name it by, where they can be read."""
    given = value if type(value) is dict else {}
    return _key(given.get("id_order"), read_key), _key(given.get("reference"), read_reference)


def _key(value: object, read: Callable[[object], str | None]) -> str | None:
    try:
        return None if value is None or value is False else read(value)
    except UnfitError:
        return None


def encode_lines(lines: list[OrderLine]) -> str:
    """The lines of an order as they are stored (`Order.lines`): of each only what it has."""
    return _encode(lines).decode()


def decode_lines(text: str) -> tuple[OrderLine, ...]:
    """The lines of a stored order (`Order.lines`). Raises msgspec.DecodeError for any other text."""
    return _decode(text)
