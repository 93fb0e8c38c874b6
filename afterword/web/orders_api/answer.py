"""What is answered to an orders request (docs/orders-api.md, "The answer"): the only place that words it.

The result of a batch is made where its rows are written, so that the orders themselves need not come back.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter

import msgspec

from afterword.domain.numbers import Permutation
from afterword.domain.orders.batch import Batch, RefusedOrder
from afterword.domain.orders.order import FieldError, Order
from afterword.store.orders import Stored

MOST_PLACES = 20
"""Places that the message names, missing and invalid together."""

ALREADY_SENT = "Some orders were not imported because they had already been sent (see documentation)"


class Places(msgspec.Struct, frozen=True, gc=False):
    """The first places of one kind, at most twenty, and how many there are."""

    count: int
    named: list[str]

    def __add__(self, other: "Places") -> "Places":
        return Places(self.count + other.count, (self.named + other.named)[:MOST_PLACES])


NO_PLACES = Places(0, [])


class BatchResult(msgspec.Struct, frozen=True, gc=False):
    """What was done with the orders of a batch: a few counts, at most twice twenty places, and a JSON text for each
    order if `details` were asked for, else None."""

    imported: int
    duplicates: int
    refused: int
    missing: Places
    invalid: Places
    details: list[str] | None

    @property
    def counts(self) -> tuple[int, int, int]:
        return self.imported, self.duplicates, self.refused

    def __add__(self, other: "BatchResult") -> "BatchResult":
        """The result of both batches, which are slices of one request."""
        return BatchResult(
            self.imported + other.imported,
            self.duplicates + other.duplicates,
            self.refused + other.refused,
            self.missing + other.missing,
            self.invalid + other.invalid,
            None if self.details is None else self.details + (other.details or []),
        )


def no_orders(*, details: bool) -> BatchResult:
    """The result of an empty batch."""
    return BatchResult(0, 0, 0, NO_PLACES, NO_PLACES, [] if details else None)


def result_of(batch: Batch, stored: Stored, ids: Permutation | None) -> BatchResult:
    """`stored` is what the store says of `batch.orders`. With `ids`, those of invitations, there are details."""
    duplicates = stored.numbers.count(0)
    return BatchResult(
        imported=len(stored.numbers) - duplicates,
        duplicates=duplicates,
        refused=len(batch.refused),
        missing=_places(batch.refused, missing=True) if batch.refused else NO_PLACES,
        invalid=_places(batch.refused, missing=False) if batch.refused else NO_PLACES,
        details=_details(batch, stored, ids) if ids else None,
    )


def answer(result: BatchResult) -> bytes:
    """The body: the contract's four keys, and `orders` when details were asked for."""
    count = sum(result.counts)
    if result.details is not None:
        return _body(count, result.imported, _message(result), f', "orders": [{", ".join(result.details)}]')
    return (
        _all_imported(count) if count == result.imported else _body(count, result.imported, _message(result))
    )


def refusal(message: str) -> bytes:
    """The body for a request of which nothing was imported, whatever its status."""
    return _body(0, 0, message)


@lru_cache(maxsize=1_024)
def _all_imported(count: int) -> bytes:
    # Nearly every answer. Those of a group, being one object, cross to the serving process once.
    return _body(count, count, None)


def _body(count: int, imported: int, message: str | None, orders: str = "") -> bytes:
    # ASCII alone, and spaced as in the published example.
    success = 1 if imported else 0
    return (
        f'{{"success": {success}, "orders_count": {count}, "orders_imported": {imported}, '
        f'"message": {json.dumps(message)}{orders}}}'
    ).encode("ascii")


def _message(result: BatchResult) -> str | None:
    return " ".join(_sentences(result)) or None


def _sentences(result: BatchResult) -> Iterator[str]:
    if result.duplicates:
        yield ALREADY_SENT
    missing = result.missing.named
    invalid = result.invalid.named[: MOST_PLACES - len(missing)]
    if missing:
        yield f"Missing fields for array: {', '.join(missing)}"
    if invalid:
        yield f"Invalid fields: {', '.join(invalid)}"
    more = result.missing.count + result.invalid.count - len(missing) - len(invalid)
    if more:
        yield f"and {more} more"


def _places(refused: Iterable[RefusedOrder], *, missing: bool) -> Places:
    places = [(one.index, e) for one in refused for e in one.errors if (e.expected is None) == missing]
    return Places(len(places), [_place_and_expected(*place) for place in places[:MOST_PLACES]])


def _place(index: int, error: FieldError) -> str:
    """Where in the array as sent: `orders[5].products[0].name`, or `orders[3]` for an element itself."""
    return f"orders[{index}].{error.field}" if error.field else f"orders[{index}]"


def _place_and_expected(index: int, error: FieldError) -> str:
    return _place(index, error) + (f" ({error.expected})" if error.expected is not None else "")


def _details(batch: Batch, stored: Stored, ids: Permutation) -> list[str]:
    """One JSON object for each order of the batch, in the order sent."""
    due = f"{datetime.fromtimestamp(stored.due_at, UTC):%Y-%m-%dT%H:%M:%SZ}"
    details = [
        (index, _of_accepted(index, order, number and ids.shown(number), due))
        for (index, order), number in zip(batch.orders, stored.numbers, strict=True)
    ]
    details += [(refused.index, _of_refused(refused)) for refused in batch.refused]
    return [json.dumps(detail) for _, detail in sorted(details, key=itemgetter(0))]


def _of_accepted(index: int, order: Order, invitation_id: int, due: str) -> dict[str, object]:
    status = "imported" if invitation_id else "duplicate"
    detail: dict[str, object] = {"index": index, "id_order": order.id_order, "status": status, "errors": []}
    if invitation_id:
        detail["invitation"] = {"id": invitation_id, "due_at": due}
    return detail


def _of_refused(refused: RefusedOrder) -> dict[str, object]:
    errors = [{"field": _place(refused.index, e), "message": e.expected or "missing"} for e in refused.errors]
    return {"index": refused.index, "id_order": refused.id_order, "status": "refused", "errors": errors}
