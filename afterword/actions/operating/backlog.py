"""What waits or has failed: due e-mails, notifications and reviews, as findings of `afterword doctor`."""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, get_args

from afterword.actions import present
from afterword.base.errors import StoreUnavailable
from afterword.domain.messages import State
from afterword.domain.shops import Shop, format_delay
from afterword.domain.values import counted, utc_text
from afterword.store.engine.database import Database, Transaction
from afterword.store.messages.invitations import doubtful_invitations
from afterword.store.overview import (
    Unsent,
    WaitingReviews,
    count_by_state,
    count_orders,
    oldest_due,
    unsent_messages,
    waiting_by_shop,
    waiting_tests_by_shop,
)
from afterword.store.reviews.heads import chains_cut
from afterword.store.shops import shops_of
from afterword.store.webhooks import stopped_webhooks

MOST_LISTED = 20
"""Invitations in doubt, and shops with waiting reviews, that are listed one by one."""

LATE = 300
"""Seconds after which a due e-mail that still waits means that nothing sends, or that there is too much to send."""

MANY_TRIES = 3
"""From which a delivery that waits is worth mentioning."""

_ENDED = {"failed": "failed permanently", "in_doubt": "may or may not have been sent"}

Level = Literal["ok", "note", "action"]


class Finding(NamedTuple):
    """A `note` is worth knowing; an `action` needs a person."""

    check: str
    level: Level
    says: str


def lateness(database: Database, now: float) -> Iterator[Finding]:
    since = database.read_now(lambda tx: oldest_due(tx, now))
    if since is None or now - since < LATE:
        yield Finding("lateness", "ok", "No due e-mail is waiting.")
    else:
        says = (
            f"The oldest due e-mail has been waiting since {utc_text(since)}: is afterword serve running, and what "
            "does it log?"
        )
        yield Finding("lateness", "action", says)


def invitations(database: Database, details: dict[str, Any]) -> Iterator[Finding]:
    # In this order: what arrives in between is no invitation without its order.
    counts, orders = database.read_now(count_by_state), database.read_now(count_orders)
    doubtful = counts.get("in_doubt", 0)
    rows = database.read_now(lambda tx: doubtful_invitations(tx, MOST_LISTED)) if doubtful else []
    details["invitations"] = {state: counts.get(state, 0) for state in get_args(State)}
    details["in_doubt"] = [present.invitation(row) for row in rows]
    listed = ", ".join(f"{count:,} {state}" for state, count in details["invitations"].items() if count)
    yield Finding("invitations", "ok", (listed or "None yet") + ".")
    if (lost := sum(counts.values()) - orders) > 0:
        says = (
            f"{counted(lost, 'invitation has', 'invitations have')} no order and cannot be sent: rows of orders were "
            "deleted, or were never stored. Restore them from a backup, or delete these invitations."
        )
        yield Finding("invitations", "action", says)
    for row in rows:
        says = (
            f"Invitation {row.id} of shop {row.shop_id} (order {row.id_order}) may or may not have been sent: "
            f"{row.reason or 'unknown'}. If the mail server's log shows that it was not: afterword invitation send "
            f"{row.id}; otherwise: afterword invitation cancel {row.id} --reason delivered"
        )
        yield Finding("in doubt", "action", says)
    if doubtful > len(rows):
        says = f"And {doubtful - len(rows):,} more: afterword invitation list SHOP --state in_doubt"
        yield Finding("in doubt", "action", says)


def chains(database: Database) -> Iterator[Finding]:
    """Whether the chains of reviews have what the send journal has noted as their last entries."""
    try:
        cut = chains_cut(database)
    except (OSError, StoreUnavailable):
        return  # the journal has a finding of its own
    for head in cut[:MOST_LISTED]:
        says = (
            f"The {'live' if head.live else 'test'} reviews of shop {head.shop_id} lack entry {head.seq} of their "
            "chain, which the send journal has noted: a backup was restored, or the end was cut off. See: "
            f"afterword verify {head.shop_id}{'' if head.live else ' --test'}"
        )
        yield Finding("chains", "action", says)
    if len(cut) > MOST_LISTED:
        yield Finding("chains", "action", f"And {len(cut) - MOST_LISTED:,} chains more.")
    if not cut:
        yield Finding(
            "chains", "ok", "Every chain of reviews has the last entry that the send journal has noted."
        )


def notifications(database: Database) -> Iterator[Finding]:
    """Who could not be notified about a review."""
    troubles, stopped = database.read_now(lambda tx: (unsent_messages(tx), stopped_webhooks(tx)))
    for webhook in stopped:
        says = (
            f"Webhook {webhook.id} of shop {webhook.shop_id} is stopped ({webhook.stopped}). Once it works again: "
            f"afterword webhook test {webhook.id}; otherwise: afterword webhook remove {webhook.id}"
        )
        yield Finding("webhooks", "action", says)
    for one in troubles:
        verb = "is" if one.amount == 1 else "are"
        status = _ENDED.get(one.state, f"{verb} waiting after {one.tries} tries")
        if one.state in _ENDED or one.tries >= MANY_TRIES:
            yield Finding("messages", "note", f"{_what(one)} {status}: {one.error}")
    if not troubles and not stopped:
        says = "All e-mails and webhook deliveries about reviews are sent, or about to be."
        yield Finding("messages", "ok", says)


def _what(one: Unsent) -> str:
    if one.webhook_id:
        amount = counted(one.amount, "delivery", "deliveries")
        return f"{amount} of shop {one.shop_id} to webhook {one.webhook_id}"
    return f"{counted(one.amount, 'e-mail')} of shop {one.shop_id} about reviews"


def reviews(database: Database, details: dict[str, Any], now: float) -> Iterator[Finding]:
    """Reviews that wait for a person. A live one with personal data or a threat waits until a person decides, so it
    needs action once it has waited for as long as its shop lets any other wait."""
    waiting, listed = database.read_now(_waiting)
    details["waiting_reviews"] = sum(found.amount for found in waiting)
    if not waiting:
        yield Finding("reviews", "ok", "No live review is waiting for moderation.")
    for found, shop in listed:
        yield _waiting_at(found, shop, now)
    if len(waiting) > len(listed):
        more = counted(len(waiting) - len(listed), "more shop has", "more shops have")
        says = f"And {more} reviews waiting: afterword review list SHOP --state waiting"
        yield Finding("reviews", "note", says)
    if tests := database.read_now(waiting_tests_by_shop):
        named = next(iter(tests)) if len(tests) == 1 else "SHOP"
        amount = counted(sum(tests.values()), "test review waits", "test reviews wait")
        says = f"{amount} for moderation: afterword review list {named} --test --state waiting"
        yield Finding("reviews", "note", says)


def _waiting(tx: Transaction) -> tuple[list[WaitingReviews], list[tuple[WaitingReviews, Shop]]]:
    """All shops, and those that are listed: first where a decision that only a person can take is oldest."""
    waiting = waiting_by_shop(tx)
    waiting.sort(key=lambda found: (found.found_since is None, found.found_since or found.since))
    first = waiting[:MOST_LISTED]
    return waiting, list(zip(first, shops_of(tx, [found.shop_id for found in first]), strict=True))


def _waiting_at(found: WaitingReviews, shop: Shop, now: float) -> Finding:
    amount = counted(found.amount, "review")
    verb = "has" if found.amount == 1 else "have"
    says = (
        f"{amount} of shop {shop.id} {verb} been waiting for moderation since {utc_text(found.since)}: "
        f"afterword review list {shop.id} --state waiting"
    )
    if found.found_since is None or now - found.found_since < shop.publish_after:
        return Finding("reviews", "note", says)
    says += (
        f". One with personal data or a threat, which is never published automatically, has waited longer than "
        f"{format_delay(shop.publish_after)}: publish or reject it"
    )
    return Finding("reviews", "action", says)
