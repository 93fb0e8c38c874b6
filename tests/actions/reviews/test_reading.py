import pytest

from afterword.actions.reviews import reading
from afterword.actions.reviews.moderation import publish
from afterword.base.errors import Refused
from afterword.domain.reviews.review import Review
from afterword.store.engine.database import Database, Transaction
from tests.store.cast import NOW, SIGNER, Customer, Member, link_found
from tests.store.databases import act


def numbers(database: Database, member: Member, state: str | None = None, *, live: bool = True) -> list[int]:
    return [review.id for review in reading.listed(database, member.shop, state, live=live)]


def test_a_list_of_one_shop_and_mode_goes_through_all_pages_in_its_order(
    database: Database, alba: Member, bruno: Member
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


def test_of_two_who_decide_at_the_same_moment_the_second_is_refused(
    database: Database, alba: Member, clara: Customer
) -> None:
    about = alba.order("A-1")
    old = clara.reviews(about, 1, 4, look=link_found)
    new = clara.reviews(about, 1, 1, text="Stale.", seen=1, look=link_found)

    def decide_late(tx: Transaction) -> Review:
        with reading.as_read(tx, new.id):
            return publish(tx, old, "shop", SIGNER, NOW)

    with pytest.raises(Refused, match=f"review {new.id} has changed since you read it: read it again"):
        act(database, decide_late)
    assert alba.finds(new) == new
