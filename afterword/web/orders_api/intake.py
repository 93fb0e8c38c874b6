"""What the writer does with requests, and slices of large ones, that came together: their rows, and their results.

It runs where the rows are written, in one transaction for all of them, while the event loop reads the next ones.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from afterword.domain.orders.batch import BatchError, ManyRefused, parse_batch
from afterword.domain.orders.order import Rules
from afterword.domain.shops import Shop
from afterword.store.engine.database import Transaction
from afterword.store.numbers import invitation_ids
from afterword.store.orders import Arrival, import_orders
from afterword.store.refused import Refusal, keep_refused
from afterword.web.authentication import Sender, Unauthorized, admit
from afterword.web.orders_api.answer import BatchResult, Read, answer, complaints_of, result_of

Answered = tuple[bytes, int, int, int, Mapping[str, int]]
"""The body of the answer to a request, and its OrderCounts as plain values, which cross between processes in a third
of the time."""

R = TypeVar("R", Read, bytes)

_zone = lru_cache(maxsize=None)(ZoneInfo)


def rules_of(shop: Shop) -> Rules:
    return Rules(_zone(shop.timezone), shop.orders == "tolerant")


class Posted(msgspec.Struct, frozen=True, gc=False):
    """A request whose body is read, but not its orders. `key` is the presented one, `orders` JSON text."""

    key: str
    orders: bytes
    details: bool
    received_at: float


class Slice(NamedTuple, Generic[R]):
    """Orders of a request, who sent them, and when: as `Read`, or that as MessagePack, as a reader sent it."""

    sender: Sender
    read: R
    received_at: float


def import_posted(tx: Transaction, posted: Sequence[Posted]) -> list[Answered | Exception]:
    """The answer to each request, or what refuses it: Unauthorized, BatchError, and ManyRefused, so that
    it is read in a process of its own.

    Guarantee 1: the answers count once the transaction is committed, and are not sent before.
    """
    senders: dict[str, tuple[Sender, Rules]] = {}
    parsed = [_parse(tx, one, senders) for one in posted]
    results = iter(_import(tx, [one for one in parsed if isinstance(one, Slice)]))
    return [_answered(next(results)) if isinstance(one, Slice) else one for one in parsed]


def _parse(
    tx: Transaction, posted: Posted, senders: dict[str, tuple[Sender, Rules]]
) -> Slice[Read] | Exception:
    """`senders` are those already known in this transaction, by their keys."""
    try:
        if posted.key not in senders:
            sender = admit(tx, posted.key, "orders")
            senders[posted.key] = sender, rules_of(sender.shop)
        sender, rules = senders[posted.key]
        batch = parse_batch(posted.orders, rules)
    except (Unauthorized, BatchError, ManyRefused) as refused:
        return refused
    return Slice(sender, Read(batch, complaints_of(batch, details=posted.details)), posted.received_at)


def _answered(result: BatchResult) -> Answered:
    return answer(result), *result.counts


_decode = msgspec.msgpack.Decoder(Read).decode


def import_slices(tx: Transaction, slices: Sequence[Slice[bytes]]) -> list[BatchResult]:
    """The result of each slice; guarantee 1 holds as above."""
    return _import(tx, [Slice(one.sender, _decode(one.read), one.received_at) for one in slices])


def _import(tx: Transaction, parsed: Sequence[Slice[Read]]) -> list[BatchResult]:
    stored = import_orders(
        tx, [Arrival(*one.sender, one.read.batch.orders, one.received_at) for one in parsed]
    )
    refused = (
        Refusal(sender.shop, sender.key.live, received_at, read.batch.refused, read.batch.unlisted.amount)
        for sender, read, received_at in parsed
        if read.complaints.amount
    )
    keep_refused(tx, refused)
    ids = invitation_ids(tx) if any(one.read.complaints.details is not None for one in parsed) else None
    return [result_of(one.read, each, ids) for one, each in zip(parsed, stored, strict=True)]
