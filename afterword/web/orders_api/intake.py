"""What the writer does with what came together, requests and slices of large ones: the rows, and what became of them.

It runs where the rows are written, in one transaction for all of them, while the event loop reads the next ones.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from afterword.domain.orders.batch import Batch, BatchError, Outcome, Stored, answer, outcome, parse_batch
from afterword.store.engine.database import Transaction
from afterword.store.orders import Arrival, import_orders
from afterword.web.authentication import Sender, Unauthorized, admit

Answered = tuple[bytes, int, int, int]
"""The body of the answer to a request, and how many of its orders were imported, were duplicates, were refused."""

_zone = lru_cache(maxsize=None)(ZoneInfo)


class Posted(msgspec.Struct, frozen=True, gc=False):
    """A request whose body is read, but not its orders. `key` is the presented one, `orders` JSON text."""

    key: str
    orders: bytes
    details: bool
    received_at: float


class _Parsed(NamedTuple):
    batch: Batch
    arrival: Arrival
    details: bool

    def answer(self, stored: Stored) -> Answered:
        became = outcome(self.batch, stored, details=self.details)
        return answer(became), became.imported, became.duplicates, became.refused


def import_posted(tx: Transaction, posted: Sequence[Posted]) -> list[Answered | Exception]:
    """The answer to each request, or what refuses it: Unauthorized, BatchError.

    Guarantee 1: the answers count once the transaction is committed, and are not sent before.
    """
    senders: dict[str, Sender] = {}
    parsed = [_parse(tx, one, senders) for one in posted]
    stored = iter(import_orders(tx, [one.arrival for one in parsed if isinstance(one, _Parsed)]))
    return [one.answer(next(stored)) if isinstance(one, _Parsed) else one for one in parsed]


def _parse(tx: Transaction, posted: Posted, senders: dict[str, Sender]) -> _Parsed | Exception:
    """`senders` are those already known in this transaction, by their keys."""
    try:
        sender = senders.get(posted.key)
        if sender is None:
            sender = senders[posted.key] = admit(tx, posted.key)
        batch = parse_batch(posted.orders, _zone(sender.shop.timezone))
    except (Unauthorized, BatchError) as refused:
        return refused
    return _Parsed(batch, Arrival(*sender, batch.orders, posted.received_at), posted.details)


class PostedSlice(NamedTuple):
    """Some orders of a request whose body a reader has read: a `Batch` as MessagePack, as the reader sent it."""

    sender: Sender
    batch: bytes
    details: bool
    received_at: float


_decode_batch = msgspec.msgpack.Decoder(Batch).decode


def import_slices(tx: Transaction, slices: Sequence[PostedSlice]) -> list[Outcome]:
    """What became of each slice."""
    batches = [_decode_batch(one.batch) for one in slices]
    stored = import_orders(
        tx,
        [
            Arrival(*one.sender, batch.orders, one.received_at)
            for one, batch in zip(slices, batches, strict=True)
        ],
    )
    return [
        outcome(batch, each, details=one.details)
        for one, batch, each in zip(slices, batches, stored, strict=True)
    ]
