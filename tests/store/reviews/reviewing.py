"""Reviews for the stories of the store: an order that is reviewed, and what becomes of that."""

from typing import Any

from afterword.actions.reviews.writing import Said, Submission, Written, write_reviews
from afterword.domain.orders.order import Order
from afterword.domain.reviews.chain import Signer
from afterword.domain.reviews.review import Review, Words
from afterword.domain.shops import Shop
from afterword.store.engine.database import Transaction
from afterword.store.orders import StoredOrder, order_of
from tests.store.cast import NOW, Member, import_one

SIGNER = Signer("the secret from which this test's keys are made")

LINES = '[{"id":100,"name":"Rye bread"},{"id":200,"name":"Seed rolls"}]'


def nothing_found(text: str) -> tuple[str, ...]:
    return ()


def reviewed_order(tx: Transaction, member: Member, one: Order, *, live: bool = True) -> StoredOrder:
    """An order that was just imported, as whoever writes about it needs it."""
    order = order_of(tx, member.shop, import_one(tx, member, one, live=live).invitation_id)
    assert order is not None
    return order


def write(
    tx: Transaction,
    order: StoredOrder,
    line: int = 0,
    rating: int = 5,
    text: str = "Good bread.",
    *,
    seen: int = 0,
    now: float = NOW,
    wants_reply: bool = False,
    **more: Any,
) -> Written:
    """What the author of an order says of one line (0 is the shop)."""
    submission = Submission(order, [Said(line, Words(rating, text), seen)], wants_reply)
    [written] = write_reviews(tx, submission, now=now, **{"look": nothing_found, "signer": SIGNER} | more)
    return written


def by_hand(shop: Shop) -> dict[str, Any]:
    """The change that has a person look at all of a shop's reviews."""
    return {"moderation": "by hand", "publish_after": 3_600}


def told(tx: Transaction) -> list[tuple[Any, ...]]:
    """The notices that wait: their kind, whether for a program, and to whom."""
    return tx.rows("SELECT kind, webhook_id, recipient FROM notices ORDER BY notice_id")


def counted(tx: Transaction, review: Review, scope: str | None = None) -> dict[tuple[str, str, int], int]:
    """What is counted of a scope, by state, reason and stars."""
    asked = "SELECT state, reason, rating, amount FROM review_counts WHERE shop_id = :shop AND scope = :scope"
    values = {"shop": review.shop_id, "scope": scope or review.scope}
    return {tuple(kind): amount for *kind, amount in tx.rows(asked, values) if amount}
