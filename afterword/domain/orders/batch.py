"""The orders of one request, and the answer to it (docs/orders-api.md, "What happens", "The answer")."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from afterword.domain.orders.json import NotJsonError, Piece, decode_piece, split
from afterword.domain.orders.order import FieldError, Order, has_digit_keys, parse_order, read_id_order
from afterword.domain.orders.plain import parse_plain_order

MOST_PLACES = 20
"""Places that the answer's message names, missing and invalid together."""

LARGEST_SLICE = 1 << 20
"""Bytes of JSON text after which a slice ends: what is wrong with an order can be many times its size."""

FRUITLESS_TRIES = 8
"""By how many the orders that are not plain may outnumber those that are, before the rest of the batch is not tried:
a shop writes its orders all alike, and a try in vain costs an eighth of reading the order patiently."""

ALREADY_SENT = "Some orders were not imported because they had already been sent (see documentation)"


class Refused(msgspec.Struct, frozen=True, array_like=True):
    """An order that is not imported because it is wrong. `id_order` is None when it cannot be read."""

    index: int
    id_order: str | None
    errors: list[FieldError]


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """The orders of one request, or of a slice of it: each counted one is in `orders` or in `refused`.

    Indexes count from 0 in the array as the request sent it. Made of plain values, so that a batch can be
    read in another process and sent over as MessagePack.
    """

    count: int
    orders: list[tuple[int, Order]]
    refused: list[Refused]


class BatchError(Exception):
    """There are no orders to speak of: missing, not JSON, or not an array. The sentence says which."""


class Stored(NamedTuple):
    """What the store made of `Batch.orders`: when their letters are due (epoch seconds), and one by one the number
    of each order, which is its invitation's too, or 0 for a duplicate."""

    due_at: int
    numbers: Sequence[int]


def parse_batch(orders: bytes, zone: ZoneInfo) -> Batch:
    """Each order of a request by itself, from the JSON text of them all.

    A bad order is in `refused` and changes nothing for its neighbours. Raises BatchError.
    """
    return _parse(_pieces(orders), 0, zone)


def parse_slices(orders: bytes, zone: ZoneInfo, size: int = 1_000) -> Iterator[Batch]:
    """The same as `parse_batch`, in slices of at most `size` orders: memory is bounded by the text.

    Indexes are those of the whole array. That the text is JSON, and an array, is settled before this
    returns: BatchError is raised here, never between two slices.
    """
    pieces = _pieces(orders)
    return (_parse(pieces[a:b], a, zone) for a, b in _cuts(pieces, size))


def _cuts(pieces: Sequence[Piece], size: int) -> Iterator[tuple[int, int]]:
    start = weight = 0
    for index, piece in enumerate(pieces):
        if index - start >= size or weight > LARGEST_SLICE:
            yield start, index
            start, weight = index, 0
        weight += len(memoryview(piece))
    if start < len(pieces):
        yield start, len(pieces)


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
    raise BatchError("orders is not an array: an object needs an id_order, or digits as its keys")


def _parse(pieces: Iterable[Piece], first: int, zone: ZoneInfo) -> Batch:
    orders: list[tuple[int, Order]] = []
    refused: list[Refused] = []
    tries = FRUITLESS_TRIES
    for index, piece in enumerate(pieces, first):
        order = parse_plain_order(piece, zone) if tries else None
        if order is not None:
            orders.append((index, order))
            tries += 1
            continue
        tries = max(0, tries - 1)
        value = decode_piece(piece)
        parsed = parse_order(value, zone)
        if isinstance(parsed, Order):
            orders.append((index, parsed))
        else:
            refused.append(Refused(index, read_id_order(value), parsed))
    return Batch(len(orders) + len(refused), orders, refused)


class Places(msgspec.Struct, frozen=True, gc=False):
    """The first places of one kind, at most twenty, and how many there are."""

    count: int
    named: list[str]


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What became of the orders of a batch, in a few plain values; `details` is None unless they were asked for."""

    imported: int
    duplicates: int
    refused: int
    missing: Places
    invalid: Places
    details: list[str] | None

    @property
    def count(self) -> int:
        return self.imported + self.duplicates + self.refused


NO_PLACES = Places(0, [])


def outcome(batch: Batch, stored: Stored, *, details: bool = False) -> Outcome:
    """What the store made of a batch, and what was wrong in it."""
    duplicates = stored.numbers.count(0)
    missing = invalid = NO_PLACES
    if batch.refused:
        missing, invalid = _places(batch.refused, missing=True), _places(batch.refused, missing=False)
    return Outcome(
        imported=len(stored.numbers) - duplicates,
        duplicates=duplicates,
        refused=len(batch.refused),
        missing=missing,
        invalid=invalid,
        details=_details(batch, stored) if details else None,
    )


def _places(refused: Iterable[Refused], *, missing: bool) -> Places:
    places = [(one.index, e) for one in refused for e in one.errors if (e.expected is None) == missing]
    return Places(len(places), [_place_and_expected(*place) for place in places[:MOST_PLACES]])


def answer(became: Outcome) -> bytes:
    """The body of the answer to a request of one batch; see `Report`."""
    if became.imported == became.count and became.details is None:
        return _all_imported(became.count)
    report = Report(details=became.details is not None)
    report.add(became)
    return report.answer()


class Report:
    """What became of the orders of one request, told batch by batch, and the answer that says so.

    Without details it keeps a few counts and at most twice twenty places, however many orders there are.
    """

    def __init__(self, *, details: bool = False) -> None:
        self._details: list[str] | None = [] if details else None
        self._imported = self._duplicates = self._refused = 0
        self._missing = self._invalid = NO_PLACES

    def add(self, became: Outcome) -> None:
        """Add what became of a batch."""
        self._imported += became.imported
        self._duplicates += became.duplicates
        self._refused += became.refused
        self._missing = _more(self._missing, became.missing)
        self._invalid = _more(self._invalid, became.invalid)
        if self._details is not None:
            self._details += became.details or []

    def answer(self) -> bytes:
        """The body of the answer: the contract's four keys, and `orders` when details were asked for."""
        count = self._imported + self._duplicates + self._refused
        message = " ".join(self._sentences()) or None
        if self._details is None:
            return _answer(count, self._imported, message)
        return _answer(count, self._imported, message, f', "orders": [{", ".join(self._details)}]')

    def _sentences(self) -> Iterator[str]:
        if self._duplicates:
            yield ALREADY_SENT
        missing = self._missing.named
        invalid = self._invalid.named[: MOST_PLACES - len(missing)]
        if missing:
            yield f"Missing fields for array: {', '.join(missing)}"
        if invalid:
            yield f"Invalid fields: {', '.join(invalid)}"
        more = self._missing.count + self._invalid.count - len(missing) - len(invalid)
        if more:
            yield f"and {more} more"


def _more(places: Places, others: Places) -> Places:
    return Places(places.count + others.count, (places.named + others.named)[:MOST_PLACES])


def refusal(message: str) -> bytes:
    """The body of an answer to a request of which nothing was taken, whatever its status."""
    return _answer(0, 0, message)


@lru_cache(maxsize=1_024)
def _all_imported(count: int) -> bytes:
    # Nearly every answer. Those of a group, being one object, cross to the serving process once.
    return _answer(count, count, None)


def _answer(count: int, imported: int, message: str | None, orders: str = "") -> bytes:
    # ASCII alone, and spaced as in the published example.
    success = 1 if imported else 0
    words = "null" if message is None else json.dumps(message)
    return (
        f'{{"success": {success}, "orders_count": {count}, "orders_imported": {imported}, '
        f'"message": {words}{orders}}}'
    ).encode("ascii")


def _place(index: int, error: FieldError) -> str:
    """Where in the array as taken: `orders[5].products[0].name`, or `orders[3]` for an element itself."""
    return f"orders[{index}].{error.field}" if error.field else f"orders[{index}]"


def _place_and_expected(index: int, error: FieldError) -> str:
    return _place(index, error) + (f" ({error.expected})" if error.expected is not None else "")


def _details(batch: Batch, stored: Stored) -> list[str]:
    """One JSON object for each order of the batch, in the order they were sent."""
    due = f"{datetime.fromtimestamp(stored.due_at, UTC):%Y-%m-%dT%H:%M:%SZ}"
    accepted = zip(batch.orders, stored.numbers, strict=True)
    told = [(index, _accepted(index, order, number, due)) for (index, order), number in accepted]
    told += [(refused.index, _refused(refused)) for refused in batch.refused]
    return [json.dumps(detail) for _, detail in sorted(told, key=itemgetter(0))]


def _accepted(index: int, order: Order, number: int, due: str) -> dict[str, object]:
    status = "imported" if number else "duplicate"
    detail: dict[str, object] = {"index": index, "id_order": order.id_order, "status": status, "errors": []}
    if number:
        detail["invitation"] = {"id": number, "due_at": due}
    return detail


def _refused(refused: Refused) -> dict[str, object]:
    errors = [{"field": _place(refused.index, e), "message": e.expected or "missing"} for e in refused.errors]
    return {"index": refused.index, "id_order": refused.id_order, "status": "refused", "errors": errors}
