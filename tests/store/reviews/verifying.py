"""Reviews of every kind, and what verification says after something was done to their rows."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from afterword.actions.reviews.changes import begin_work
from afterword.actions.reviews.foreign import import_review
from afterword.domain.reviews.chain import Signer
from afterword.domain.reviews.review import Review
from afterword.store.engine.database import Transaction
from afterword.store.orders import StoredOrder
from afterword.store.reviews.verification import Verification
from tests.store.cast import NOW, SIGNER, Customer, Member, link_found
from tests.store.databases import Store, act

LATER_SIGNER = Signer("the secret that came when the first one was lost")


class Undone(Exception):
    """Undoes what a transaction did."""


def faults(
    member: Member, *, live: bool = True, keys: tuple[Signer, ...] = (SIGNER, LATER_SIGNER)
) -> list[str]:
    """All that verification says is wrong."""
    allowed = {signer.public_key(member.shop.id) for signer in keys}
    check = Verification(member.store, member.shop.id, live=live, allowed=allowed)  # type: ignore[arg-type]
    return [str(found) for found in check.findings() if found.is_fault]


def found_after(member: Member, sql: str, values: Any = ()) -> list[str]:
    """What verification says after a statement; then it is undone."""
    return found_after_work(member, lambda tx: tx.run(sql, values))


def found_after_work(member: Member, change: Callable[[Transaction], object]) -> list[str]:
    """What verification says after this was done to the rows; then it is undone."""
    said: list[str] = []

    def work(tx: Transaction) -> None:
        change(tx)
        said.extend(faults(member.within(tx)))
        raise Undone

    with pytest.raises(Undone):
        member.acts(work)
    return said


def write_every_kind(alba: Member, clara: Customer) -> None:
    """Reviews in each state, some changed, answered or imported; and the secret was lost once."""

    def new(name: str, line: int = 0, **more: Any) -> tuple[StoredOrder, Review]:
        about = alba.order(name, email=f"{name}@x.example")
        return about, clara.reviews(about, line, 4, text=f"About {name}.", **more)

    new("published")
    new("waiting", 1, look=link_found)
    alba.rejects(new("rejected")[1], "abuse", NOW + 1)
    clara.withdraws(new("withdrawn")[1], NOW + 2)
    alba.disputes(alba.replies(new("replied", 2)[1], now=NOW + 3), now=NOW + 4)
    about, _ = new("erased")
    alba.erases(clara.reviews(about, text="Other words.", seen=1), NOW + 6)
    about, _ = new("changed", 1)
    clara.reviews(about, 1, 2, text="Second words.", seen=1, now=NOW + 7)
    clara.reviews(about, 1, 1, text="Third words.", seen=2, now=NOW + 8)
    back = alba.rejects(clara.reviews(about, text="Other."), "unreadable", NOW + 9)
    alba.publishes(back, NOW + 10, LATER_SIGNER)
    seen_elsewhere = clara.reviews(alba.order("elsewhere", email="elsewhere@x.example"), rating=3)
    import_elsewheres(alba.store, seen_elsewhere)


def import_elsewheres(store: Store, one: Review) -> None:
    """Two imported reviews, one answered and one that waits."""
    before = {"written_at": NOW - 900, "published_at": NOW - 800, "imported_from": "elsewhere.example"}
    answered = {"reply": "Thanks!", "replied_at": NOW - 700}
    waits = {"state": "waiting", "published_at": None}
    for place, more in ((5, answered), (6, waits)):
        own = {"id": one.id + place, "number": one.number + place}
        review = replace(one, order_id=0, **own, **before | more)
        act(store, _import_one, review, NOW + 6 + place)


def _import_one(tx: Transaction, review: Review, now: float) -> None:
    assert import_review(begin_work(tx, review.shop_id, LATER_SIGNER, now), review)
