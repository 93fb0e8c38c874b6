"""A person is found by their address among all orders of a shop, and what is erased is in no row any more."""

from functools import partial
from pathlib import Path

import pytest

from afterword.actions.invitations import send
from afterword.actions.people import (
    SHOPS_A_LOOK,
    erase_old,
    erase_order,
    erase_person,
    exported,
    next_order_of,
    person,
    shops_with_old_orders,
    stop_writing_to,
)
from afterword.base.errors import Refused
from afterword.domain.people.kept import KEEP_FOR
from afterword.store.people import orders_of_person
from tests.store.cast import DUE, NOW, SIGNER, Customer, Member, new_member, order, phone_number_found
from tests.store.reviews.verifying import faults

CLARA = "Clara.Nunez@mail.example"


def names(member: Member, email: str) -> list[str]:
    return [one.id_order for one in member.asks(orders_of_person, member.shop, email, most=100)]


def erases(member: Member, email: str = CLARA, now: float = DUE) -> int:
    """Erases a person, and returns how many orders that took."""
    member.acts(stop_writing_to, member.shop, email, now)
    count = 0
    while about := member.asks(next_order_of, member.shop, email):
        member.acts(erase_order, about, SIGNER, now)
        count += 1
    return count


def everything(member: Member) -> str:
    tables = ("orders", "messages", "reviews", "past_versions", "suppressions", "refused_orders", "chain")
    return str([member.rows(f"SELECT * FROM {table}") for table in tables])


def test_a_persons_orders_are_found_in_any_case_and_mode(alba: Member, bruno: Member) -> None:
    alba.sends("A-1", email=CLARA)
    alba.sends("A-2", email=CLARA.upper())
    alba.sends("A-3", email="diego@mail.example")
    alba.sends("T-1", email=CLARA, live=False)
    bruno.sends("B-1", email=CLARA)
    assert names(alba, "clara.nunez@MAIL.example") == ["A-1", "A-2", "T-1"]
    assert names(alba, "clara@mail.example") == []


def test_it_is_found_wherever_it_lies_among_many(alba: Member) -> None:
    """Numbers of orders are taken in blocks, so that these lie far apart."""
    for part in range(6):
        alba.sends(f"C-{part}", email=CLARA)
        alba.executes("UPDATE counters SET next_id = next_id + 9000 WHERE name = 'orders'")
        alba.sends_batch(
            *[order(f"{part}-{number}", email=f"d{number}@mail.example") for number in range(1_100)]
        )
    assert names(alba, CLARA) == [f"C-{part}" for part in range(6)]


@pytest.mark.parametrize("written", ["ÉLODIE@mail.example", "élodie@mail.example"])
def test_capitals_beyond_ascii_are_found_as_they_were_sent(alba: Member, written: str) -> None:
    alba.sends("A-1", email=written)
    assert names(alba, written) == ["A-1"]


def test_all_that_is_kept_is_exported(alba: Member, clara: Customer, tmp_path: Path) -> None:
    about = alba.order("A-1", email=CLARA, phone="+33 1 40 00 00 00")
    clara.reviews(about, rating=3, text="First words.")
    clara.reviews(about, rating=4, text="Second words.", seen=1, look=phone_number_found)
    alba.suppresses(CLARA, reason="unsubscribed")
    found = alba.asks(person, alba.shop, CLARA, most=10)
    fields = exported(found, alba.shop, tmp_path, NOW)
    [exported_order] = fields["orders"]  # type: ignore[misc]
    assert exported_order["email"] == CLARA
    assert (exported_order["phone"], exported_order["lastname"]) == ("+33 1 40 00 00 00", "Nunez")
    assert [line["name"] for line in exported_order["products"]] == ["Rye bread", "Seed rolls"]
    assert exported_order["invitation"]["state"] == "scheduled"
    [review] = exported_order["reviews"]
    assert (review["text"], review["flags"]) == ("Second words.", ["phone number"])
    assert [version["text"] for version in review["versions"]] == ["First words."]
    assert [each["reason"] for each in fields["suppressions"]] == ["unsubscribed"]  # type: ignore[attr-defined]


def test_what_is_erased_is_in_no_row(alba: Member, clara: Customer) -> None:
    about = alba.order(
        "A-1", email=CLARA, phone="+33 1 40 00 00 00", firstname="Klarissa", lastname="Nunezova"
    )
    clara.reviews(about, rating=2, text="Secretwords one.", wants_reply=True)
    review = clara.reviews(about, rating=4, text="Secretwords two.", seen=1)
    alba.replies(review, "Dear Klarissa, secretreply.")
    alba.disputes(alba.finds(review), "Secretdispute.")
    alba.order("A-2", email=CLARA, firstname="Klarissa", lastname="Nunezova")
    other = alba.order("A-3", email="diego@mail.example", firstname="Diego")
    clara.reviews(other, rating=5, text="Other words.")
    assert erases(alba) == 2
    left = everything(alba)
    for word in (
        "clara.nunez",
        "Klarissa",
        "Nunezova",
        "ecretwords",
        "secretreply",
        "Secretdispute",
        "+33 1 40",
    ):
        assert word.lower() not in left.lower(), word
    for word in ("Diego", "Other words.", "diego@mail.example"):
        assert word in left
    assert names(alba, CLARA) == []
    assert faults(alba) == []


def test_an_erased_person_is_not_written_to_and_an_order_not_imported_again(alba: Member) -> None:
    first = alba.sends("A-1", email=CLARA)
    erases(alba, now=NOW)
    assert alba.state(first) == "cancelled"
    assert alba.sends_batch(order("A-1", email=CLARA)) == [None]
    again = alba.sends("A-2", email=CLARA.upper())
    assert alba.claims(DUE) == []
    assert (alba.state(again), alba.sees(again).reason) == ("cancelled", "erased")
    assert [each.address for each in alba.suppressions()] == [None]


def test_one_that_is_claimed_while_its_person_is_erased_does_not_go(alba: Member) -> None:
    alba.sends("A-1", email=CLARA)
    claim = alba.claims_one()
    erases(alba)
    assert not alba.marks(claim)
    assert alba.state(claim) == "cancelled"


def test_the_servers_words_about_an_address_are_erased(alba: Member) -> None:
    invitation = alba.sends("A-1", email=CLARA)
    claim = alba.claims_one()
    alba.marks(claim)
    alba.records(claim, "failed", f"550 5.1.1 <{CLARA}>: no such mailbox")
    erases(alba)
    assert alba.sees(invitation).reason == "erased"
    assert alba.state(invitation) == "failed"


def test_an_earlier_wish_keeps_its_reason_but_not_its_address(alba: Member) -> None:
    alba.suppresses(CLARA, reason="unsubscribed")
    erases(alba)
    assert [(each.address, each.reason) for each in alba.suppressions()] == [(None, "unsubscribed")]


def test_stars_of_an_erased_person_leave_the_score(alba: Member, clara: Customer) -> None:
    clara.reviews(alba.order("A-1", email=CLARA), rating=1)
    clara.reviews(alba.order("A-2"), rating=5)
    erases(alba)
    [(amount,)] = alba.rows("SELECT sum(amount) FROM figures WHERE name = 'stars'")
    assert amount == 5


def test_an_erased_order_is_not_sent_by_hand(alba: Member) -> None:
    invitation = alba.sees(alba.sends("A-1", email=CLARA)).id
    erases(alba)
    with pytest.raises(Refused, match="the name and address of this order are erased"):
        alba.acts(send, invitation, DUE)


# Retention.


def old_shops(member: Member, now: float) -> list[int]:
    """The shops with orders whose time is over, looked at in turn."""
    found, after = [], 0
    while after is not None:
        shops, after = member.asks(shops_with_old_orders, now, after)
        found += shops
    return found


def tidies(member: Member, now: float) -> int:
    """Erases what is old, and returns in how many steps."""
    steps = 0
    for shop_id in old_shops(member, now):
        steps += 1
        while member.acts(erase_old, shop_id, now):
            steps += 1
    return steps


def test_names_and_addresses_go_when_their_time_is_over(alba: Member, clara: Customer) -> None:
    old = alba.order("A-1", email=CLARA, firstname="Klarissa")
    review = clara.reviews(old, text="Lasting words.")
    alba.sends("A-2", email=CLARA, at=NOW + 86_400)
    assert tidies(alba, NOW + KEEP_FOR) == 0
    assert tidies(alba, NOW + KEEP_FOR + 1) == 1
    assert names(alba, CLARA) == ["A-2"]
    assert alba.finds(review).text == "Lasting words."
    assert alba.rows("SELECT address_hash FROM reviews") == [("",)]
    assert "Klarissa" not in str(alba.rows("SELECT * FROM orders"))
    assert tidies(alba, NOW + KEEP_FOR + 1) == 0


def test_many_are_erased_in_steps_and_none_is_looked_at_twice(alba: Member) -> None:
    alba.sends_batch(*[order(f"A-{number}") for number in range(85)])
    alba.sends("B-1", at=NOW + 86_400)
    now = NOW + KEEP_FOR + 1
    assert old_shops(alba, now) == [alba.shop.id]
    assert [alba.acts(erase_old, alba.shop.id, now) for _ in range(4)] == [True, True, True, False]
    assert alba.rows("SELECT count(*) FROM orders WHERE email = ''") == [(85,)]
    assert old_shops(alba, now) == []


def test_a_shop_that_keeps_longer_is_left_alone(alba: Member, bruno: Member) -> None:
    kept = bruno.changes(keep_for=10 * 365 * 86_400)
    alba.sends("A-1")
    kept.sends("B-1")
    assert old_shops(alba, NOW + KEEP_FOR + 1) == [alba.shop.id]


def test_every_shop_is_looked_at_however_many_there_are(alba: Member) -> None:
    many = [new_member(alba.store, f"Shop {number}") for number in range(SHOPS_A_LOOK + 3)]  # type: ignore[arg-type]
    many[-1].sends("A-1")
    assert old_shops(alba, NOW + KEEP_FOR + 1) == [many[-1].shop.id]


def test_an_address_with_another_character_is_another_persons(alba: Member) -> None:
    alba.sends("A-1", email="straße@mail.example")
    alba.sends("A-2", email="strasse@mail.example")
    assert names(alba, "STRASSE@mail.example") == ["A-2"]
    assert names(alba, "straße@mail.example") == ["A-1"]


def test_an_interrupted_erasure_is_repeated_and_leaves_no_file(alba: Member, tmp_path: Path) -> None:
    alba.sends("A-1", email=CLARA)
    file = tmp_path / "A-1-c0ffee.eml"
    file.mkdir()  # it cannot be read
    erase = partial(erase_person, alba.store, alba.shop, CLARA, tmp_path, SIGNER, DUE)
    with pytest.raises(OSError, match="directory"):
        erase()
    file.rmdir()
    file.write_text(f"To: <{CLARA}>")
    assert erase()[:3] == (1, 0, 1)
    assert not file.exists()
