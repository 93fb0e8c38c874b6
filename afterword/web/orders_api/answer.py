"""What is answered to an orders request (docs/orders-api.md, "The answer"): the only place that words it.

The result of a batch is made where its rows are written, so that the orders themselves need not come back.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from operator import itemgetter
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


def result_of(batch: Batch, stored: Stored, ids: Permutation | None) -> BatchResult:
    """`stored` is what the store says of `batch.orders`. With `ids`, those of invitations, there are details."""
    duplicates = stored.numbers.count(0)
    return BatchResult(
        len(stored.numbers) - duplicates,
        duplicates,
        len(batch.refused) + batch.unlisted.amount,
        *(_places(batch, stored) if batch.refused or batch.ignored else (batch.unlisted.places, [], [], [])),
        _details(batch, stored, ids) if ids else None,
        _reasons(batch) if batch.refused else batch.unlisted.reasons,
    )


def _reasons(batch: Batch) -> dict[str, int]:
    found = Counter(reason for one in batch.refused for reason in one.reasons)
    return dict(found + Counter(batch.unlisted.reasons))


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
    separated = [piece for text in details for piece in (b", ", text)][1:]
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


def _places(batch: Batch, stored: Stored) -> tuple[int, list[str], list[str], list[str]]:
    """How many fields are wrong, or ignored in an imported order; and the first places of missing, invalid and
    ignored ones."""
    wrong = [(one.index, error) for one in batch.refused for error in one.errors]
    missing = (_place(index, error) for index, error in wrong if error.expected is None)
    invalid = (_explained(index, error) for index, error in wrong if error.expected is not None)
    ignored = [
        (index, error)
        for (index, _), number in zip(batch.orders, stored.numbers, strict=True)
        if number
        for error in batch.ignored.get(index, ())
    ]
    left_out = (_explained(*each) for each in ignored)
    first_missing, first_invalid, first_ignored = (
        list(islice(places, MOST_PLACES)) for places in (missing, invalid, left_out)
    )
    count = len(wrong) + batch.unlisted.places + len(ignored)
    return count, first_missing, first_invalid, first_ignored


def _explained(index: int, error: FieldError) -> str:
    return f"{_place(index, error)} ({error.expected or 'missing'})"


def _place(index: int, error: FieldError) -> str:
    """Where in the array as sent: `orders[5].products[0].name`, or `orders[3]` for an element itself."""
    return f"orders[{index}].{error.field}" if error.field else f"orders[{index}]"


def _details(batch: Batch, stored: Stored, ids: Permutation) -> list[bytes]:
    """A text with one JSON object for each order of the batch, in the order sent; none if all are left out."""
    due = f"{datetime.fromtimestamp(stored.due_at, UTC):%Y-%m-%dT%H:%M:%SZ}"
    details = [
        (
            index,
            _of_accepted(index, order, number and ids.shown(number), due)
            | {"ignored": _explanations(index, batch.ignored.get(index, []))},
        )
        for (index, order), number in zip(batch.orders, stored.numbers, strict=True)
    ]
    details += [(refused.index, _of_refused(refused)) for refused in batch.refused]
    texts = [json.dumps(detail) for _, detail in sorted(details, key=itemgetter(0))]
    return [", ".join(texts).encode("ascii")] if texts else []


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
