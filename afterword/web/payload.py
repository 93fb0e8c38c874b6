"""What a request says in its body, whichever of the three kinds it is (docs/orders-api.md)."""

import re
from urllib.parse import parse_qsl

import msgspec
from multipart import MultipartError, PushMultipartParser, parse_options_header

from afterword.domain.orders.json import NotJsonError, Piece, decode_piece, split

MOST_FIELDS = 4_096
"""Fields that a form may have: one of orders needs three, one of reviews up to three for each line of an order."""

JSON, MULTIPART, URLENCODED = "application/json", "multipart/form-data", "application/x-www-form-urlencoded"


class UnknownMediaType(Exception):
    """415."""


class MalformedBody(Exception):
    """400: the sentence says where."""


class Payload(msgspec.Struct):
    """What the body says. `orders` is JSON text, empty when it is missing."""

    api_key: str = ""
    orders: bytes = b""
    details: bool = False


def media_type(content_type: bytes) -> str:
    """The kind of body. Raises UnknownMediaType with a sentence that names the three."""
    kind = content_type.partition(b";")[0].strip().lower().decode("latin-1")
    if kind not in (MULTIPART, URLENCODED, JSON):
        raise UnknownMediaType(f"send the body as {MULTIPART}, {URLENCODED} or {JSON}")
    return kind


def read_payload(kind: str, content_type: bytes, body: bytes) -> Payload:
    """Takes the fields out of a whole body. Raises MalformedBody.

    `kind` is what `media_type` says of `content_type`, which holds the boundary of a form.
    """
    if kind == JSON:
        return _read_json(body)
    form = _read_multipart(content_type, body) if kind == MULTIPART else _read_urlencoded(body)
    return Payload(
        api_key=form.get("api_key", b"").decode("utf-8", "replace"),
        orders=form.get("orders", b""),
        details=_is_asked(form.get("details", b"").decode("utf-8", "replace")),
    )


def read_form(kind: str, content_type: bytes, body: bytes) -> dict[str, str]:
    """The fields of a form that a browser sent; of one that is there twice, the last. What is no UTF-8 becomes
    U+FFFD. Raises MalformedBody."""
    form = _parse_form(body, content_type) if kind == MULTIPART else _read_urlencoded(body)
    return {name: value.decode("utf-8", "replace") for name, value in form.items()}


def _is_asked(value: object) -> bool:
    return value is True or value in (1, "1", "true")


def _read_multipart(content_type: bytes, body: bytes) -> dict[str, bytes]:
    plain = _PLAIN_BOUNDARY.fullmatch(content_type)
    form = _split_plain_form(body, plain[1]) if plain else None
    return _parse_form(body, content_type) if form is None else form


_PLAIN_BOUNDARY = re.compile(rb"multipart/form-data; boundary=([\w'()+,./:=?-]{1,70})", re.ASCII)
_PLAIN_PARTS = {
    b'\r\nContent-Disposition: form-data; name="%s"' % name.encode(): name
    for name in ("api_key", "orders", "details")
}


def _split_plain_form(body: bytes, boundary: bytes) -> dict[str, bytes] | None:
    """The fields of a form as cURL writes it, without a parser; None for any other form."""
    if not body.startswith(b"--" + boundary):
        return None
    _, *parts, end = (b"\r\n" + body).split(b"\r\n--" + boundary, MOST_FIELDS)
    if not end.startswith(b"--"):
        return None
    form = {}
    for part in parts:
        head, blank, value = part.partition(b"\r\n\r\n")
        name = _PLAIN_PARTS.get(head)
        if name is None or not blank:
            return None
        form[name] = value
    return form


def _parse_form(body: bytes, content_type: bytes) -> dict[str, bytes]:
    boundary = parse_options_header(content_type.decode("latin-1"))[1].get("boundary", "")
    if not boundary:
        raise MalformedBody("the form's Content-Type names no boundary")
    form: dict[str, bytes] = {}
    name, chunks = "", list[bytes]()
    try:
        with PushMultipartParser(boundary, max_segment_count=MOST_FIELDS) as parser:
            for event in parser.parse(body):
                if event is None:
                    form[name] = b"".join(chunks)
                elif isinstance(event, bytes | bytearray):
                    chunks.append(bytes(event))
                else:
                    name, chunks = event.name, []
    except MultipartError as error:
        raise MalformedBody(f"the form cannot be read: {error}") from error
    return form


def _read_urlencoded(body: bytes) -> dict[str, bytes]:
    try:
        pairs = parse_qsl(
            body.decode("ascii", "surrogateescape"),
            keep_blank_values=True,
            errors="surrogateescape",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError as error:
        raise MalformedBody(f"the form cannot be read: {error}") from error
    return {name: value.encode("utf-8", "surrogateescape") for name, value in pairs}


def _read_json(body: bytes) -> Payload:
    try:
        members = split(body)
    except NotJsonError as error:
        raise MalformedBody(f"the body is {error}") from error
    if not isinstance(members, dict):
        raise MalformedBody("the body is not a JSON object")
    key = decode_piece(members.get("api_key", b"null"))
    details = decode_piece(members.get("details", b"null"))
    return Payload(key if isinstance(key, str) else "", _json_text(members), _is_asked(details))


def _json_text(members: dict[str, Piece]) -> bytes:
    """The orders as JSON text, whether the member is an array or already the text of one."""
    orders = bytes(members.get("orders", b""))
    if not orders.lstrip().startswith(b'"'):
        return orders
    text = decode_piece(orders)
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else b""
