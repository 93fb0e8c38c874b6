"""The rows of the chain. An entry is added in the same transaction as the change it records."""

from collections.abc import Mapping
from typing import Any

from afterword.domain.reviews.chain import FIRST, Entry, EntryKind, Signer, canonical, signed
from afterword.domain.reviews.review import Review
from afterword.store.engine.database import Transaction
from afterword.store.journal.journal import head_line
from afterword.store.queries import query


def add_entry(
    tx: Transaction,
    signer: Signer,
    review: Review,
    kind: EntryKind,
    details: Mapping[str, object],
    *,
    now: float,
) -> Entry:
    """Appends an entry about a review to the chain of its shop and mode.

    The send journal notes the chain's new head (`store.reviews.heads`). The first entry, and the first after a change
    of the secret, is preceded by an entry that introduces the key.
    """
    chain = {"shop_id": review.shop_id, "live": int(review.live)}
    seq, previous, known_key = tx.rows(query("next_in_chain"), chain | {"first": FIRST})[0]
    public_key = signer.public_key(review.shop_id)
    place = (review.shop_id, review.live, seq, review.id, review.version, int(now))
    entry = Entry(*place, kind, canonical(details), previous, "", "")
    if known_key != public_key:
        named = canonical({"public_key": public_key})
        introduction = entry._replace(review_id=0, version=0, kind="key", details=named)
        entry = entry._replace(seq=seq + 1, previous=_insert(tx, signer, introduction).hash)
    entry = _insert(tx, signer, entry)
    tx.run(query("move_chain_head"), chain | {"seq": entry.seq, "hash": entry.hash, "public_key": public_key})
    tx.note((review.shop_id, review.live), head_line(review.shop_id, review.live, entry.seq, entry.hash))
    return entry


def _insert(tx: Transaction, signer: Signer, entry: Entry) -> Entry:
    entry = signed(signer, entry)
    tx.run(query("insert_entry"), entry._asdict() | {"live": int(entry.live)})
    return entry


def entries_from(
    tx: Transaction, shop_id: int, *, live: bool, seq: int = 1, most: int = 1_000
) -> list[Entry]:
    """Up to `most` entries of a chain in order, from `seq` on."""
    values = {"shop_id": shop_id, "live": int(live), "seq": seq, "most": most}
    return [as_entry(row) for row in tx.rows(query("entries_from"), values)]


def entries_of_review(tx: Transaction, shop_id: int, review_id: int) -> list[Entry]:
    """All entries about a review, oldest first."""
    values = {"shop_id": shop_id, "review_id": review_id}
    return [as_entry(row) for row in tx.rows(query("entries_of_review"), values)]


def receipts_of_order(tx: Transaction, shop_id: int, order_id: int, first: int, last: int) -> dict[int, str]:
    """By order line from `first` to `last`, the hash of the entry that commits to the review's current text."""
    values = {"shop_id": shop_id, "order_id": order_id, "first": first, "last": last}
    return dict(tx.rows(query("receipts_of_order"), values))


def entry_by_hash(tx: Transaction, shop_id: int, hashed: str) -> Entry | None:
    """The entry with this hash, which receipts contain."""
    rows = tx.rows(query("entry_by_hash"), {"shop_id": shop_id, "hash": hashed})
    return as_entry(rows[0]) if rows else None


def chain_head(tx: Transaction, shop_id: int, *, live: bool) -> tuple[int, str, str]:
    """The `seq` and hash of the last entry, and the public key in force; `seq` is 0 if the chain is empty."""
    rows = tx.rows(query("chain_head"), {"shop_id": shop_id, "live": int(live)})
    return (rows[0][0], rows[0][1], rows[0][2]) if rows else (0, FIRST, "")


def keys_of_chain(tx: Transaction, shop_id: int, *, live: bool, seq: int, most: int) -> list[Entry]:
    """The entries that introduce a key, up to entry `seq`, newest first."""
    values = {"shop_id": shop_id, "live": int(live), "seq": seq, "most": most}
    return [as_entry(row) for row in tx.rows(query("keys_of_chain"), values)]


def as_entry(row: tuple[Any, ...]) -> Entry:
    """Reads a row of the table `chain`."""
    shop_id, live, *rest = row
    return Entry(shop_id, bool(live), *rest)
