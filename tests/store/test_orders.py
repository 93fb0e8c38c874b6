"""Guarantees 2 and 3: an order is stored once for ever, each with one invitation, due at receipt plus the delay."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterword.domain.messages import due_at
from afterword.domain.shops import DEFAULT_DELAY, TEST_DELAY
from afterword.store.engine.connection import Row
from afterword.store.engine.database import Transaction
from afterword.store.orders import Arrival, Stored, import_orders, list_orders, order_of
from tests.store.cast import NOW, Member, order
from tests.store.databases import counted

TEN_DAYS = 10 * 86_400


def test_an_order_earns_one_invitation_due_ten_days_after_its_receipt(alba: Member) -> None:
    imported = alba.sends(at=NOW + 0.25)
    row = alba.sees(imported)
    assert counted(alba.store, "messages") == 1
    assert imported.due_at == row.due_at == row.next_try_at == NOW + 1 + TEN_DAYS
    assert (row.state, row.tries, row.sent_at) == ("scheduled", 0, None)


@pytest.mark.parametrize("order_date", ["1999-01-01 00:00:00", "2019-01-01 12:00:00", "2099-12-31 23:59:59"])
def test_the_date_of_the_order_has_no_part_in_when_it_is_due(alba: Member, order_date: str) -> None:
    imported = alba.sends(order_date=order_date)
    assert imported.due_at == alba.sees(imported).due_at == NOW + TEN_DAYS


def test_the_delay_is_the_shops_own_and_ten_seconds_for_a_test_key(alba: Member) -> None:
    hurried = alba.changes(delay=3_600)
    assert hurried.sends().due_at == NOW + 3_600
    assert hurried.sends(live=False).due_at == NOW + TEST_DELAY


def test_another_delay_later_moves_nothing_that_is_imported(alba: Member) -> None:
    imported = alba.sends()
    alba.changes(delay=5)
    assert alba.sees(imported).due_at == NOW + DEFAULT_DELAY


@given(st.floats(min_value=1e9, max_value=4e9), st.integers(0, 366 * 86_400))
def test_receipt_is_rounded_up_to_the_second_and_never_down(received_at: float, delay: int) -> None:
    assert received_at <= due_at(received_at, delay) - delay < received_at + 1


def test_an_order_sent_before_is_not_imported_again_and_changes_nothing(alba: Member) -> None:
    first = alba.sends("1", reference="R1")
    again = order("1", "R2", email="diego@diaz.example", firstname="Diego")
    assert alba.sends_batch(again, at=NOW + 99) == [None]
    stored = alba.asks(order_of, alba.shop, first.number)
    assert stored is not None
    assert (stored.firstname, stored.email, stored.reference) == ("Clara", "clara@nunez.example", "R1")
    assert alba.sees(first).due_at == first.due_at
    assert counted(alba.store, "messages") == 1


def test_a_repeated_reference_is_not_imported(alba: Member) -> None:
    outcomes = alba.sends_batch(order("1", "R"), order("2", "R"), order("3", "r"))
    assert [each is not None for each in outcomes] == [True, False, True]
    assert alba.sends_batch(order("4", "R")) == [None]


def test_of_orders_with_one_reference_the_first_that_was_sent_is_stored(alba: Member) -> None:
    outcomes = alba.sends_batch(order("3"), order("2", "R"), order("1", "R"))
    assert [each is not None for each in outcomes] == [True, True, False]


@pytest.mark.parametrize("count", [3, 40])
def test_orders_are_taken_in_one_order_whoever_sends_them_first(
    alba: Member, bruno: Member, count: int
) -> None:
    """Two processes that took the same orders in different orders would wait for each other."""
    taken: list[tuple[int, int, str]] = []

    def watched(tx: Transaction, arrivals: list[Arrival]) -> list[Stored]:
        insert = tx.insert

        def watch(name: str, rows: Sequence[Row]) -> int:
            if name == "insert_orders":
                taken.extend((row[0], row[2], row[6]) for row in rows)
            return insert(name, rows)

        tx.insert = watch  # type: ignore[method-assign]
        try:
            return import_orders(tx, arrivals)
        finally:
            tx.insert = insert  # type: ignore[method-assign]

    arrivals = [
        Arrival(member.shop, key, [(n, order(f"{n:02}")) for n in reversed(range(count))], NOW)
        for member in (bruno, alba)
        for key in (member.live, member.test)
    ]
    for stored in alba.store.write_now(lambda tx: watched(tx, arrivals)):
        assert list(stored.numbers) == sorted(stored.numbers)
    assert taken == sorted(taken) and len(taken) == 4 * count


def test_id_order_is_compared_with_id_order_and_reference_with_reference(alba: Member) -> None:
    assert None not in alba.sends_batch(order("A", "B"), order("B", "A"), order("C", "C"))


def test_no_reference_never_equals_no_reference(alba: Member) -> None:
    assert None not in alba.sends_batch(*(order(f"{n}") for n in range(40)))


def test_live_and_test_orders_never_mix(alba: Member) -> None:
    one = order("1", "R")
    for live in (True, False):
        assert alba.sees(alba.sends(one, live=live)).live is live
        assert alba.sends_batch(one, live=live) == [None]


def test_orders_of_two_shops_never_mix(alba: Member, bruno: Member) -> None:
    one = order("1", "R")
    albas, brunos = alba.sends(one), bruno.sends(one)
    assert (alba.sees(albas).shop_id, alba.sees(brunos).shop_id) == (alba.shop.id, bruno.shop.id)
    assert bruno.asks(order_of, bruno.shop, albas.number) is None


def test_each_order_of_a_large_batch_has_its_own_outcome(alba: Member) -> None:
    alba.sends_batch(*(order(f"{n}") for n in range(0, 200, 3)))
    outcomes = alba.sends_batch(*(order(f"{n}") for n in range(200)))
    assert [n for n, each in enumerate(outcomes) if each is None] == list(range(0, 200, 3))
    for n, each in enumerate(outcomes):
        assert each is None or alba.sees(each).id_order == f"{n}"
    assert counted(alba.store, "orders") == counted(alba.store, "messages") == 200


def test_an_order_knows_the_key_that_sent_it(alba: Member, bruno: Member) -> None:
    other = alba.adds_key()
    for member, name in ((alba, "A-1"), (other, "A-2"), (bruno, "B-1")):
        member.sends(name)
    alba.sends("A-1", live=False)
    keys = [("A-1", alba.test.id), ("A-2", other.live.id), ("A-1", alba.live.id)]
    listed = alba.asks(list_orders, alba.shop, None, most=10)
    assert [(one.id_order, one.key_id) for one in listed] == keys
    assert [one.id_order for one in alba.asks(list_orders, alba.shop, other.live.id, most=10)] == ["A-2"]
    alba.executes("UPDATE orders SET key_id = NULL WHERE shop_id = :shop_id", {"shop_id": alba.shop.id})
    assert {one.key_id for one in alba.asks(list_orders, alba.shop, None, most=10)} == {None}
