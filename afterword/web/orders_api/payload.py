"""What an orders request says, whichever of the three media types it uses (docs/orders-api.md, "The request")."""

from codecs import BOM_UTF8
from json import detect_encoding

import msgspec

from afterword.domain.orders.json import NotJsonError, decode_piece, pick
from afterword.web.forms import JSON, URLENCODED, MalformedBody, read_fields


class Payload(msgspec.Struct):
    """`orders` is JSON text, empty when it is missing."""

    api_key: str = ""
    orders: bytes = b""
    details: bool = False


def read_payload(kind: str, content_type: bytes, body: bytes) -> Payload:
    """Reads a whole body, but not its orders. Raises MalformedBody.

    `kind` is what `media_type` makes of `content_type`, which holds the boundary of a form.
    """
    if kind == JSON or (kind == URLENCODED and _begins_as_json(body)):
        return _read_json(body)
    fields = read_fields(kind, content_type, body, ("api_key", "orders", "details"))
    if "orders" not in fields and any(name.startswith("orders[") for name in fields):
        raise MalformedBody("orders is JSON text in one field, not fields such as orders[0][id_order]")
    return Payload(
        api_key=fields.get("api_key", b"").decode("utf-8", "replace"),
        orders=_unquoted(fields.get("orders", b"").removeprefix(BOM_UTF8)),
        details=_is_true(fields.get("details", b"").decode("utf-8", "replace")),
    )


def _begins_as_json(body: bytes) -> bool:
    """Programs label what they send as a form when they are given no type. No form of ours begins like that."""
    return body[:100].removeprefix(BOM_UTF8).lstrip()[:1] in (b"{", b"[")


def _read_json(body: bytes) -> Payload:
    body = body.removeprefix(BOM_UTF8)
    if body.lstrip()[:1] == b"[":
        return Payload(orders=body)
    try:
        members = pick(body, ("api_key", "orders", "details", "id_order"))
    except NotJsonError as error:
        coding = detect_encoding(body[:4])
        told = error if coding.startswith("utf-8") else f"{coding[:6].upper()}: send JSON in UTF-8"
        raise MalformedBody(f"the body is {told}") from error
    if members is None:
        raise MalformedBody("the body is not a JSON object")
    if "orders" not in members and "id_order" in members:
        return Payload(orders=body)
    key = decode_piece(members.get("api_key", b"null"))
    details = decode_piece(members.get("details", b"null"))
    orders = _unquoted(bytes(members.get("orders", b"")))
    return Payload(key if isinstance(key, str) else "", orders, _is_true(details))


def _is_true(value: object) -> bool:
    return value is True or value in (1, "1", "true")


def _unquoted(orders: bytes) -> bytes:
    """The JSON text of the orders, of which senders make the text of a string, once or twice."""
    for _ in range(2):
        if not orders.lstrip().startswith(b'"'):
            break
        text = decode_piece(orders)
        orders = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else b""
    return orders
