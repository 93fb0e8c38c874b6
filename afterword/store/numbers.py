"""Numbers that are shown, and the keys by which they are: see `domain.numbers`.

The keys are in the database and not in the settings, since they may change no more than the numbers themselves.
"""

from typing import NamedTuple

from afterword.domain.numbers import INVITATION_BITS, REVIEW_BITS, Permutation
from afterword.store.engine.database import Transaction
from afterword.store.queries import query


def next_number(tx: Transaction, counter: str) -> int:
    """What nothing else of this counter has."""
    return int(tx.rows(query("next_ids"), {"name": counter, "size": 1})[0][0]) - 1


class ReviewNumber(NamedTuple):
    """A place in the sequence of all reviews, of any shop, and the id that is shown instead, below 2^31."""

    number: int
    id: int


def next_review(tx: Transaction) -> ReviewNumber:
    """What no other review has."""
    number = tx.next_review_number()
    return ReviewNumber(number, Permutation(_key(tx, "reviews"), REVIEW_BITS).shown(number))


def invitation_ids(tx: Transaction) -> Permutation:
    """What is shown as an invitation's id, for the number that it shares with its order."""
    return Permutation(_key(tx, "orders"), INVITATION_BITS)


def _key(tx: Transaction, name: str) -> bytes:
    [(secret,)] = tx.rows(query("number_key"), {"name": name})
    return bytes.fromhex(secret)
