"""Numbers that are shown, and the key by which they are: see `domain.numbers`."""

import secrets
from typing import NamedTuple

from afterword.domain.numbers import REVIEW_BITS, Permutation
from afterword.store.engine.database import Transaction
from afterword.store.queries import query

KEY_OCTETS = 32


class ReviewNumber(NamedTuple):
    """A place in the sequence of all reviews, of any shop, and the id that is shown instead, below 2^31."""

    number: int
    id: int


def next_review(tx: Transaction) -> ReviewNumber:
    """What no other review has."""
    after: int = tx.rows(query("next_ids"), {"name": "reviews", "size": 1})[0][0]
    return ReviewNumber(after - 1, Permutation(_key(tx, "reviews"), REVIEW_BITS).shown(after - 1))


def _key(tx: Transaction, name: str) -> bytes:
    """Made once. It is kept with the numbers and not with the settings: another one would give out numbers that are
    taken."""
    found = tx.rows(query("number_key"), {"name": name})
    if not found:
        tx.run(query("insert_number_key"), {"name": name, "secret": secrets.token_hex(KEY_OCTETS)})
        found = tx.rows(query("number_key"), {"name": name})
    return bytes.fromhex(found[0][0])
