"""JSON text as shops send it, in which one bad value must not spoil the rest.

msgspec refuses a whole text for one lone surrogate, one byte that is not UTF-8, or one number out of range. Those are
errors of one order, so a text that msgspec refuses is read again by the fallback: the standard library.
"""

import json
import math
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec

Piece = bytes | msgspec.Raw
"""The JSON text of one value, cut out of a longer text."""

DEEPEST = 100
"""Levels of nesting. An order needs four; the error for a text too deep to read is placed below these."""

_decode = msgspec.json.Decoder().decode
_decode_pieces = msgspec.json.Decoder(list[msgspec.Raw] | dict[str, msgspec.Raw]).decode
_space = re.compile(r"[ \t\n\r]*").match
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]|NaN|-?Infinity', re.DOTALL)

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for a text that only the fallback can judge."""


class NotJsonError(ValueError):
    """The text is not JSON. The sentence names the offset of the byte, from 0."""

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(f"not JSON: {reason} (byte {offset})")


def decode(text: bytes) -> object:
    """The value of a JSON text. Raises NotJsonError.

    What is JSON but cannot be text or a number comes as a value that no field takes: a string with lone
    surrogates, an infinite float.
    """
    try:
        return _decode(text)
    except UNREADABLE:
        pass
    try:
        return _fallback.decode(text.decode("utf-8", "surrogateescape"))
    except (json.JSONDecodeError, _ConstantError, RecursionError):
        pass
    latin = text.decode("latin-1")
    _, end = _value_and_end(latin, _end_of_space(latin, 0))
    raise NotJsonError("extra data", _end_of_space(latin, end))


def split(text: bytes) -> list[Piece] | dict[str, Piece] | None:
    """The elements of an array or the members of an object, not yet read; None for any other value.

    The whole text is JSON when this returns. Raises NotJsonError. Costs a few dozen bytes for each
    element, plus up to twice the text when it needs the fallback.
    """
    try:
        pieces: list[Piece] | dict[str, Piece] = _decode_pieces(text)
        return pieces
    except UNREADABLE:
        pass
    # JSON's own characters are ASCII, so in Latin-1 each byte is a character and places are byte offsets.
    latin = text.decode("latin-1")
    start = _end_of_space(latin, 0)
    match latin[start : start + 1]:
        case "[":
            return [text[first:end] for _, first, end in _members(latin, start, "]")]
        case "{":
            return {key: text[first:end] for key, first, end in _members(latin, start, "}")}
    decode(text)
    return None


def pick(text: bytes, names: tuple[str, ...]) -> dict[str, Piece] | None:
    """Those members of an object, not yet read; None for any other value. Of a repeated one the last counts.

    The whole text is JSON when this returns. Raises NotJsonError. However many other members there are, nothing is
    kept of them.
    """
    try:
        found = _decoder_of(names).decode(text)
        return {name: piece for name in names if (piece := getattr(found, name)) is not msgspec.UNSET}
    except UNREADABLE:
        pass
    latin = text.decode("latin-1")
    start = _end_of_space(latin, 0)
    if latin[start : start + 1] != "{":
        decode(text)
        return None
    return {key: text[at:end] for key, at, end in _members(latin, start, "}") if key in names}


@cache
def _decoder_of(names: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    fields = [(name, msgspec.Raw | msgspec.UnsetType, msgspec.UNSET) for name in names]
    return msgspec.json.Decoder(msgspec.defstruct("Members", fields))


def decode_piece(piece: Piece) -> object:
    """The value of a piece that `split` made. None if it cannot be read even so: too deep by a level."""
    try:
        return _decode(piece)
    except UNREADABLE:
        pass
    try:
        return decode(bytes(piece))
    except NotJsonError:
        return None


def _members(text: str, at: int, closing: str) -> Iterator[tuple[str, int, int]]:
    """Key (empty in an array), start and end of each member of the array or object that opens at `at`.

    Read one at a time, and none is kept.
    """
    at = _end_of_space(text, at + 1)
    closed = text[at : at + 1] == closing
    while not closed:
        key = ""
        if closing == "}":
            key, at = _key(text, at)
        end = _value_and_end(text, at)[1]
        yield key, at, end
        at = _end_of_space(text, end)
        closed = text[at : at + 1] == closing
        if not closed:
            at = _end_of_space(text, _past(",", text, at))
    at = _end_of_space(text, at + 1)
    if at != len(text):
        raise NotJsonError("extra data", at)


def _key(text: str, at: int) -> tuple[str, int]:
    key, end = _value_and_end(text, at)
    if not isinstance(key, str):
        raise NotJsonError("expecting property name enclosed in double quotes", at)
    return key, _end_of_space(text, _past(":", text, _end_of_space(text, end)))


def _past(delimiter: str, text: str, at: int) -> int:
    if text[at : at + 1] != delimiter:
        raise NotJsonError(f"expecting '{delimiter}' delimiter", at)
    return at + 1


def _value_and_end(text: str, at: int) -> tuple[object, int]:
    """The value that starts at `at` and where it ends. `text` is Latin-1, so a place is a byte."""
    try:
        return _fallback.raw_decode(text, at)
    except json.JSONDecodeError as wrong:
        raise NotJsonError(wrong.msg[:1].lower() + wrong.msg[1:], wrong.pos) from None
    except (_ConstantError, RecursionError):
        raise _unreadable(text, at) from None


def _end_of_space(text: str, at: int) -> int:
    found = _space(text, at)
    return found.end() if found else at


def _unreadable(text: str, start: int) -> NotJsonError:
    """Where the first NaN or Infinity is, or the nesting becomes too deep."""
    depth = 0
    for found in _TOKEN.finditer(text, start):
        token = found[0]
        if token[0] in "NI-":
            return NotJsonError(f"{token} is not a number in JSON", found.start())
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token, 0)
        if depth > DEEPEST:
            return NotJsonError(f"nested more than {DEEPEST} levels deep", found.start())
    return NotJsonError(f"nested more than {DEEPEST} levels deep", start)


class _ConstantError(Exception):
    pass


def _refuse_constant(name: str) -> float:
    raise _ConstantError(name)


def _parse_int(digits: str) -> float:
    # No field takes so long a number, and int() itself refuses 4,301 digits.
    return int(digits) if len(digits) <= 300 else math.inf


_fallback = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=_parse_int)
