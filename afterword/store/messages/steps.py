"""The steps of a claimed message: marked before DATA, settled by its outcome, put back, taken up after a crash.

Guarantee 5 rests on three rules: only the holder of a claim may mark it, the mark is durable (in the send journal
and here) before DATA, and what was marked and never settled is in doubt, not tried again. A delivery to a webhook is
never marked, so it is tried again; it is never in the journal either.
"""

from collections.abc import Iterable, Sequence, Set
from typing import Any, Literal, NamedTuple

from afterword.domain.messages import GATHERED, Outcome, State
from afterword.store.engine.database import Transaction
from afterword.store.figures import count_figure
from afterword.store.messages.claims import Claim
from afterword.store.queries import query
from afterword.store.suppressions import reasons_not_to_send
from afterword.store.webhooks import note_answer, stop_webhook

LONGEST_LEASE = 120
"""Seconds that no holder's lease exceeds."""

_MARK = query("mark_sending")
_RECORD = query("record_outcome")


class Mark(NamedTuple):
    """DATA is about to begin."""

    claim: Claim
    now: float
    lease_until: int


class Record(NamedTuple):
    """What came of it; `next_try_at` is None when a deferred message is out of tries, never for one `untaken`."""

    claim: Claim
    outcome: Outcome
    now: float
    next_try_at: int | None


Settled = State | Literal["stopped"] | None
"""The new state; `stopped`: failed, and nothing more goes to this webhook; None: the claim was not ours any more."""


def take_steps(tx: Transaction, steps: Sequence[Mark | Record]) -> list[bool | Settled]:
    """Takes the steps of several messages, and answers for each of them. Raises JournalMissing.

    A mark is False when the message must not go: suppressed a moment ago (guarantee 6), or the claim is not ours any
    more. A record is Settled.
    """
    marks = [step for step in steps if isinstance(step, Mark)]
    records = [step for step in steps if isinstance(step, Record)]
    marked, recorded = iter(_mark_sending(tx, marks)), iter(_record_outcomes(tx, records))
    return [next(marked) if isinstance(step, Mark) else next(recorded) for step in steps]


def _mark_sending(tx: Transaction, marks: Sequence[Mark]) -> list[bool]:
    ended = cancel_suppressed(tx, [mark.claim for mark in marks])
    going = [mark for mark, has_ended in zip(marks, ended, strict=True) if not has_ended]
    keys = [mark.claim.key | {"lease_until": mark.lease_until} for mark in going]
    done = iter(tx.run_by_id(_MARK, keys))
    marked = [not has_ended and next(done) for has_ended in ended]
    for mark, is_marked in zip(marks, marked, strict=True):
        if is_marked:
            tx.journal(mark.claim.journal_line("sending", mark.now))
    return marked


def _record_outcomes(tx: Transaction, records: Sequence[Record]) -> list[Settled]:
    states = [_state_after(record) for record in records]
    keys = [_key_of_record(record, state) for record, state in zip(records, states, strict=True)]
    done = tx.run_by_id(_RECORD, keys)
    return [
        _recorded(tx, record, state) if was_ours else None
        for record, state, was_ours in zip(records, states, done, strict=True)
    ]


def _state_after(record: Record) -> State:
    kind = record.outcome.kind
    if kind == "sent" or kind == "in_doubt":
        return kind
    return "scheduled" if kind in ("deferred", "untaken") and record.next_try_at is not None else "failed"


def _key_of_record(record: Record, state: State) -> tuple[Any, ...]:
    """In the order in which the statement names them."""
    sent_at = int(record.now) if state == "sent" else None
    reason = None if state == "sent" else record.outcome.reply
    claim = record.claim
    tried = int(record.outcome.kind != "untaken")
    return state, tried, record.next_try_at, sent_at, reason, claim.shop.id, claim.message.id, claim.holder


def _recorded(tx: Transaction, record: Record, state: State) -> Settled:
    claim = record.claim
    if state == "scheduled":
        tx.announce()
    if claim.message.kind == "invitation" and state in ("sent", "failed"):
        name = "sent" if state == "sent" else "bounced"
        count_figure(tx, claim.shop, name, live=claim.message.live, now=record.now)
    if claim.delivery is None and tx.has_journal:
        tx.journal(claim.journal_line("deferred" if state == "scheduled" else state, record.now))
    if state == "sent" and claim.message.kind not in ("invitation", "digest"):
        tx.run(query("forget_payload" if claim.message.kind in GATHERED else "remove_message"), claim.key)
    if claim.delivery is not None:
        return _recorded_of_webhook(tx, record, state)
    return state


def _recorded_of_webhook(tx: Transaction, record: Record, state: State) -> Settled:
    """One that takes something works. One that says that it is gone, or has taken nothing from the event until its
    delivery is given up, gets nothing any more."""
    claim, outcome = record.claim, record.outcome
    assert claim.delivery is not None
    webhook_id = claim.delivery.webhook.id
    if state == "sent":
        note_answer(tx, claim.shop.id, webhook_id, record.now)
    if state != "failed":
        return state
    since = int(record.now) + 1 if outcome.kind == "gone" else claim.message.created_at
    return "stopped" if stop_webhook(tx, claim.shop.id, webhook_id, outcome.reply, since=since) else state


def cancel_suppressed(tx: Transaction, claims: Sequence[Claim]) -> list[bool]:
    """Whether each was for a suppressed address, and has ended therefore. What goes to no customer never is."""
    asked = [claim for claim in claims if claim.message.order is not None]
    addresses = [(claim.shop, claim.message.recipient.email, claim.message.live) for claim in asked]
    reasons = reasons_not_to_send(tx, addresses)
    ended = set()
    for claim, reason in zip(asked, reasons, strict=True):
        if reason is not None:
            end(tx, claim, "cancelled", reason)
            ended.add(claim.message.id)
    return [claim.message.id in ended for claim in claims]


def end(tx: Transaction, claim: Claim, state: State, reason: str | None) -> None:
    """Ends a claimed message that is not sent. What is cancelled is removed, unless it is an invitation."""
    ended = tx.run(query("end_claimed"), claim.key | {"state": state, "reason": reason})
    if ended and state == "cancelled":
        tx.run(query("remove_message"), claim.key)


def release(tx: Transaction, claims: Iterable[Claim], *, next_try_at: int, reason: str | None) -> int:
    """Puts claims back whose DATA has not begun, not counted as a try, and returns how many were still ours."""
    values = {"next_try_at": next_try_at, "reason": reason}
    tx.announce()
    return sum(tx.run_by_id(query("release_claim"), [claim.key | values for claim in claims]))


def renew_leases(tx: Transaction, claims: Iterable[Claim], lease_until: int) -> None:
    tx.run_by_id(query("renew_lease"), [claim.key | {"lease_until": lease_until} for claim in claims])


def has_lapsed(tx: Transaction, *, now: float) -> bool:
    """Whether there is a claim whose lease has lapsed."""
    return bool(tx.rows(query("lapsed"), _bounds(now) | {"most": 1}))


def rescue_lapsed(tx: Transaction, in_hand: Set[int], *, now: float, most: int = 1_000) -> tuple[int, int]:
    """Takes up what a crashed holder left: claimed ones are scheduled again, marked ones are in doubt.

    Returns how many of each. Never touches what the caller has `in_hand` itself, whatever the clock says.
    """
    scheduled = in_doubt = 0
    for shop_id, message_id, state in tx.rows(query("lapsed"), _bounds(now) | {"most": most}):
        values = _bounds(now) | {"shop_id": shop_id, "message_id": message_id}
        if message_id in in_hand:
            continue
        if state == "claimed":
            scheduled += tx.run(query("rescue_claimed"), values)
            tx.announce()
        else:
            in_doubt += tx.run(
                query("doubt_sending"), values | {"reason": "interrupted while it was being sent"}
            )
    return scheduled, in_doubt


def _bounds(now: float) -> dict[str, int]:
    """A lease that counts ends between these; one that would end later was taken before the clock was set back."""
    return {"now": int(now), "latest": int(now) + LONGEST_LEASE}
