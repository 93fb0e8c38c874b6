"""What became of the words that an author's receipt is about."""

from typing import NamedTuple

from afterword.domain.reviews.chain import Entry
from afterword.domain.reviews.receipts import ReceiptStatus, has_words, is_receipt, status_of_receipt
from afterword.store.engine.database import Transaction
from afterword.store.reviews.chain import entry_by_hash
from afterword.store.reviews.writing import past_versions, review_of


class FoundReceipt(NamedTuple):
    """The entry of a receipt, what became of its words, and, where a salt was shown, whether what is kept of that
    version is what the entry commits to with it."""

    entry: Entry
    status: ReceiptStatus
    has_words: bool | None


def find_receipt(
    tx: Transaction, shop_id: int, hashed: str, *, live: bool, salt: str | None = None
) -> FoundReceipt | None:
    """None where the chain of this world has no such entry, or where it is of another kind."""
    entry = entry_by_hash(tx, shop_id, hashed)
    if entry is None or entry.live != live or not is_receipt(entry):
        return None
    review = review_of(tx, shop_id, entry.review_id)
    versions = [review, *past_versions(tx, review)] if review and salt else []
    kept = [has_words(entry, each, salt) for each in versions if salt and each.version == entry.version]
    return FoundReceipt(entry, status_of_receipt(entry, review), any(kept) if salt else None)
