"""What there is in all shops together, for `afterword doctor` and `GET /metrics`."""

from typing import NamedTuple

from afterword.store.engine.database import Transaction
from afterword.store.invitations import InvitationRow
from afterword.store.queries import query


def count_by_state(tx: Transaction) -> dict[str, int]:
    """How many invitations are in each state, live and test; reads every row."""
    return dict(tx.rows(query("count_invitations")))


def count_due(tx: Transaction, now: float, *, most: int) -> int:
    """How many live invitations could be sent now and are not claimed; no more than `most` are counted."""
    count: int = tx.rows(query("count_due"), {"now": int(now), "most": most})[0][0]
    return count


def oldest_due(tx: Transaction, now: float) -> int | None:
    """Since when (epoch seconds) the live invitation that waits longest could have been sent."""
    for (since,) in tx.rows(query("oldest_due"), {"now": int(now)}):
        return int(since)
    return None


def in_doubt(tx: Transaction, most: int) -> list[InvitationRow]:
    """The invitations in doubt, the oldest first; reads every row."""
    return [
        InvitationRow(*(order_id, shop_id, id_order, bool(live), *rest))
        for order_id, shop_id, id_order, live, *rest in tx.rows(query("in_doubt"), {"most": most})
    ]


class WaitingReviews(NamedTuple):
    """The live reviews of one shop that wait for a person: how many, and since when (epoch seconds) the oldest.

    `found_since` is that of the oldest in which the checks found something: time does not publish it.
    """

    shop_id: int
    amount: int
    since: int
    found_since: int | None


def waiting_by_shop(tx: Transaction) -> list[WaitingReviews]:
    """One for each shop that has any."""
    return [WaitingReviews(*row) for row in tx.rows(query("waiting_by_shop"))]
