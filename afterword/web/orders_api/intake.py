"""What the writer does with requests, and slices of large ones, that came together: their rows, and their results.

It runs where the rows are written, in one transaction for all of them, while the event loop reads the next ones.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from afterword.domain.orders.batch import Batch, BatchError, parse_batch
from afterword.store.engine.database import Transaction
from afterword.store.numbers import invitation_ids
from afterword.store.orders import Arrival, import_orders
from afterword.web.authentication import Sender, Unauthorized, admit
from afterword.web.orders_api.answer import BatchResult, answer, result_of

Answered = tuple[bytes, int, int, int]
"""The body of the answer to a request, and how many of its orders were imported, were duplicates, were refused."""

_zone = lru_cache(maxsize=None)(ZoneInfo)


class Posted(msgspec.Struct, frozen=True, gc=False):
    """A request whose body is read, but not its orders. `key` is the presented one, `orders` JSON text."""

    key: str
    orders: bytes
    details: bool
    received_at: float


class PostedSlice(NamedTuple):
    """Some orders of a request whose body a reader has read: a `Batch` as MessagePack, as the reader sent it."""

    sender: Sender
    batch: bytes
    details: bool
    received_at: float


class _Parsed(NamedTuple):
    """What both become: who sent which orders, and when."""

    sender: Sender
    batch: Batch
    details: bool
    received_at: float


def import_posted(tx: Transaction, posted: Sequence[Posted]) -> list[Answered | Exception]:
    """The answer to each request, or what refuses it: Unauthorized, BatchError.

    Guarantee 1: the answers count once the transaction is committed, and are not sent before.
    """
    senders: dict[str, Sender] = {}
    parsed = [_parse(tx, one, senders) for one in posted]
    results = iter(_import(tx, [one for one in parsed if isinstance(one, _Parsed)]))
    return [_answered(next(results)) if isinstance(one, _Parsed) else one for one in parsed]


def _parse(tx: Transaction, posted: Posted, senders: dict[str, Sender]) -> _Parsed | Exception:
    """`senders` are those already known in this transaction, by their keys."""
    try:
        sender = senders.get(posted.key)
        if sender is None:
            sender = senders[posted.key] = admit(tx, posted.key)
        batch = parse_batch(posted.orders, _zone(sender.shop.timezone))
    except (Unauthorized, BatchError) as refused:
        return refused
    return _Parsed(sender, batch, posted.details, posted.received_at)


def _answered(result: BatchResult) -> Answered:
    return answer(result), *result.counts


_decode_batch = msgspec.msgpack.Decoder(Batch).decode


def import_slices(tx: Transaction, slices: Sequence[PostedSlice]) -> list[BatchResult]:
    """The result of each slice; guarantee 1 holds as above."""
    return _import(tx, [_Parsed(one[0], _decode_batch(one.batch), *one[2:]) for one in slices])


def _import(tx: Transaction, parsed: Sequence[_Parsed]) -> list[BatchResult]:
    stored = import_orders(tx, [Arrival(*one.sender, one.batch.orders, one.received_at) for one in parsed])
    ids = invitation_ids(tx) if any(one.details for one in parsed) else None
    return [
        result_of(one.batch, each, ids if one.details else None)
        for one, each in zip(parsed, stored, strict=True)
    ]
