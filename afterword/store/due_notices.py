"""The rows of notices that are due: claimed by compare-and-swap, marked before a letter leaves, settled by what came
of that.

Of several dispatchers only one has a notice, for as long as its lease counts. A letter goes at most once, as every
letter (guarantee 5): its mark is in the send journal and here before DATA, and what was marked and never settled does
not go again. A program is told at least once: there a lapsed lease means that it is told again.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

from afterword.domain.notices import Notice, fingerprint
from afterword.domain.reviews.review import PRODUCTS, SITE, Review
from afterword.domain.shops import Shop
from afterword.store.engine.database import Transaction
from afterword.store.orders import StoredOrder, order_of
from afterword.store.queries import query
from afterword.store.reviews.counts import counts
from afterword.store.reviews.rows import waiting_reviews
from afterword.store.reviews.writing import review_of
from afterword.store.shops import shops_of
from afterword.store.suppressions import suppressed_because
from afterword.store.webhooks import Webhook, note_answer, stop_webhook, webhook_of

PEACE = 900
"""Seconds between two letters to a shop that say that something waits for it."""

MOST_SHOWN = 10
"""Reviews that wait and are named in a letter."""

_INTERRUPTED = (
    "interrupted while it was being sent: whether it arrived is not known, and it is not sent again"
)


class Due(NamedTuple):
    """Where a notice is that is due, and who is to be told (`receiver`): a webhook, or (0) people by mail, of a
    world."""

    shop_id: int
    notice_id: int
    webhook_id: int
    live: bool
    state: Literal["waiting", "sending"]

    @property
    def receiver(self) -> tuple[int, bool]:
        return self.webhook_id, self.live

    @property
    def key(self) -> dict[str, Any]:
        return {"shop_id": self.shop_id, "notice_id": self.notice_id}


class NoticeClaim(NamedTuple):
    """A claimed notice with what telling it needs. `reviews` are those that it is about, as they are now, and
    `waiting` is how many wait for a person."""

    notice: Notice
    shop: Shop
    holder: str
    webhook: Webhook | None = None
    order: StoredOrder | None = None
    reviews: tuple[Review, ...] = ()
    waiting: int = 0

    @property
    def key(self) -> dict[str, Any]:
        return {"shop_id": self.shop.id, "notice_id": self.notice.id, "claim": self.holder}

    @property
    def receiver(self) -> tuple[int, bool]:
        return self.notice.webhook_id, self.notice.live

    @property
    def fingerprint(self) -> str:
        notice = self.notice
        return fingerprint(
            self.shop.salt,
            live=notice.live,
            notice_id=notice.id,
            kind=notice.kind,
            created_at=notice.created_at,
        )


def due_notices(tx: Transaction, *, now: float, most: int) -> list[Due]:
    """Those that wait longest."""
    return [
        Due(shop_id, notice_id, webhook_id, bool(live), state)
        for shop_id, notice_id, webhook_id, live, state in tx.rows(
            query("due_notices"), {"now": int(now), "most": most}
        )
    ]


def claim_notices(
    tx: Transaction,
    wanted: Sequence[Due],
    put_off: Sequence[tuple[Due, int]],
    holder: str,
    *,
    now: float,
    lease_until: int,
) -> list[NoticeClaim]:
    """Claims those, and puts the others off until the moments beside them.

    What a crash left behind while it was being sent is failed. What there is nothing to tell of any more ends here.
    """
    for due, until in put_off:
        tx.run(query("put_off_notice"), due.key | {"now": int(now), "next_try_at": until})
    claims = []
    for due in wanted:
        if due.state == "sending":
            tx.run(query("fail_lapsed_notice"), due.key | {"now": int(now), "error": _INTERRUPTED})
        elif claim := _claim(tx, due, holder, int(now), lease_until):
            claims.append(claim)
    return claims


def _claim(tx: Transaction, due: Due, holder: str, now: int, lease_until: int) -> NoticeClaim | None:
    values = due.key | {"claim": holder, "now": now, "lease_until": lease_until}
    for shop_id, notice_id, live, *rest in tx.rows(query("claim_notice"), values):
        notice = Notice(shop_id, notice_id, bool(live), *rest)
        [shop] = shops_of(tx, [shop_id])
        claim = _with_what_it_needs(tx, NoticeClaim(notice, shop, holder))
        return claim if claim is not None and _is_to_be_told(tx, claim) else None
    return None


def _with_what_it_needs(tx: Transaction, claim: NoticeClaim) -> NoticeClaim:
    notice = claim.notice
    if not notice.is_by_mail:
        return claim._replace(webhook=webhook_of(tx, notice.shop_id, notice.webhook_id))
    if notice.kind == "waiting":
        first = waiting_reviews(tx, notice.shop_id, live=notice.live, most=MOST_SHOWN)
        return claim._replace(waiting=_count_waiting(tx, notice), reviews=tuple(first))
    reviews = _reviews_of(tx, notice)
    order = order_of(tx, claim.shop, reviews[0].order_id) if reviews else None
    return claim._replace(reviews=reviews, order=order)


def _is_to_be_told(tx: Transaction, claim: NoticeClaim) -> bool:
    """What is not, ends here, or is put off."""
    webhook = claim.webhook
    if webhook is not None and webhook.stopped is not None:
        tx.run(
            query("keep_notice"), claim.key | {"state": "failed", "next_try_at": 0, "error": webhook.stopped}
        )
        return False
    if claim.notice.kind == "waiting" and claim.waiting:
        return _is_its_turn(tx, claim)
    if webhook is None and claim.order is None:
        tx.run(query("end_notice"), claim.key)
        return False
    return True


def _reviews_of(tx: Transaction, notice: Notice) -> tuple[Review, ...]:
    """The reviews that a letter to their author is about, unless something else has become of them meanwhile."""
    if notice.kind == "receipt":
        numbers = [receipt["review"] for receipt in notice.details["receipts"]]
    else:
        numbers = [notice.review_id]
    found = [review_of(tx, notice.shop_id, number) for number in numbers]
    return tuple(review for review in found if review is not None and _is_still_so(notice, review))


def _is_still_so(notice: Notice, review: Review) -> bool:
    if notice.kind == "rejected":
        return review.state == "rejected"
    if notice.kind == "reply":
        return review.state == "published" and review.reply is not None
    return notice.kind == "receipt" and review.state != "erased"


def _count_waiting(tx: Transaction, notice: Notice) -> int:
    kinds = [
        count for scope in (SITE, PRODUCTS) for count in counts(tx, notice.shop_id, scope, live=notice.live)
    ]
    return sum(count.amount for count in kinds if count.state == "waiting")


def _is_its_turn(tx: Transaction, claim: NoticeClaim) -> bool:
    """A shop that was told a moment ago is told again when its peace is over; then of all in one letter."""
    key = {"shop_id": claim.shop.id, "live": int(claim.notice.live)}
    others = [row for row in tx.rows(query("notices_to_shop"), key) if row[0] != claim.notice.id]
    for _, kind, next_try_at, _ in others:
        if kind == "told":
            tx.run(query("release_notice"), claim.key | {"next_try_at": next_try_at, "error": None})
            return False
    for notice_id, _, _, held in others:
        if held is None:
            tx.run(query("forget_notice"), {"shop_id": claim.shop.id, "notice_id": notice_id})
    return True


def mark_notice(tx: Transaction, claim: NoticeClaim, *, now: float, lease_until: int) -> bool:
    """DATA is about to begin. False when the letter must not go: its author was suppressed a moment ago (guarantee
    6), or the claim is not ours any more. Raises JournalMissing."""
    notice = claim.notice
    is_to_author = claim.order is not None
    if is_to_author and suppressed_because(tx, claim.shop, notice.recipient, live=notice.live):
        tx.run(query("end_notice"), claim.key)
        return False
    if not tx.run(query("mark_notice"), claim.key | {"lease_until": lease_until}):
        return False
    tx.journal(f"noticed {claim.fingerprint} {claim.shop.id} {notice.id} {int(now)}")
    return True


def end_notice(tx: Transaction, claim: NoticeClaim, *, now: float) -> None:
    """It was told."""
    if claim.webhook is not None:
        note_answer(tx, claim.shop.id, claim.webhook.id, now)
    if claim.notice.kind == "waiting":
        tx.run(query("rest_notice"), claim.key | {"next_try_at": int(now) + PEACE})
    else:
        tx.run(query("end_notice"), claim.key)


def keep_notice(tx: Transaction, claim: NoticeClaim, error: str, *, next_try_at: int | None) -> bool:
    """It could not be told: it is tried again, or (None) given up, with what is wrong. A program that has taken
    nothing since the event gets nothing any more then. Returns whether that is so."""
    state = "failed" if next_try_at is None else "waiting"
    values = {"state": state, "next_try_at": next_try_at or 0, "error": error}
    was_ours = tx.run(query("keep_notice"), claim.key | values)
    if not was_ours or next_try_at is not None or claim.webhook is None:
        return False
    return stop_webhook(tx, claim.shop.id, claim.webhook.id, error, since=claim.notice.created_at)


def release_notices(
    tx: Transaction, claims: Sequence[NoticeClaim], *, next_try_at: int, error: str | None
) -> None:
    """Puts back what was not tried, not counted as a try."""
    for claim in claims:
        tx.run(query("release_notice"), claim.key | {"next_try_at": next_try_at, "error": error})


def stop_receiver(tx: Transaction, claim: NoticeClaim, why: str, *, now: float) -> None:
    """The program says that it is gone for good: this notice is given up, and nothing more is sent there."""
    tx.run(query("keep_notice"), claim.key | {"state": "failed", "next_try_at": 0, "error": why})
    stop_webhook(tx, claim.shop.id, claim.notice.webhook_id, why, since=int(now) + 1)


def notices_by_webhook(tx: Transaction, shop_id: int) -> Callable[[int], dict[str, int]]:
    """How many of a shop's notices to a webhook wait, and how many were given up."""
    amounts: Counter[tuple[int, bool]] = Counter()
    for webhook_id, state, amount in tx.rows(query("notices_of_shop"), {"shop_id": shop_id}):
        amounts[webhook_id, state == "failed"] += amount
    return lambda webhook_id: {"waiting": amounts[webhook_id, False], "failed": amounts[webhook_id, True]}


class Trouble(NamedTuple):
    """Notices of one shop to one webhook, or (0) by mail, that could not be told: how many, how often the most was
    tried, and one of the reasons."""

    shop_id: int
    webhook_id: int
    state: str
    amount: int
    tries: int
    error: str


def notices_in_trouble(tx: Transaction) -> list[Trouble]:
    """Of all shops; reads every row, for doctor."""
    return [Trouble(*row) for row in tx.rows(query("count_notices"))]
