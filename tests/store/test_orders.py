"""Guarantees 2 and 3: an order is stored once for ever, each with one invitation, due at receipt plus the delay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterword.domain.invitations import due_at
from afterword.domain.shops import DEFAULT_DELAY, TEST_DELAY
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.orders import order_of
from afterword.store.shops import change_shop
from tests.store.cast import NOW, Member, counted, import_batch, import_one, order, seen

TEN_DAYS = 10 * 86_400


def test_an_order_earns_one_invitation_due_ten_days_after_its_receipt(
    database: EngineDatabase, alba: Member
) -> None:
    imported = database.write_now(lambda tx: import_one(tx, alba, at=NOW + 0.25))
    invitation = seen(database, imported.invitation_id)
    assert counted(database, "invitations") == 1
    assert imported.due_at == invitation.due_at == invitation.next_try_at == NOW + 1 + TEN_DAYS
    assert (invitation.state, invitation.tries, invitation.sent_at) == ("scheduled", 0, None)


@pytest.mark.parametrize("order_date", ["1999-01-01 00:00:00", "2019-01-01 12:00:00", "2099-12-31 23:59:59"])
def test_the_date_of_the_order_has_no_part_in_when_it_is_due(
    database: EngineDatabase, alba: Member, order_date: str
) -> None:
    imported = database.write_now(lambda tx: import_one(tx, alba, order(order_date=order_date)))
    assert imported.due_at == seen(database, imported.invitation_id).due_at == NOW + TEN_DAYS


def test_the_delay_is_the_shops_own_and_ten_seconds_for_a_test_key(
    database: EngineDatabase, alba: Member
) -> None:
    shop = database.write_now(lambda tx: change_shop(tx, alba.shop, delay=3_600))
    hurried = alba._replace(shop=shop)
    assert database.write_now(lambda tx: import_one(tx, hurried)).due_at == NOW + 3_600
    assert database.write_now(lambda tx: import_one(tx, hurried, live=False)).due_at == NOW + TEST_DELAY


def test_another_delay_later_moves_nothing_that_is_imported(database: EngineDatabase, alba: Member) -> None:
    imported = database.write_now(lambda tx: import_one(tx, alba))
    database.write_now(lambda tx: change_shop(tx, alba.shop, delay=5))
    assert seen(database, imported.invitation_id).due_at == NOW + DEFAULT_DELAY


@given(st.floats(min_value=1e9, max_value=4e9), st.integers(0, 366 * 86_400))
def test_receipt_is_rounded_up_to_the_second_and_never_down(received_at: float, delay: int) -> None:
    assert received_at <= due_at(received_at, delay) - delay < received_at + 1


def test_an_order_sent_before_is_not_imported_again_and_changes_nothing(
    database: EngineDatabase, alba: Member
) -> None:
    first = database.write_now(lambda tx: import_one(tx, alba, order("1", "R1")))
    again = order("1", "R2", email="diego@diaz.example", firstname="Diego")
    assert database.write_now(lambda tx: import_batch(tx, alba, again, at=NOW + 99)) == [None]
    stored = database.read_now(lambda tx: order_of(tx, alba.shop, first.invitation_id))
    assert stored is not None
    assert (stored.firstname, stored.email, stored.reference) == ("Clara", "clara@nunez.example", "R1")
    assert seen(database, first.invitation_id).due_at == first.due_at
    assert counted(database, "invitations") == 1


def test_a_repeated_reference_is_not_imported(database: EngineDatabase, alba: Member) -> None:
    outcomes = database.write_now(
        lambda tx: import_batch(tx, alba, order("1", "R"), order("2", "R"), order("3", "r"))
    )
    assert [each is not None for each in outcomes] == [True, False, True]
    assert database.write_now(lambda tx: import_batch(tx, alba, order("4", "R"))) == [None]


def test_id_order_is_held_against_id_order_and_reference_against_reference(
    database: EngineDatabase, alba: Member
) -> None:
    outcomes = database.write_now(
        lambda tx: import_batch(tx, alba, order("A", "B"), order("B", "A"), order("C", "C"))
    )
    assert None not in outcomes


def test_no_reference_never_equals_no_reference(database: EngineDatabase, alba: Member) -> None:
    outcomes = database.write_now(lambda tx: import_batch(tx, alba, *(order(f"{n}") for n in range(40))))
    assert None not in outcomes


def test_live_and_test_orders_are_two_worlds(database: EngineDatabase, alba: Member) -> None:
    one = order("1", "R")
    live = database.write_now(lambda tx: import_one(tx, alba, one))
    test = database.write_now(lambda tx: import_one(tx, alba, one, live=False))
    assert (seen(database, live.invitation_id).live, seen(database, test.invitation_id).live) == (True, False)
    for is_live in (True, False):
        assert database.write_now(lambda tx, is_live=is_live: import_batch(tx, alba, one, live=is_live)) == [
            None
        ]


def test_two_shops_are_two_worlds(database: EngineDatabase, alba: Member, bruno: Member) -> None:
    one = order("1", "R")
    albas = database.write_now(lambda tx: import_one(tx, alba, one))
    brunos = database.write_now(lambda tx: import_one(tx, bruno, one))
    assert seen(database, albas.invitation_id).shop_id == alba.shop.id
    assert seen(database, brunos.invitation_id).shop_id == bruno.shop.id
    assert database.read_now(lambda tx: order_of(tx, bruno.shop, albas.invitation_id)) is None


def test_a_batch_of_any_size_keeps_its_places(database: EngineDatabase, alba: Member) -> None:
    database.write_now(lambda tx: import_batch(tx, alba, *(order(f"{n}") for n in range(0, 200, 3))))
    outcomes = database.write_now(lambda tx: import_batch(tx, alba, *(order(f"{n}") for n in range(200))))
    assert [n for n, each in enumerate(outcomes) if each is None] == list(range(0, 200, 3))
    for n, each in enumerate(outcomes):
        assert each is None or seen(database, each.invitation_id).id_order == f"{n}"
    assert counted(database, "orders") == counted(database, "invitations") == 200
