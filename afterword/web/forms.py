"""The fields of a form, multipart or urlencoded, sent by a program or by a browser."""

import re
from collections.abc import Container
from urllib.parse import unquote_to_bytes

MOST_FIELDS = 4_096
"""Fields that a form may have: one of orders needs three, one of reviews up to three for each line of an order."""

_PIECE = 2**12
"""Bytes that are unescaped at a time."""

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


def check_coding(content_encoding: bytes) -> None:
    """Raises UnknownMediaType, which names the coding, for a body that is compressed (RFC 9110 15.5.16)."""
    coding = content_encoding.strip().lower().decode("latin-1")
    if coding not in ("", "identity"):
        raise UnknownMediaType(f"send the body as it is: the Content-Encoding {coding[:40]!a} is not read")


def read_fields(kind: str, content_type: bytes, body: bytes, single: Container[str] = ()) -> dict[str, bytes]:
    """The fields of a whole form; of a repeated one the last value, but those in `single` have only one. Raises
    MalformedBody.

    `kind` is MULTIPART or URLENCODED; `content_type` holds the boundary.
    """
    pairs = _read_multipart(content_type, body) if kind == MULTIPART else _read_urlencoded(body)
    fields: dict[str, bytes] = {}
    for name, value in pairs:
        if fields.get(name, value) != value and name in single:
            raise MalformedBody(f"the form has the field {name[:40]!r} twice, with different values")
        fields[name] = value
    return fields


_BOUNDARY = re.compile(rb';\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
_NAME = re.compile(
    rb'^content-disposition:\s*form-data\b.*?;\s*name=(?:"([^"\\]*(?:\\.[^"\\]*)*)"|([^\s;"]+))',
    re.IGNORECASE | re.MULTILINE,
)


def _read_multipart(content_type: bytes, body: bytes) -> list[tuple[str, bytes]]:
    """RFC 7578, with lines that end in CRLF. What is before the first boundary and after the last is skipped."""
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise MalformedBody("the form's Content-Type has no boundary")
    _, *parts = (b"\r\n" + body).split(b"\r\n--" + boundary[boundary.lastindex or 1], MOST_FIELDS + 1)
    if not parts or not parts[-1].startswith(b"--"):
        raise MalformedBody(
            f"the form cannot be read: more than {MOST_FIELDS:,} fields, or no closing boundary"
        )
    return list(map(_name_and_value, parts[:-1]))


def _name_and_value(part: bytes) -> tuple[str, bytes]:
    head, blank_line, value = part.partition(b"\r\n\r\n")
    name = _NAME.search(head)
    if name is None or not blank_line:
        raise MalformedBody("the form cannot be read: a part has no name, or no value")
    return name[name.lastindex or 1].decode("utf-8", "replace"), value


def _read_urlencoded(body: bytes) -> list[tuple[str, bytes]]:
    pairs = [pair.partition(b"=") for pair in body.split(b"&", MOST_FIELDS) if pair]
    if len(pairs) > MOST_FIELDS:
        raise MalformedBody(f"the form cannot be read: more than {MOST_FIELDS:,} fields")
    return [(_unescaped(name).decode("utf-8", "replace"), _unescaped(value)) for name, _, value in pairs]


def _unescaped(text: bytes) -> bytes:
    """The text with its escapes decoded, piece by piece: the library makes many small ones of it at once, which take
    ninety times the memory."""
    text = text.replace(b"+", b" ")
    if b"%" not in text:
        return text
    found = bytearray()
    start = 0
    while start < len(text):
        end = start + _PIECE
        if (cut := text.find(b"%", end - 2, end)) >= 0:
            end = cut
        found += unquote_to_bytes(text[start:end])
        start = end
    return bytes(found)
