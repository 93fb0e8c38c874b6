"""Changes of reviews. Each is one transaction: the row, the counts, the chain entry and the notifications."""

from collections.abc import Mapping
from typing import NamedTuple

from afterword.base.errors import ReviewChanged
from afterword.domain.figures import changed_figures
from afterword.domain.reviews.chain import Entry, EntryKind, Signer
from afterword.domain.reviews.review import Review
from afterword.domain.shops import Shop
from afterword.store.engine.database import Transaction
from afterword.store.figures import count_figure
from afterword.store.messages.enqueue import enqueue_deliveries
from afterword.store.reviews.chain import add_entry
from afterword.store.reviews.counts import count
from afterword.store.reviews.writing import insert_review, keep_past_version, replace_review
from afterword.store.shops import hold_shop

EVENTS = ("published", "rejected", "withdrawn", "replied")
"""The changes that webhooks are notified of, besides `received`."""


class Work(NamedTuple):
    """A transaction about a shop's reviews, the signer of its chain entries, and its time (epoch seconds). See
    `begin_work`."""

    tx: Transaction
    shop: Shop
    signer: Signer
    now: float

    def after(self, review: Review | None) -> int:
        """The time of a change: later than the review's last one, so that no two of its states share a time."""
        return max(int(self.now), review.changed_at + 1) if review else int(self.now)

    def record(self, review: Review, kind: EntryKind, details: Mapping[str, object]) -> Entry:
        """Appends an entry about the review to the chain."""
        return add_entry(self.tx, self.signer, review, kind, details, now=self.now)

    def tally(self, before: Review | None, after: Review) -> None:
        """Moves a review between the counts of its states, and adds to the figures of the day."""
        count(self.tx, before, after)
        for name, amount in changed_figures(before, after).items():
            count_figure(self.tx, self.shop, name, amount, live=after.live, now=self.now)

    def notify(self, review: Review, event: str) -> None:
        enqueue_deliveries(self.tx, review, event, now=self.now)


def begin_work(tx: Transaction, shop_id: int, signer: Signer, now: float) -> Work:
    """The beginning of every change: of a shop only one is made at a time. All of them move the end of its chain, so
    none would be done sooner beside another, and two that took rows in different orders would wait for each other."""
    return Work(tx, hold_shop(tx, shop_id), signer, now)


def change(work: Work, old: Review, new: Review, kind: EntryKind, details: Mapping[str, object]) -> Review:
    """Stores a decision about a review. Raises ReviewChanged if the review is no longer `old`."""
    replace_review(work.tx, old, new)
    work.tally(old, new)
    work.record(new, kind, details)
    if kind in EVENTS:
        work.notify(new, kind)
    return new


def store_version(work: Work, old: Review | None, new: Review) -> None:
    """Stores a first version, or one that replaces `old`. Raises ReviewChanged if another was stored first."""
    if old is not None:
        replace_review(work.tx, old, new)
        keep_past_version(work.tx, old)
    elif not insert_review(work.tx, new):
        raise ReviewChanged
    work.tally(old, new)
