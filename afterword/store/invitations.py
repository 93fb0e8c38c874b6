"""The rows of invitations: claimed by compare-and-swap, marked before DATA, settled by what the courier said.

Guarantee 5 rests on three rules: only the holder of a claim may mark it, the mark is durable (in the send journal
and here) before DATA, and what was marked and never settled is in doubt, not tried again.
"""

from collections.abc import Iterable, Sequence, Set
from typing import Any, NamedTuple

import msgspec

from afterword.base.errors import Refused
from afterword.domain.invitations import Invitation, Outcome, State, fingerprint
from afterword.domain.orders.order import decode_lines
from afterword.domain.shops import Shop
from afterword.store.engine.database import Transaction
from afterword.store.journal.replay import settle
from afterword.store.queries import query
from afterword.store.shops import shops_of
from afterword.store.suppressions import reasons_not_to_send

LONGEST_LEASE = 120
"""Seconds that no holder's lease exceeds."""

FEW_DUE = 1_000
"""Invitations due in all shops, up to which their shops are found without asking each shop."""

_MARK = query("mark_sending")
_RECORD = query("record_outcome")
_CLAIMED = query("claimed_invitation")


class Claim(NamedTuple):
    """A claimed invitation, the shop it belongs to, and the token of its holder."""

    invitation: Invitation
    shop: Shop
    holder: str

    @property
    def key(self) -> dict[str, Any]:
        return {"shop_id": self.shop.id, "order_id": self.invitation.id, "claim": self.holder}

    @property
    def fingerprint(self) -> str:
        invitation = self.invitation
        return fingerprint(self.shop.salt, live=invitation.live, id_order=invitation.id_order)

    def __reduce__(self) -> tuple[Any, ...]:
        """Crosses to the writer's process as MessagePack, at a fraction of what pickling costs."""
        return _claim, (_encode(self.invitation), self.shop, self.holder)

    def journal_line(self, word: str, now: float) -> str:
        return f"{word} {self.fingerprint} {self.shop.id} {self.invitation.id} {int(now)}"


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Invitation).decode


def _claim(invitation: bytes, shop: Shop, holder: str) -> Claim:
    return Claim(_decode(invitation), shop, holder)


class InvitationRow(msgspec.Struct, frozen=True):
    """An invitation as the shop sees it. Times are epoch seconds."""

    id: int
    shop_id: int
    id_order: str
    live: bool
    state: State
    due_at: int
    next_try_at: int
    sent_at: int | None
    tries: int
    reason: str | None


def due_shops(tx: Transaction, *, live: bool, now: float) -> list[int]:
    """The shops that have something due, in order, however many invitations wait.

    When little is due, only that is read, however many shops there are. When much is, there is one indexed look a
    shop: the oldest alone would all be of the shops that are behind.
    """
    values = {"live": int(live), "now": int(now)}
    first = tx.rows(query("first_due"), values | {"most": FEW_DUE})
    if len(first) < FEW_DUE:
        return sorted({shop_id for (shop_id,) in first})
    return [shop_id for (shop_id,) in tx.rows(query("due_shops"), values)]


def claim_due(
    tx: Transaction,
    shops: Sequence[int],
    holder: str,
    *,
    live: bool,
    now: float,
    lease_until: int,
    most: int,
) -> list[Claim]:
    """Claims up to `most` due invitations, the oldest of each shop first; nobody else can have them.

    Each of the shops has an equal part, the first ones if there are more of them than can be claimed. What is
    suppressed, or was settled before a restore, ends here and is not among them. Guarantee 4: a row is due only when
    `next_try_at` has come, in whole seconds that were rounded up.
    """
    part = max(1, most // len(shops))
    values = {"live": int(live), "now": int(now), "most": part, "claim": holder, "lease_until": lease_until}
    found = [(shop, {"shop_id": shop.id}) for shop in shops_of(tx, shops[:most])]
    claimed = tx.rows_each(query("claim_due"), [values | key for _, key in found])
    remembered = tx.rows_each(query("any_remembered"), [key for _, key in found])
    keys = [
        (shop, key | {"order_id": order_id}, bool(remembers))
        for (shop, key), rows, remembers in zip(found, claimed, remembered, strict=True)
        for (order_id,) in rows
    ]
    rows = tx.rows_of_orders(_CLAIMED, [key for _, key, _ in keys])
    claims = [Claim(_invitation(row), shop, holder) for (shop, _, _), row in zip(keys, rows, strict=True)]
    ended = _cancel_suppressed(tx, claims)
    return [
        claim
        for claim, (_, _, remembers), has_ended in zip(claims, keys, ended, strict=True)
        if not has_ended and not (remembers and _was_settled_before(tx, claim))
    ]


def _cancel_suppressed(tx: Transaction, claims: Sequence[Claim]) -> list[bool]:
    """Whether each was one of a suppressed address, and has ended therefore."""
    reasons = reasons_not_to_send(
        tx, [(claim.shop, claim.invitation.email, claim.invitation.live) for claim in claims]
    )
    for claim, reason in zip(claims, reasons, strict=True):
        if reason is not None:
            tx.run(query("end_claimed"), claim.key | {"state": "cancelled", "reason": reason})
    return [reason is not None for reason in reasons]


def _invitation(row: tuple[Any, ...]) -> Invitation:
    order_id, shop_id, live, *rest, lines = row
    return Invitation(*(order_id, shop_id, bool(live), *rest, decode_lines(lines)))


def _was_settled_before(tx: Transaction, claim: Claim) -> bool:
    """Whether the journal knew this order before the database was restored (guarantee 9)."""
    key = {"shop_id": claim.shop.id, "fingerprint": claim.fingerprint}
    for outcome, happened_at in tx.rows(query("remembered_outcome"), key):
        settle(tx, claim.shop.id, claim.invitation.id, outcome, happened_at)
        tx.run(query("forget_remembered"), key)
        return True
    return False


class Mark(NamedTuple):
    """DATA is about to begin."""

    claim: Claim
    now: float
    lease_until: int


class Record(NamedTuple):
    """What the courier said; `next_try_at` is None when a deferred letter is out of tries."""

    claim: Claim
    outcome: Outcome
    now: float
    next_try_at: int | None


def take_steps(tx: Transaction, steps: Sequence[Mark | Record]) -> list[bool | State | None]:
    """Takes the steps of several letters, and says of each what it has come to. Raises JournalMissing.

    A mark is False when the letter must not go: suppressed a moment ago (guarantee 6), or the claim is not ours any
    more. A record gives the new state, or None when the claim was not ours any more.
    """
    marks = [step for step in steps if isinstance(step, Mark)]
    records = [step for step in steps if isinstance(step, Record)]
    marked, recorded = iter(_mark_sending(tx, marks)), iter(_record_outcomes(tx, records))
    return [next(marked) if isinstance(step, Mark) else next(recorded) for step in steps]


def _mark_sending(tx: Transaction, marks: Sequence[Mark]) -> list[bool]:
    ended = _cancel_suppressed(tx, [mark.claim for mark in marks])
    going = [mark for mark, has_ended in zip(marks, ended, strict=True) if not has_ended]
    keys = [mark.claim.key | {"lease_until": mark.lease_until} for mark in going]
    done = iter(tx.run_for_orders(_MARK, keys))
    marked = [not has_ended and next(done) for has_ended in ended]
    for mark, is_marked in zip(marks, marked, strict=True):
        if is_marked:
            tx.journal(mark.claim.journal_line("sending", mark.now))
    return marked


def _record_outcomes(tx: Transaction, records: Sequence[Record]) -> list[State | None]:
    states = [_state_after(record) for record in records]
    keys = [_key_of_record(record, state) for record, state in zip(records, states, strict=True)]
    done = tx.run_for_orders(_RECORD, keys)
    for record, state, was_ours in zip(records, states, done, strict=True):
        if was_ours and tx.has_journal:
            word = "deferred" if state == "scheduled" else state
            tx.journal(record.claim.journal_line(word, record.now))
    return [state if was_ours else None for state, was_ours in zip(states, done, strict=True)]


def _state_after(record: Record) -> State:
    kind = record.outcome.kind
    if kind == "sent" or kind == "in_doubt":
        return kind
    return "failed" if kind == "failed" or record.next_try_at is None else "scheduled"


def _key_of_record(record: Record, state: State) -> tuple[Any, ...]:
    """In the order in which the statement names them."""
    sent_at = int(record.now) if state == "sent" else None
    reason = None if state == "sent" else record.outcome.reply
    claim = record.claim
    return state, record.next_try_at, sent_at, reason, claim.shop.id, claim.invitation.id, claim.holder


def release(tx: Transaction, claims: Iterable[Claim], *, next_try_at: int, reason: str | None) -> int:
    """Puts claims back whose DATA has not begun, not counted as a try, and returns how many were still ours."""
    values = {"next_try_at": next_try_at, "reason": reason}
    return sum(tx.run_for_orders(query("release_claim"), [claim.key | values for claim in claims]))


def renew_leases(tx: Transaction, claims: Iterable[Claim], lease_until: int) -> None:
    tx.run_for_orders(query("renew_lease"), [claim.key | {"lease_until": lease_until} for claim in claims])


def has_lapsed(tx: Transaction, *, now: float) -> bool:
    """Whether there is a claim whose lease has lapsed."""
    return bool(tx.rows(query("lapsed"), _bounds(now) | {"most": 1}))


def rescue_lapsed(tx: Transaction, in_hand: Set[int], *, now: float, most: int = 1_000) -> tuple[int, int]:
    """Takes up what a crashed holder left: claimed ones are scheduled again, marked ones are in doubt.

    Returns how many of each. Never touches what the caller has `in_hand` itself, whatever the clock says.
    """
    scheduled = in_doubt = 0
    for shop_id, order_id, state in tx.rows(query("lapsed"), _bounds(now) | {"most": most}):
        values = _bounds(now) | {"shop_id": shop_id, "order_id": order_id}
        if order_id in in_hand:
            continue
        if state == "claimed":
            scheduled += tx.run(query("rescue_claimed"), values)
        else:
            in_doubt += tx.run(
                query("doubt_sending"), values | {"reason": "interrupted while it was being sent"}
            )
    return scheduled, in_doubt


def _bounds(now: float) -> dict[str, int]:
    """A lease that counts ends between these; one that would end later was taken before the clock was set back."""
    return {"now": int(now), "latest": int(now) + LONGEST_LEASE}


def list_invitations(
    tx: Transaction, shop: Shop, state: str | None = None, *, before: int = 2**62, most: int = 1_000
) -> list[InvitationRow]:
    """A page of a shop's invitations, the newest first; `before` is the last id of the page before."""
    values = {"shop_id": shop.id, "state": state, "before": before, "most": most}
    return [_row(row) for row in tx.rows(query("list_invitations"), values)]


def find_invitation(tx: Transaction, invitation_id: int) -> InvitationRow:
    """Raises Refused when there is none."""
    for row in tx.rows(query("show_invitation"), {"order_id": invitation_id}):
        return _row(row)
    raise Refused(f"there is no invitation {invitation_id}")


def cancel_invitation(tx: Transaction, invitation_id: int, reason: str) -> InvitationRow:
    """Raises Refused when it is not scheduled or in doubt."""
    return _by_hand(tx, invitation_id, "cancelled", "cancel_invitation", {"reason": reason})


def move_invitation(tx: Transaction, invitation_id: int, to: int) -> InvitationRow:
    """Gives it another due time. Raises Refused when it is not scheduled."""
    return _by_hand(tx, invitation_id, "moved", "move_invitation", {"due_at": to})


def send_invitation(tx: Transaction, invitation_id: int, now: float) -> InvitationRow:
    """Makes it due now; one in doubt is settled by this: the person says that it did not arrive.

    Raises Refused when it was sent, or is in a courier's hands.
    """
    row = _by_hand(tx, invitation_id, "sent again", "send_invitation", {"now": int(now)})
    live, id_order, salt = tx.rows(query("order_identity"), {"shop_id": row.shop_id, "order_id": row.id})[0]
    mark = fingerprint(salt, live=bool(live), id_order=id_order)
    tx.run(query("forget_remembered"), {"shop_id": row.shop_id, "fingerprint": mark})
    tx.journal(f"released {mark} {row.shop_id} {row.id} {int(now)}")
    return row


def _by_hand(
    tx: Transaction, invitation_id: int, verb: str, name: str, values: dict[str, Any]
) -> InvitationRow:
    row = find_invitation(tx, invitation_id)
    if not tx.run(query(name), values | {"shop_id": row.shop_id, "order_id": row.id}):
        raise Refused(f"invitation {invitation_id} is {row.state} and cannot be {verb}")
    return find_invitation(tx, invitation_id)


def _row(row: tuple[Any, ...]) -> InvitationRow:
    order_id, shop_id, id_order, live, *rest = row
    return InvitationRow(order_id, shop_id, id_order, bool(live), *rest)
