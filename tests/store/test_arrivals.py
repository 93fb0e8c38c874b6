"""Orders of many requests share statements and a commit, and each request gets the answer to its own alone."""

import asyncio

import pytest

from afterword.base.errors import StoreUnavailable
from afterword.store.engine.database import Database
from afterword.store.orders import Arrival, Stored, import_orders
from tests.store.cast import NOW, Member, order
from tests.store.databases import count_commits, counted, no_file_grows_beyond, run


def arrival(member: Member, *names: str, live: bool = True, **fields: object) -> Arrival:
    orders = [(index, order(name, **fields)) for index, name in enumerate(names)]
    return Arrival(member.shop, member.key(live=live), orders, NOW)


def take(database: Database, arrivals: list[Arrival]) -> list[Stored | BaseException]:
    async def take_all() -> list[Stored | BaseException]:
        writes = [database.write_together(import_orders, one, one.shop.id) for one in arrivals]
        return await asyncio.gather(*writes, return_exceptions=True)

    return run(take_all())


def imported(stored: Stored | BaseException) -> list[bool]:
    assert isinstance(stored, Stored)
    return [number > 0 for number in stored.numbers]


def test_each_request_gets_the_answer_to_its_own_orders(
    database: Database, alba: Member, bruno: Member
) -> None:
    arrivals = [arrival(alba, "1", "2", "1"), arrival(bruno, "2", "3"), arrival(alba, "3", "2", "4")]
    outcomes = [imported(each) for each in take(database, arrivals)]
    assert outcomes == [[True, True, False], [True, True], [True, False, True]]
    assert alba.rows("SELECT shop_id, id_order FROM orders ORDER BY 1, 2") == [
        *((alba.shop.id, name) for name in ("1", "2", "3", "4")),
        *((bruno.shop.id, name) for name in ("2", "3")),
    ]


def test_two_hundred_racing_imports_of_one_order_make_one(database: Database, alba: Member) -> None:
    made = count_commits(database)
    outcomes = take(database, [arrival(alba, "1234", reference="XKB") for _ in range(200)])
    assert [imported(each) for each in outcomes].count([True]) == 1
    assert counted(database, "orders") == counted(database, "messages") == 1
    assert len(made) <= 10


def test_an_order_that_cannot_be_stored_fails_alone(database: Database, alba: Member) -> None:
    good, poisoned, also_good = take(
        database, [arrival(alba, "1"), arrival(alba, "2", phone="\ud800"), arrival(alba, "3")]
    )
    assert imported(good) == imported(also_good) == [True]
    assert isinstance(poisoned, UnicodeEncodeError)
    assert counted(database, "orders") == counted(database, "messages") == 2


def test_large_batches_and_small_ones_are_all_stored(database: Database, alba: Member) -> None:
    large = [f"L{n}" for n in range(700)]
    outcomes = take(database, [arrival(alba, "a"), arrival(alba, *large), arrival(alba, "b", "L699", "L31")])
    assert [len(imported(each)) for each in outcomes] == [1, 700, 3]
    assert sum(sum(imported(each)) for each in outcomes) == 702
    assert counted(database, "orders") == counted(database, "messages") == 702


@pytest.mark.sqlite
def test_a_full_disk_turns_all_away_and_stores_them_when_they_come_again(
    database: Database, alba: Member
) -> None:
    arrivals = [arrival(alba, f"{n}") for n in range(20)]
    with no_file_grows_beyond(database.path.with_name("afterword.db-wal").stat().st_size):
        assert {type(each) for each in take(database, arrivals)} == {StoreUnavailable}
    assert counted(database, "orders") == 0
    assert [imported(each) for each in take(database, arrivals)] == [[True]] * 20
