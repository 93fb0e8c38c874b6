"""What is due: found by its source, and claimed by compare-and-swap.

Of several dispatchers only one has a message, for as long as its lease counts. What there is no reason to send any
more ends here.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from afterword.base.log import log_for
from afterword.domain.messages import Queue
from afterword.domain.shops import Shop
from afterword.store.engine.connection import Row
from afterword.store.engine.database import Transaction
from afterword.store.journal.replay import settle
from afterword.store.messages.claims import Claim, Source, check_shop, checked
from afterword.store.messages.contents import completed, read_message
from afterword.store.messages.steps import cancel_suppressed
from afterword.store.queries import query
from afterword.store.shops import shops_of

FEW_DUE = 1_000
"""Messages due in all sources of a queue, up to which these are found without asking each of them."""

_CLAIMED = query("claimed_message")

_UNREADABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What values that we did not write raise when they are read: msgspec's errors are ValueErrors, and no engine's error
is one of these."""

_DAMAGED = "its row in the database is damaged and cannot be read"
_SHOP_DAMAGED = "the row of its shop in the database is damaged and cannot be read"

PUT_OFF = 300
"""Seconds until the messages of a shop whose row cannot be read are looked at again."""

log = log_for("store")


class Hold(NamedTuple):
    """Who claims, when, and until when it counts (epoch seconds)."""

    holder: str
    now: float
    lease_until: int


def is_spread(tx: Transaction) -> bool:
    """Whether each look asks every shard of a cluster."""
    return bool(tx.rows(query("is_spread")))


def next_due(tx: Transaction) -> float:
    """When the first message that waits is due (epoch seconds); never, if none waits."""
    return _first(tx.rows(query("next_due")))


def next_due_on_cluster(tx: Transaction) -> float:
    """The same, by an index that is on a cluster alone."""
    return _first(tx.rows(query("next_due_on_cluster")))


def _first(found: Sequence[Row]) -> float:
    for (due_at,) in found:
        return math.inf if due_at is None else float(due_at)
    return math.inf


def announced(tx: Transaction) -> Row:
    """What changes on a cluster when something may be due soon (`Transaction.announce`)."""
    return tx.rows(query("announced"))[0]


def due_sources(tx: Transaction, queue: Queue, *, live: bool, now: float) -> list[Source]:
    """The sources that have something due, in order, however many messages wait.

    When little is due, only that is read, however many sources there are. When much is, there is one indexed look a
    source: the oldest alone would all be of those that are behind.
    """
    values = {"live": int(live), "queue": int(queue), "now": int(now)}
    first = tx.rows(query("first_due"), values | {"most": FEW_DUE})
    if len(first) < FEW_DUE:
        return [Source(*one) for one in sorted(set(first))]
    name = "due_webhooks" if queue == Queue.WEBHOOKS else "due_shops"
    return [Source(*row) for row in tx.rows(query(name), values)]


def claim_due(
    tx: Transaction, queue: Queue, sources: Sequence[Source], hold: Hold, *, live: bool, most: int
) -> list[Claim]:
    """Claims up to `most` due messages, the oldest of each source first; no other dispatcher can have them.

    Each of the sources has an equal part, the first ones if there are more of them than can be claimed. What is
    suppressed, was settled before a restore, or cannot be read, ends here and is not among them; those of a shop
    that cannot be read wait. Guarantee 4: a row is due only when `next_try_at` has come, in whole seconds that were
    rounded up.
    """
    values: dict[str, Any] = {"live": int(live), "queue": int(queue), "most": max(1, most // len(sources))}
    values |= {"claim": hold.holder, "now": int(hold.now), "lease_until": hold.lease_until}
    claims = _claim(tx, sources[:most], values)
    claims = [claim for claim, ended in zip(claims, cancel_suppressed(tx, claims), strict=True) if not ended]
    claims = list(_without_settled(tx, claims))
    return claims if queue == Queue.INVITATIONS else list(_completed(tx, claims))


def _claim(tx: Transaction, sources: Sequence[Source], values: dict[str, Any]) -> list[Claim]:
    shops = _shops(tx, list({source.shop_id: None for source in sources}))
    found = tx.rows_each(query("claim_due"), [values | source._asdict() for source in sources])
    claimed = list[tuple[Shop, int]]()
    for source, rows in zip(sources, found, strict=True):
        if shop := shops.get(source.shop_id):
            claimed += [(shop, number) for (number,) in rows]
        else:
            _put_off(tx, source, [number for (number,) in rows], values)
    return list(_read(tx, claimed, values["claim"]))


def _shops(tx: Transaction, ids: Sequence[int]) -> dict[int, Shop]:
    """Those whose rows can be read."""
    with suppress(*_UNREADABLE):
        found = shops_of(tx, ids)
        for shop in found:
            check_shop(shop)
        return {shop.id: shop for shop in found}
    return (
        {} if len(ids) == 1 else {number: shop for one in ids for number, shop in _shops(tx, [one]).items()}
    )


def _put_off(tx: Transaction, source: Source, numbers: Sequence[int], values: dict[str, Any]) -> None:
    """They wait, not counted as a try, until someone has repaired the row of their shop."""
    log.error("shop unreadable", shop=source.shop_id, messages=len(numbers))
    later = {"next_try_at": values["now"] + PUT_OFF, "reason": _SHOP_DAMAGED}
    key = {"shop_id": source.shop_id, "claim": values["claim"]}
    tx.run_by_id(query("release_claim"), [key | later | {"message_id": number} for number in numbers])


def _read(tx: Transaction, claimed: Sequence[tuple[Shop, int]], holder: str) -> Iterator[Claim]:
    """Their claims. A row that cannot be read costs its own message, which fails."""
    with suppress(*_UNREADABLE):
        rows = tx.rows_by_id(_CLAIMED, [(shop.id, number) for shop, number in claimed])
        yield from [
            Claim(checked(read_message(row, shop)), shop, holder)
            for row, (shop, _) in zip(rows, claimed, strict=True)
        ]
        return
    for shop, number in claimed:
        try:
            [row] = tx.rows_by_id(_CLAIMED, [(shop.id, number)])
            yield Claim(checked(read_message(row, shop)), shop, holder)
        except _UNREADABLE as error:
            _give_up(tx, {"shop_id": shop.id, "message_id": number, "claim": holder}, error)


def _completed(tx: Transaction, claims: Sequence[Claim]) -> Iterator[Claim]:
    """Each with what it is about, which may be damaged too."""
    for claim in claims:
        try:
            yield from [found._replace(message=checked(found.message)) for found in completed(tx, [claim])]
        except _UNREADABLE as error:
            _give_up(tx, claim.key, error)


def _give_up(tx: Transaction, key: dict[str, Any], error: Exception) -> None:
    log.error("message unreadable", shop=key["shop_id"], number=key["message_id"], error=type(error).__name__)
    tx.run(query("end_claimed"), key | {"state": "failed", "reason": _DAMAGED})


def _without_settled(tx: Transaction, claims: Sequence[Claim]) -> Iterator[Claim]:
    """Those that no journal knew before the database was restored; the others get the end that it knew of
    (guarantee 9)."""
    shops = list({claim.shop.id: None for claim in claims})
    journaled = tx.rows_each(query("any_journaled"), [{"shop_id": shop_id} for shop_id in shops])
    known = {shop_id for shop_id, rows in zip(shops, journaled, strict=True) if rows}
    for claim in claims:
        if claim.shop.id not in known or not _was_settled_before(tx, claim):
            yield claim


def _was_settled_before(tx: Transaction, claim: Claim) -> bool:
    key = {"shop_id": claim.shop.id, "fingerprint": claim.fingerprint}
    for outcome, happened_at in tx.rows(query("journaled_outcome"), key):
        settle(tx, claim.shop.id, claim.message.id, outcome, happened_at)
        tx.run(query("forget_journaled"), key)
        return True
    return False
