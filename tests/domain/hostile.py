"""Orders that no shop should send, for the tests that read any order."""

import json
from typing import Any

from hypothesis import strategies as st

from afterword.domain.orders.order import OrderLine
from tests.domain.reading import CLARAS, PUBLISHED

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=[]), max_size=9)
    | st.sampled_from(
        ["", "0", "25.90", "clara@mail.example", "2026-03-01 14:05:26", "&amp;", "e\u0301", "\ud800", 2**63]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["0", "1", "id", "name", "qty"]), inner, max_size=4)
    ),
    max_leaves=6,
)
_order_keys = st.sampled_from([*CLARAS, "reference", "phone", "store_id"])
_line_keys = st.sampled_from(OrderLine.__struct_fields__)
_lines = st.lists(
    st.dictionaries(_line_keys, VALUES).map(lambda extra: {"id": 1, "name": "Rye", **extra}), max_size=3
)
ORDERS = st.builds(
    lambda changes, lines: CLARAS | {"products": lines} | changes,
    st.dictionaries(_order_keys, VALUES, max_size=3),
    _lines,
)

LINE: dict[str, Any] = {
    **PUBLISHED["products"][0],
    "name": "Pain de seigle",
    "qty": 2,
    "url": "https://bakery.example/100?a=1&b=2",
    "image_url": "http://bakery.example/100.jpg",
    "variant_id": 7,
}
FULL = {**CLARAS, "reference": "R-1", "phone": "+34 600 000 000", "store_id": 3, "products": [LINE, LINE]}
"""An order with all that one can have."""

_BLANK = [" x", "x ", " ", "\u00a0x", "x\u3000", "\tx", "x\n"]
_NOT_PRINTED = ["a\x7fb", "a\x85b", "a\u2028b", "a\ufffeb", "a\0b", "\ud800", "a\udfff"]
_WRITTEN_OTHERWISE = ["e\u0301", "\u212b", "&amp;", "x &#233;", "&eacute;", 'a"b', "a\\b"]
UNCLEAN = [*_BLANK, *_NOT_PRINTED, *_WRITTEN_OTHERWISE]
"""Texts that cleaning changes or refuses, or that JSON cannot write as they are."""

_CHARACTERS = [*' \t\n\r;&"\\/{}[]:,aZ9é<=.@-\u0301\u200d\ufeff\u1e9b\u0323👩', "--", "&amp", "null"]
_LONG = ["x" * 190, "x" * 1_999]
_NUMBERS = [0, -1, 1, 2**63 - 1, 2**63, 2**64, -(2**63), -(2**63) - 1, 10**30, 10**400]
_FLOATS = [1.0, 1.5, -0.0, 1e-5, 1e300, 1e16, 25.9, 25.899999999999999]
_DIGITS = ["0", "-1", "-0", "+1", "00100", "1.000", "1.0", "25.900000"]
_NO_DIGITS = ["1e2", "1_0", "１", "25,90", ".5", "5."]
_LONG_DIGITS = ["9223372036854775807", "9223372036854775808", "9" * 101, "0." + "1" * 41]
_DATES = ["0000-00-00 00:00:00", "2026-02-29 12:00:00", "2024-02-29 12:00:00", "2026-03-01T14:05Z"]
_LOOSE_DATES = ["2026-03-01", "2026-03-01 9:05", "0001-01-01 00:00:00+14:00", "2026-03-01 14:05:26.5"]
_COMMON_DOMAINS = ["b", "c.example", "-b.example", "b--c.example", "1.2.3.4", "b.c."]
_DOMAINS = [*_COMMON_DOMAINS, "xn--caf-dma.example", "café.example"]
_LOCAL_PARTS = ["a", "a..b", "zoë", "e\u0301", "a" * 65]
_ADDRESSES = [f"{local}@{domain}" for domain in _DOMAINS for local in _LOCAL_PARTS]
_LONG_ADDRESSES = [f"a@{'b' * 63}.example", f"a@{'b.' * 130}example"]
_WEB = ["http://a@b", "HTTPS://B/", "https://", "https:///x"]

_texts = st.lists(st.sampled_from([*_CHARACTERS, *UNCLEAN, *_LONG]), max_size=4).map("".join)
ODD = [
    *(*_NUMBERS, *_FLOATS, *_DIGITS, *_NO_DIGITS, *_LONG_DIGITS, *_DATES, *_LOOSE_DATES),
    *(*_ADDRESSES, *_LONG_ADDRESSES, *_WEB, *_LONG, *UNCLEAN, None, False, "", [], {}),
]
"""Values that some fields take, some clean and some refuse."""

_odd = _texts | st.sampled_from(ODD) | VALUES
_names = st.sampled_from([*FULL, "unknown", "products "])
_line_names = st.sampled_from([*LINE, "unknown", "", "qty "])


@st.composite
def _members(
    draw: st.DrawFn, whole: dict[str, Any], names: st.SearchStrategy[str]
) -> list[tuple[str, object]]:
    """An object of which a few members are odd, missing, doubled or somewhere else."""
    members = list(whole.items())
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(members)))
        change = draw(st.sampled_from(["replace", "replace", "add", "drop", "move"]))
        if change == "add":
            members.insert(place, (draw(names), draw(_odd)))
        elif place < len(members):
            name, value = members.pop(place)
            if change == "replace":
                members.insert(place, (name, draw(_odd)))
            elif change == "move":
                members.append((name, value))
    return members


@st.composite
def order_texts(draw: st.DrawFn) -> bytes:
    """An order as JSON text, in any spelling, with a few odd things in it."""
    blank = st.sampled_from(["", "", "", " ", "\n    ", "\t \r\n"])
    spaces = [draw(blank) for _ in range(4)]
    is_ascii = draw(st.booleans())

    def write(value: object) -> str:
        return json.dumps(value, ensure_ascii=is_ascii)

    def write_object(members: list[tuple[str, str]]) -> str:
        written = [f"{write(name)}{spaces[0]}:{spaces[1]}{value}" for name, value in members]
        return f"{{{spaces[2]}{f'{spaces[3]},{spaces[0]}'.join(written)}{spaces[1]}}}"

    def write_line(line: dict[str, Any]) -> str:
        return write_object([(name, write(value)) for name, value in draw(_members(line, _line_names))])

    members = [(name, write(value)) for name, value in draw(_members(FULL, _names))]
    lines = [
        write_line(line)
        for line in draw(st.lists(st.sampled_from([LINE, {"id": 1, "name": "Rye"}]), max_size=2))
    ]
    products = f"[{f'{spaces[2]},'.join(lines)}{spaces[3]}]"
    order = write_object(
        [(name, products if value == write(FULL["products"]) else value) for name, value in members]
    )
    slashed = order.replace("/", "\\/") if draw(st.booleans()) else order
    return slashed.encode("utf-8", "surrogatepass")
