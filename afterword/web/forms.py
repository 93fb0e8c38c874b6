"""The fields of a form, multipart or urlencoded, sent by a program or by a browser."""

import re
from urllib.parse import parse_qsl

from multipart import MultipartError, PushMultipartParser, parse_options_header

MOST_FIELDS = 4_096
"""Fields that a form may have: one of orders needs three, one of reviews up to three for each line of an order."""

JSON, MULTIPART, URLENCODED = "application/json", "multipart/form-data", "application/x-www-form-urlencoded"


class UnknownMediaType(Exception):
    """415: the sentence names the accepted ones."""


class MalformedBody(Exception):
    """400: the sentence says where."""


def media_type(content_type: bytes) -> str:
    """The kind of body. Raises UnknownMediaType."""
    kind = content_type.partition(b";")[0].strip().lower().decode("latin-1")
    if kind not in (MULTIPART, URLENCODED, JSON):
        raise UnknownMediaType(f"send the body as {MULTIPART}, {URLENCODED} or {JSON}")
    return kind


def read_form(kind: str, content_type: bytes, body: bytes) -> dict[str, str]:
    """The same as `read_fields`, as text. What is not UTF-8 becomes U+FFFD."""
    fields = read_fields(kind, content_type, body)
    return {name: value.decode("utf-8", "replace") for name, value in fields.items()}


def read_fields(kind: str, content_type: bytes, body: bytes) -> dict[str, bytes]:
    """The fields of a whole form; the last one where a name is repeated. Raises MalformedBody.

    `kind` is MULTIPART or URLENCODED; `content_type` holds the boundary.
    """
    return _read_multipart(content_type, body) if kind == MULTIPART else _read_urlencoded(body)


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
        raise MalformedBody("the form's Content-Type has no boundary")
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
