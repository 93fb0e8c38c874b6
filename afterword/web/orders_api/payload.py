"""What an orders request says, whichever of the three media types it uses (docs/orders-api.md, "The request")."""

import msgspec

from afterword.domain.orders.json import NotJsonError, Piece, decode_piece, split
from afterword.web.forms import JSON, MalformedBody, read_fields


class Payload(msgspec.Struct):
    """`orders` is JSON text, empty when it is missing."""

    api_key: str = ""
    orders: bytes = b""
    details: bool = False


def read_payload(kind: str, content_type: bytes, body: bytes) -> Payload:
    """Reads a whole body, but not its orders. Raises MalformedBody.

    `kind` is what `media_type` makes of `content_type`, which holds the boundary of a form.
    """
    if kind == JSON:
        return _read_json(body)
    fields = read_fields(kind, content_type, body)
    return Payload(
        api_key=fields.get("api_key", b"").decode("utf-8", "replace"),
        orders=fields.get("orders", b""),
        details=_is_true(fields.get("details", b"").decode("utf-8", "replace")),
    )


def _read_json(body: bytes) -> Payload:
    try:
        members = split(body)
    except NotJsonError as error:
        raise MalformedBody(f"the body is {error}") from error
    if not isinstance(members, dict):
        raise MalformedBody("the body is not a JSON object")
    key = decode_piece(members.get("api_key", b"null"))
    details = decode_piece(members.get("details", b"null"))
    return Payload(key if isinstance(key, str) else "", _json_text(members), _is_true(details))


def _is_true(value: object) -> bool:
    return value is True or value in (1, "1", "true")


def _json_text(members: dict[str, Piece]) -> bytes:
    """The orders as JSON text, whether the member is an array or already the text of one."""
    orders = bytes(members.get("orders", b""))
    if not orders.lstrip().startswith(b'"'):
        return orders
    text = decode_piece(orders)
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else b""
