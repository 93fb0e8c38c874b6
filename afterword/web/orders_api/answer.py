"""What is answered to an orders request (docs/orders-api.md, "The answer"): the only place that words it.

What is said of refused orders is made where they are read, the result of a batch where its rows are written, so that
the orders themselves need not come back.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

import msgspec

from afterword.domain.numbers import Permutation
from afterword.domain.orders.batch import Batch, RefusedOrder
from afterword.domain.orders.order import FieldError, Order
from afterword.store.orders import Stored

MOST_PLACES = 20
"""Places that the message names: missing, invalid and ignored together; and the most that the details name of one
order, of wrong fields and of ignored ones."""

ALREADY_SENT = "Some orders were not imported because they had already been sent (see documentation)"


class Complaints(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What is answered about the refused orders of a batch, for which nothing is asked of the store: how many there
    are, in how many places something is wrong, the first of these, how many orders have each reason, and if details
    were asked for, the JSON text of each order by its index, else None."""

    amount: int = 0
    places: int = 0
    missing: list[str] = []
    invalid: list[str] = []
    reasons: dict[str, int] = {}
    details: list[tuple[int, bytes]] | None = None


NO_COMPLAINTS = Complaints()


class Read(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A batch, and what is answered about its refused orders: made where the batch was read, since a transaction
    must not wait for it (guarantee 11)."""

    batch: Batch
    complaints: Complaints


class OrderCounts(NamedTuple):
    """How many orders were imported, were duplicates and were refused, and of the refused ones, why."""

    imported: int
    duplicates: int
    refused: int
    reasons: Mapping[str, int]


class BatchResult(msgspec.Struct, frozen=True, gc=False):
    """What was done with the orders of a batch: a few counts, the first places of missing, invalid and ignored
    fields, at most twenty of each, and if `details` were asked for, JSON texts of its orders, else None."""

    imported: int = 0
    duplicates: int = 0
    refused: int = 0
    places: int = 0
    missing: list[str] = []
    invalid: list[str] = []
    ignored: list[str] = []
    details: list[bytes] | None = None
    reasons: dict[str, int] = {}

    @property
    def counts(self) -> OrderCounts:
        return OrderCounts(self.imported, self.duplicates, self.refused, self.reasons)

    def __add__(self, other: "BatchResult") -> "BatchResult":
        """The result of both batches, which are slices of one request."""
        return BatchResult(
            self.imported + other.imported,
            self.duplicates + other.duplicates,
            self.refused + other.refused,
            self.places + other.places,
            (self.missing + other.missing)[:MOST_PLACES],
            (self.invalid + other.invalid)[:MOST_PLACES],
            (self.ignored + other.ignored)[:MOST_PLACES],
            None if self.details is None else self.details + (other.details or []),
            dict(Counter(self.reasons) + Counter(other.reasons)),
        )


def complaints_of(batch: Batch, *, details: bool) -> Complaints:
    """What can be said of a batch before it is stored."""
    if not (batch.refused or batch.unlisted.amount or details):
        return NO_COMPLAINTS
    wrong = [(one.index, error) for one in batch.refused for error in one.errors]
    missing = (_place(index, error) for index, error in wrong if error.expected is None)
    invalid = (_explained(index, error) for index, error in wrong if error.expected is not None)
    reasons = Counter(reason for one in batch.refused for reason in one.reasons)
    return Complaints(
        len(batch.refused) + batch.unlisted.amount,
        len(wrong) + batch.unlisted.places,
        list(islice(missing, MOST_PLACES)),
        list(islice(invalid, MOST_PLACES)),
        dict(reasons + Counter(batch.unlisted.reasons)),
        [(one.index, _text(_of_refused(one))) for one in batch.refused] if details else None,
    )


def result_of(read: Read, stored: Stored, ids: Permutation | None) -> BatchResult:
    """`stored` is what the store says of the orders. `ids`, those of invitations, are needed for details."""
    batch, complaints = read.batch, read.complaints
    duplicates = stored.numbers.count(0)
    ignored = _ignored(batch, stored) if batch.ignored else []
    return BatchResult(
        len(stored.numbers) - duplicates,
        duplicates,
        complaints.amount,
        complaints.places + len(ignored),
        complaints.missing,
        complaints.invalid,
        [_explained(*each) for each in ignored[:MOST_PLACES]],
        _details(batch, stored, ids, complaints.details) if ids and complaints.details is not None else None,
        complaints.reasons,
    )


def _ignored(batch: Batch, stored: Stored) -> list[tuple[int, FieldError]]:
    """What was ignored in imported orders."""
    return [
        (index, error)
        for (index, _), number in zip(batch.orders, stored.numbers, strict=True)
        if number
        for error in batch.ignored.get(index, ())
    ]


def answer(result: BatchResult) -> bytes:
    """The body: the contract's four keys, and `orders` when details were asked for."""
    count = result.imported + result.duplicates + result.refused
    if result.details is not None:
        return _with_details(_body(count, result.imported, _message(result)), result.details)
    if count == result.imported and not result.places:
        return _all_imported(count)
    return _body(count, result.imported, _message(result))


def refusal(message: str) -> bytes:
    """The body for a request of which nothing was imported, whatever its status."""
    return _body(0, 0, message)


@lru_cache(maxsize=1_024)
def _all_imported(count: int) -> bytes:
    # Nearly every answer. Those of a group, being one object, cross to the serving process once.
    return _body(count, count, None)


def _with_details(body: bytes, details: list[bytes]) -> bytes:
    # Put together once: of what is asked for, this process has two copies, and never more.
    separated = [piece for text in details for piece in (b",", text)][1:]
    return b"".join((body[:-1], b', "orders": [', *separated, b"]}"))


def _body(count: int, imported: int, message: str | None) -> bytes:
    # ASCII alone, and spaced as in the published example.
    success = 1 if imported else 0
    return (
        f'{{"success": {success}, "orders_count": {count}, "orders_imported": {imported}, '
        f'"message": {json.dumps(message)}}}'
    ).encode("ascii")


def _message(result: BatchResult) -> str | None:
    return " ".join(_sentences(result)) or None


def _sentences(result: BatchResult) -> Iterator[str]:
    if result.duplicates:
        yield ALREADY_SENT
    left = MOST_PLACES
    for words, places in (
        ("Missing fields for array", result.missing),
        ("Invalid fields", result.invalid),
        ("Ignored fields", result.ignored),
    ):
        if named := places[:left]:
            yield f"{words}: {', '.join(named)}"
            left -= len(named)
    if more := result.places - (MOST_PLACES - left):
        yield f"and {more} more"


def _explained(index: int, error: FieldError) -> str:
    return f"{_place(index, error)} ({error.expected or 'missing'})"


def _place(index: int, error: FieldError) -> str:
    """Where in the array as sent: `orders[5].products[0].name`, or `orders[3]` for an element itself."""
    return f"orders[{index}].{error.field}" if error.field else f"orders[{index}]"


def _details(batch: Batch, stored: Stored, ids: Permutation, refused: list[tuple[int, bytes]]) -> list[bytes]:
    """A text with one JSON object for each order of the batch, in the order sent; none if all are left out."""
    due = f"{datetime.fromtimestamp(stored.due_at, UTC):%Y-%m-%dT%H:%M:%SZ}"
    details = [
        (
            index,
            _text(
                _of_accepted(index, order, number and ids.shown(number), due)
                | {"ignored": _explanations(index, batch.ignored.get(index, []))}
            ),
        )
        for (index, order), number in zip(batch.orders, stored.numbers, strict=True)
    ]
    texts = [text for _, text in sorted(details + refused)]
    return [b",".join(texts)] if texts else []


def _text(detail: dict[str, object]) -> bytes:
    """As JSON, in ASCII alone. The encoder that takes a tenth of the time leaves other characters as they are."""
    text = _encode(detail)
    return text if text.isascii() else json.dumps(detail, separators=(",", ":")).encode("ascii")


_encode = msgspec.json.Encoder().encode


def _of_accepted(index: int, order: Order, invitation_id: int, due: str) -> dict[str, object]:
    status = "imported" if invitation_id else "duplicate"
    detail: dict[str, object] = {"index": index, "id_order": order.id_order, "status": status, "errors": []}
    if invitation_id:
        detail["invitation"] = {"id": invitation_id, "due_at": due}
    return detail


def _of_refused(refused: RefusedOrder) -> dict[str, object]:
    errors = _explanations(refused.index, refused.errors)
    keys = {"index": refused.index, "id_order": refused.id_order, "status": "refused"}
    return keys | {"errors": errors, "ignored": []}


def _explanations(index: int, errors: list[FieldError]) -> list[dict[str, str]]:
    return [
        {"field": _place(index, error), "message": error.expected or "missing"}
        for error in errors[:MOST_PLACES]
    ]
