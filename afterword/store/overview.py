"""Figures over all shops, for `afterword doctor` and `GET /metrics`."""

from typing import NamedTuple

from afterword.store.engine.database import Transaction
from afterword.store.queries import query


def count_by_state(tx: Transaction) -> dict[str, int]:
    """The number of invitations in each state, live and test. Reads every row."""
    return dict(tx.rows(query("count_invitations")))


def count_orders(tx: Transaction) -> int:
    """The number of orders, live and test. Reads every row."""
    return int(tx.rows(query("count_orders"))[0][0])


def count_due(tx: Transaction, now: float, *, most: int) -> int:
    """The number of live invitations that are due and not claimed; counts no further than `most`."""
    return int(tx.rows(query("count_due"), {"now": int(now), "most": most})[0][0])


def oldest_due(tx: Transaction, now: float) -> int | None:
    """When (epoch seconds) the longest-waiting live invitation became due; None if none is waiting."""
    for (since,) in tx.rows(query("oldest_due"), {"now": int(now)}):
        return int(since)
    return None


class Unsent(NamedTuple):
    """A shop's messages to one webhook, or (0) its e-mails other than invitations, that have not been sent yet or
    have failed: how many, the maximum number of tries, and one of the reasons."""

    shop_id: int
    webhook_id: int
    state: str
    amount: int
    tries: int
    error: str


def unsent_messages(tx: Transaction) -> list[Unsent]:
    """The unsent messages of all shops."""
    return [Unsent(*row) for row in tx.rows(query("unsent_messages"))]


class WaitingReviews(NamedTuple):
    """The live reviews of one shop that wait for a person: how many, and since when the oldest (epoch seconds).

    `found_since` is the same for those that are never published automatically, because of their flags.
    """

    shop_id: int
    amount: int
    since: int
    found_since: int | None


def waiting_by_shop(tx: Transaction) -> list[WaitingReviews]:
    """One for each shop with waiting reviews."""
    return [WaitingReviews(*row) for row in tx.rows(query("waiting_by_shop"))]


def waiting_tests_by_shop(tx: Transaction) -> dict[int, int]:
    """The number of waiting test reviews of each shop that has any."""
    return dict(tx.rows(query("waiting_tests_by_shop")))
