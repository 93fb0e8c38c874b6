import pytest

from afterword.actions.reviews import reading
from afterword.actions.reviews.moderation import publish, reject
from afterword.base.errors import Refused
from afterword.domain.reviews.review import Review
from afterword.store.engine.database import Transaction
from afterword.store.engine.engine_database import EngineDatabase
from tests.store.cast import NOW, SIGNER, Customer, Member, link_found
from tests.store.databases import act, ask


def numbers(
    database: EngineDatabase, member: Member, state: str | None = None, *, live: bool = True
) -> list[int]:
    return [review.id for review in reading.listed(database, member.shop, state, live=live)]


def test_a_list_of_one_shop_and_mode_goes_through_all_pages_in_its_order(
    database: EngineDatabase, alba: Member, bruno: Member
) -> None:
    def write_all(tx: Transaction) -> list[int]:
        shop, clara = alba.within(tx), Customer(database).within(tx)
        abouts = [shop.order(f"A-{number}", email=f"c{number}@mail.example") for number in range(1_010)]
        return [
            clara.reviews(about, text=f"Bread {minute}.", look=link_found, now=NOW + minute).id
            for minute, about in enumerate(abouts)
        ]

    written = database.write_now(write_all)
    assert numbers(database, alba, "waiting") == written
    assert numbers(database, alba) == written[::-1]
    assert numbers(database, alba, "published") == numbers(database, bruno) == []
    test = Customer(database).reviews(alba.order("T-1", live=False))
    assert numbers(database, alba, live=False) == [test.id]


def test_one_is_found_with_its_history(database: EngineDatabase, alba: Member, clara: Customer) -> None:
    about = alba.order("A-1")
    clara.reviews(about, 1, 4, text="Crisp.")
    review = clara.reviews(about, 1, 5, text="Crisp. Truly.", seen=1, now=NOW + 60)
    found = ask(database, reading.found, review.id)
    assert (found.review, found.shop, found.order) == (review, alba.shop, about)
    assert [(each.version, each.text) for each in found.past_versions] == [(1, "Crisp.")]
    kinds = [(each.kind, each.version) for each in found.entries]
    assert kinds == [("written", 1), ("published", 1), ("written", 2), ("published", 2)]
    with pytest.raises(Refused, match="there is no review 99"):
        ask(database, reading.found, 99)


def test_a_review_that_changed_since_it_was_read_is_left_alone(
    database: EngineDatabase, alba: Member, clara: Customer
) -> None:
    about = alba.order("A-1")
    old = clara.reviews(about, 1, 4, look=link_found)
    new = clara.reviews(about, 1, 1, text="Stale.", seen=1, look=link_found)

    def decide(tx: Transaction, version: int) -> Review:
        with reading.as_read(tx, new.id, version) as review:
            return reject(tx, review, "off topic", SIGNER, NOW)

    def decide_late(tx: Transaction) -> Review:
        """As of two who decide at the same moment the second one does."""
        with reading.as_read(tx, new.id):
            return publish(tx, old, "shop", SIGNER, NOW)

    for action, values in ((decide, (1,)), (decide_late, ())):
        with pytest.raises(Refused, match=f"review {new.id} has changed since you read it: read it again"):
            act(database, action, *values)
    assert alba.finds(new) == new
    assert act(database, decide, 2).state == "rejected"
