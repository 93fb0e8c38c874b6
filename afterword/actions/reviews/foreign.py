"""Imports reviews that were collected elsewhere."""

import secrets
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from afterword.actions.reviews.changes import Work, begin_work
from afterword.actions.reviews.checking import Look
from afterword.domain.reviews.chain import Signer, imported_details
from afterword.domain.reviews.checks.flags import UNSURE, Checked
from afterword.domain.reviews.checks.own import Own, own_of
from afterword.domain.reviews.foreign import Foreign
from afterword.domain.reviews.moderation import decide
from afterword.domain.reviews.review import SITE, Review, text_hash
from afterword.domain.shops import Shop
from afterword.store.engine.database import Transaction
from afterword.store.numbers import next_review
from afterword.store.queries import query
from afterword.store.reviews.writing import insert_review

ImportResult = Literal["imported", "waiting", "imported before"]
"""The result for one; `waiting` is imported too, and waits for moderation."""


class Collection(NamedTuple):
    """Reviews of one shop that were collected at one place. `source` is its name, as the public sees it."""

    shop: Shop
    source: str
    live: bool

    def checked(self, foreign: Foreign) -> Checked:
        """What the checks look at in one of them."""
        return Checked(
            foreign.text, foreign.author, foreign.lang, _own(self.shop.name, self.shop.site, self.shop.phones)
        )


@lru_cache(maxsize=16)
def _own(name: str, site: str | None, phones: str | None) -> Own:
    return own_of(name, [site] if site else [], phones or "")


def import_reviews(
    tx: Transaction,
    collection: Collection,
    found: Sequence[Foreign],
    look: Look,
    *,
    signer: Signer,
    now: float,
) -> list[ImportResult]:
    """Stores those that were not imported before: the unique key decides, so none is there twice, whatever was
    killed in between, and however many import at the same time.

    Each is published with its original date, unless it is flagged; then it waits for a person, like any other review.
    """
    work = begin_work(tx, collection.shop.id, signer, now)
    results: list[ImportResult] = []
    for foreign in found:
        review = _review(tx, collection, foreign, flags_of(collection, foreign, look), now)
        key = {"shop_id": review.shop_id, "live": int(review.live), "source_key": foreign.key}
        if not tx.run(query("insert_import"), key | {"review_id": review.id}):
            results.append("imported before")
            continue
        is_new = import_review(work, review)
        assert is_new, "its number is new"
        results.append("waiting" if review.state == "waiting" else "imported")
    return results


def flags_of(collection: Collection, foreign: Foreign, look: Look) -> tuple[str, ...]:
    """The findings of the checks, and whether it is unknown if its source shows the review."""
    return look(collection.checked(foreign)) + (UNSURE,) * foreign.is_unsure


def import_review(work: Work, review: Review) -> bool:
    """Stores a review that was collected elsewhere, marked as imported and not verified. Sends no notifications.

    Returns False, and changes nothing, if there already is a review with this id.
    """
    if not insert_review(work.tx, review):
        return False
    work.tally(None, review)
    work.record(review, "imported", imported_details(review))
    return True


def which_imported_before(tx: Transaction, shop: Shop, found: Sequence[Foreign], *, live: bool) -> list[bool]:
    """For each review, whether it was imported before."""
    keys = [{"shop_id": shop.id, "live": int(live), "source_key": foreign.key} for foreign in found]
    return [bool(rows) for rows in tx.rows_each(query("imported_before"), keys)]


def _review(
    tx: Transaction, collection: Collection, foreign: Foreign, flags: tuple[str, ...], now: float
) -> Review:
    """The review to store, which has no order."""
    known = next_review(tx)
    # Unflagged reviews were published where they come from.
    state, publish_at = decide("checks", collection.shop.publish_after, flags, int(now))
    return Review(
        shop_id=collection.shop.id,
        id=known.id,
        number=known.number,
        order_id=0,
        line=0 if foreign.scope == SITE else 1,
        live=collection.live,
        state=state,
        version=1,
        imported_from=collection.source,
        salt=secrets.token_hex(16),
        changed_at=int(now),
        published_at=foreign.written_at if state == "published" else None,
        publish_at=publish_at,
        flags=flags,
        text_hash=text_hash(foreign.text),
        address_hash="",
        **{name: value for name, value in foreign._asdict().items() if name not in ("key", "is_unsure")},
    )
