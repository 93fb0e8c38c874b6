"""Whose turn it is: a list of shops counts for a while, and every shop has its turn before one has its next."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

import pytest

from afterword.dispatch import turns as module
from afterword.dispatch.turns import TICK, Turns
from afterword.store.engine.database import Transaction
from afterword.store.engine.engine_database import EngineDatabase
from tests.dispatch.running import imported
from tests.peers import run
from tests.store.cast import DUE, Member, add_member

T = TypeVar("T")


@pytest.fixture
def turns(database: EngineDatabase) -> Turns:
    return Turns(database, live=True)


@pytest.fixture
def slowly(database: EngineDatabase, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Has each reading of the rows take so many seconds longer."""
    read = database.read

    def read_in(seconds: float) -> None:
        async def read_slowly(work: Callable[[Transaction], T]) -> T:
            await asyncio.sleep(seconds)
            return await read(work)

        monkeypatch.setattr(database, "read", read_slowly)

    return read_in


def shops_now(turns: Turns, most: int = 64) -> list[int]:
    assert run(turns.look(DUE))
    return turns.next(most)[0]


def test_a_list_is_used_to_its_end_before_the_rows_are_asked_again(
    database: EngineDatabase, alba: Member, bruno: Member, turns: Turns
) -> None:
    imported(database, alba)
    assert shops_now(turns) == [alba.shop.id]
    imported(database, bruno)
    assert shops_now(turns) == [alba.shop.id]
    turns.had([alba.shop.id], [alba.shop.id])
    assert shops_now(turns) == [alba.shop.id]
    turns.had([alba.shop.id], [])
    assert shops_now(turns) == [bruno.shop.id, alba.shop.id]


def test_a_list_that_is_old_is_not_used(
    database: EngineDatabase, alba: Member, bruno: Member, turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TICK", 0.02)
    imported(database, alba)
    assert shops_now(turns) == [alba.shop.id]
    imported(database, bruno)
    time.sleep(0.5)
    assert sorted(shops_now(turns)) == [alba.shop.id, bruno.shop.id]


def test_the_longer_a_look_takes_the_longer_its_list_counts(
    database: EngineDatabase, alba: Member, bruno: Member, turns: Turns, slowly: Callable[[float], None]
) -> None:
    imported(database, alba)
    slowly(0.1)
    assert shops_now(turns) == [alba.shop.id]
    imported(database, bruno)
    time.sleep(2 * TICK)
    assert shops_now(turns) == [alba.shop.id]
    time.sleep(0.8)
    assert sorted(shops_now(turns)) == [alba.shop.id, bruno.shop.id]


@pytest.mark.parametrize(("took", "least", "most"), [(0.0, TICK, 0.7), (0.08, 0.8, 1.0), (0.4, 1.0, 1.0)])
def test_when_looking_is_slow_there_are_longer_rests_but_a_letter_is_begun_within_two_seconds(
    turns: Turns, slowly: Callable[[float], None], took: float, least: float, most: float
) -> None:
    slowly(took)
    assert not run(turns.look(DUE))
    assert least <= turns.rest <= most


def test_while_the_list_goes_on_nobody_rests_long(
    database: EngineDatabase, alba: Member, turns: Turns, slowly: Callable[[float], None]
) -> None:
    imported(database, alba)
    slowly(0.1)
    shops_now(turns)
    assert turns.rest == TICK


@pytest.mark.parametrize("lists", ["one list", "a new list each time"])
def test_a_shop_that_comes_later_has_its_turn_before_anybody_has_two_more(
    database: EngineDatabase, turns: Turns, lists: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of ten shops, three have a turn at a time; after two of these an eleventh comes, and one goes."""
    if lists == "a new list each time":
        monkeypatch.setattr(module, "TICK", -1.0)
        monkeypatch.setattr(module, "LOOKS_TO_USE", -1.0)
    members = [database.write_now(lambda tx, n=n: add_member(tx, f"Shop {n}")) for n in range(11)]
    *there, late = members
    for member in there:
        imported(database, member)
    served: list[int] = []
    for number in range(11):
        shops = shops_now(turns, 3)
        served += shops
        turns.had(shops, shops)
        if number == 1:
            imported(database, late)
    rounds = [served[first : first + 10] for first in range(0, 30, 10)]
    if lists == "one list":
        assert [set(one) for one in rounds] == [{member.shop.id for member in there}] * 3
    else:
        assert late.shop.id in served[6 : 6 + 11]
        for first in range(6, len(served) - 10):
            assert len(set(served[first : first + 11])) == 11, served


def test_each_may_claim_an_equal_part(
    database: EngineDatabase, alba: Member, bruno: Member, turns: Turns
) -> None:
    for member in (alba, bruno):
        imported(database, member)
    shops_now(turns)
    assert [turns.next(most)[1] for most in (64, 5, 1)] == [32, 2, 1]
    assert len(turns.next(1)[0]) == 1


def test_dispatchers_that_start_together_begin_with_different_shops(database: EngineDatabase) -> None:
    for n in range(8):
        imported(database, database.write_now(lambda tx, n=n: add_member(tx, f"Shop {n}")))
    assert len({shops_now(Turns(database, live=True))[0] for _ in range(40)}) > 1
