"""The orders of one request, each read by itself (docs/orders-api.md, "The request", "What happens")."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

import msgspec

from afterword.domain.orders.fast import parse_fast
from afterword.domain.orders.json import NotJsonError, Piece, decode_piece, split
from afterword.domain.orders.order import (
    FieldError,
    Order,
    Rules,
    has_digit_keys,
    parse_order,
    read_keys,
)

LARGEST_SLICE = 1 << 20
"""Bytes of JSON text after which a slice ends: what is wrong with an order can be many times its size."""

FRUITLESS_TRIES = 8
"""By how many the orders that the fast path leaves may outnumber those it reads, before the rest of the batch is not
tried: a shop writes its orders all alike, and a try in vain costs an eighth of the fallback."""

SCANT = 12
"""Bytes. An element of fewer for itself and for each thing that is wrong with it, such as `0` or `{}`, is scant: to
list it takes many times its size."""

MOST_SCANT = 1_000
"""Scant elements of a request that are listed; of more only the number counts."""

FEW_REFUSED = 50
"""Wrong orders that are read where all others wait for it: each takes many times as long as a good one."""

_INDEX = re.compile(r"\[[0-9]+\]")


class RefusedOrder(msgspec.Struct, frozen=True, array_like=True):
    """An order that is not imported because it is wrong. `id_order` and `reference` are None when they cannot be
    read."""

    index: int
    id_order: str | None
    reference: str | None
    errors: list[FieldError]

    @property
    def reasons(self) -> frozenset[str]:
        return reasons_of(self.errors)


def reasons_of(errors: Iterable[FieldError]) -> frozenset[str]:
    """What is wrong, without places: `email_invalid`, `products_name_missing`, `order_invalid`."""
    return frozenset(_reason(error.field, is_invalid=bool(error.expected)) for error in errors)


@lru_cache(maxsize=1_024)
def _reason(field: str, *, is_invalid: bool) -> str:
    place = _INDEX.sub("", field).replace(".", "_") or "order"
    return f"{place}_{'invalid' if is_invalid else 'missing'}"


class Unlisted(msgspec.Struct, frozen=True, array_like=True):
    """Refused elements of which only the number is kept: how many, in how many places something was wrong with them,
    and how many had each reason."""

    amount: int = 0
    places: int = 0
    reasons: dict[str, int] = {}


ALL_LISTED = Unlisted()


class _Counting:
    """Counts refused elements. Those of a run with nothing in common with an order have one list of errors."""

    def __init__(self) -> None:
        self.amount = 0
        self._places = 0
        self._latest: tuple[list[FieldError], frozenset[str]] = ([], frozenset())
        self._alike: Counter[frozenset[str]] = Counter()

    def count(self, errors: list[FieldError]) -> None:
        self.amount += 1
        self._places += len(errors)
        if self._latest[0] is not errors:
            self._latest = errors, reasons_of(errors)
        self._alike[self._latest[1]] += 1

    @property
    def counted(self) -> Unlisted:
        reasons: Counter[str] = Counter()
        for alike, amount in self._alike.items():
            reasons.update(dict.fromkeys(alike, amount))
        return Unlisted(self.amount, self._places, dict(reasons)) if self.amount else ALL_LISTED


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """The orders of one request, or of a slice of it: each counted one is in `orders` or in `refused`, or is
    `unlisted`. `ignored` has what could not be read of those in `orders`, by their indexes.

    Indexes count from 0 in the array as the request sent it. Made of plain values, so that a batch can be
    read in another process and sent over as MessagePack.
    """

    count: int
    orders: list[tuple[int, Order]]
    refused: list[RefusedOrder]
    ignored: dict[int, list[FieldError]] = {}
    unlisted: Unlisted = ALL_LISTED


class BatchError(Exception):
    """400: the orders are missing, not JSON, or not an array. The sentence says which."""


class ManyRefused(Exception):
    """More than FEW_REFUSED orders of a batch are wrong, so it is to be read elsewhere."""


def parse_batch(orders: bytes, rules: Rules) -> Batch:
    """Each order of a request by itself, from the JSON text of them all.

    A bad order is in `refused` and changes nothing for its neighbours. Raises BatchError, ManyRefused.
    """
    pieces = _pieces(orders)
    limits = _Limits(len(pieces), len(orders), FEW_REFUSED)
    return _parse(enumerate(pieces), rules, iter(range(MOST_SCANT)), limits)


def parse_slices(orders: bytes, rules: Rules, size: int = 1_000) -> Iterator[Batch]:
    """The same as `parse_batch`, in slices of at most `size` orders, besides unlisted ones: memory is bounded by the
    text.

    Indexes are those of the whole array. That the text is JSON, and an array, is settled before this
    returns: BatchError is raised here, never between two slices.
    """
    return _slices(enumerate(_pieces(orders)), rules, size)


def _slices(pieces: Iterator[tuple[int, Piece]], rules: Rules, size: int) -> Iterator[Batch]:
    scant, limits = iter(range(MOST_SCANT)), _Limits(size, LARGEST_SLICE)
    while (batch := _parse(pieces, rules, scant, limits)).count:
        yield batch


def _pieces(text: bytes) -> list[Piece]:
    if not text or text.isspace():
        raise BatchError("orders is missing")
    try:
        pieces = split(text)
    except NotJsonError as wrong:
        raise BatchError(f"orders is {wrong}") from None
    if pieces is None:
        raise BatchError("orders is missing" if text.strip() == b"null" else "orders is not an array")
    if isinstance(pieces, list):
        return pieces
    return [text] if _is_one_order(pieces) else list(pieces.values())


def _is_one_order(members: Mapping[str, object]) -> bool:
    """Whether the object is one order alone, not an array that PHP wrote with digits as keys."""
    if "id_order" in members:
        return True
    if has_digit_keys(members):
        return False
    raise BatchError("orders is not an array: an object needs an id_order, or only digits as keys")


class _Limits(NamedTuple):
    """A batch ends when `size` orders are read or listed, or more than `largest` bytes are. More than `refused` wrong
    ones are not read."""

    size: int
    largest: int
    refused: float = math.inf


def _parse(pieces: Iterator[tuple[int, Piece]], rules: Rules, scant: Iterator[int], limits: _Limits) -> Batch:
    """Reads on up to the limits. `scant` has one value for each scant element that may still be listed. Raises
    ManyRefused."""
    orders: list[tuple[int, Order]] = []
    refused: list[RefusedOrder] = []
    ignored: dict[int, list[FieldError]] = {}
    unlisted = _Counting()
    tries, weight = FRUITLESS_TRIES, 0
    for index, piece in pieces:
        weight += (length := len(memoryview(piece)))
        order = parse_fast(piece, rules) if tries else None
        if order is not None:
            orders.append((index, order))
            tries += 1
        else:
            tries = max(0, tries - 1)
            value = decode_piece(piece)
            parsed = parse_order(value, rules)
            if parsed.order is not None:
                orders.append((index, parsed.order))
                if parsed.ignored:
                    ignored[index] = parsed.ignored
            elif length >= SCANT * (1 + len(parsed.errors)) or next(scant, None) is not None:
                refused.append(RefusedOrder(index, *read_keys(value), parsed.errors))
            else:
                unlisted.count(parsed.errors)
            if len(refused) + unlisted.amount > limits.refused:
                raise ManyRefused
        if len(orders) + len(refused) >= limits.size or weight > limits.largest:
            break
    return Batch(len(orders) + len(refused) + unlisted.amount, orders, refused, ignored, unlisted.counted)
