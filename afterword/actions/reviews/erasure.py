"""Erase a review, at its author's request, wherever this machine keeps its words (docs/moderation.md)."""

from pathlib import Path
from typing import NamedTuple

from afterword.actions.reviews.moderation import erase
from afterword.actions.reviews.reading import as_read, found
from afterword.domain.reviews.chain import Signer
from afterword.domain.reviews.review import Review
from afterword.mail.outbox import remove_emails
from afterword.store.engine.database import Database, Transaction
from afterword.store.orders import StoredOrder


class Erased(NamedTuple):
    """The review before and after, how many e-mails were removed from the outbox, and a sentence about what may be
    left in the database's files."""

    old: Review
    new: Review
    emails: int
    left: str | None


def erase_everywhere(database: Database, outbox: Path, review_id: int, signer: Signer, now: float) -> Erased:
    """Erases a review from the rows, from the database's files, and from the outbox with all e-mails about its order.

    Raises Refused; then nothing is changed. Raises StoreUnavailable and OSError; then the review is erased, and only
    its copies in files may be left.
    """

    def work(tx: Transaction) -> tuple[Review, Review, StoredOrder | None]:
        with as_read(tx, review_id) as review:
            return review, erase(tx, review, signer, now), found(tx, review_id).order

    old, new, order = database.write_now(work)
    emails = remove_emails(outbox, order.id_order, order.email) if order else 0
    return Erased(old, new, emails, database.scrub())
