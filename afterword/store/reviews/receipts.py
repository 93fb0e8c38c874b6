"""Looks up the receipts of authors."""

from typing import NamedTuple

from afterword.domain.reviews.chain import Entry
from afterword.domain.reviews.receipts import ReceiptStatus, has_words, is_receipt, status_of_receipt
from afterword.store.engine.database import Transaction
from afterword.store.reviews.chain import entry_by_hash
from afterword.store.reviews.writing import past_versions, review_of


class FoundReceipt(NamedTuple):
    """The entry of a receipt, and the status of its text. If a salt was given, `has_words` says whether the entry
    commits, with it, to the stored text of that version; otherwise it is None."""

    entry: Entry
    status: ReceiptStatus
    has_words: bool | None


def find_receipt(
    tx: Transaction, shop_id: int, hashed: str, *, live: bool, salt: str | None = None
) -> FoundReceipt | None:
    """None if the chain of this mode has no such entry, or the entry is not a receipt."""
    entry = entry_by_hash(tx, shop_id, hashed)
    if entry is None or entry.live != live or not is_receipt(entry):
        return None
    review = review_of(tx, shop_id, entry.review_id)
    versions = [review, *past_versions(tx, review)] if review and salt else []
    matches = [has_words(entry, each, salt) for each in versions if salt and each.version == entry.version]
    return FoundReceipt(entry, status_of_receipt(entry, review), any(matches) if salt else None)
