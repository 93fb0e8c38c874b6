"""Whose turn it is: a list of sources counts for a while, every one has its turn before one has its next, and a
backlog of one kind delays no other."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

import pytest

from afterword.dispatch import fairness as module
from afterword.dispatch.fairness import TICK, Turns
from afterword.dispatch.watch import Watch
from afterword.domain.messages import Queue
from afterword.store.engine.database import Database, Transaction
from afterword.store.messages.claims import Source
from tests.dispatch.running import dispatch_until, dispatching, imported, reached, reviewed, until
from tests.peers import RelayPeer, run
from tests.scripted_peer import Line, ScriptedPeer
from tests.store.cast import DUE, Customer, Member, MovableClock, new_member, order
from tests.store.kinds import cause, hook
from tests.webhooks.receiver import Receiver

T = TypeVar("T")


@pytest.fixture
def turns(database: Database) -> Turns:
    return Turns(database, Watch(database), Queue.INVITATIONS, live=True)


@pytest.fixture
def slowly(database: Database, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Has each reading of the rows take so many seconds longer."""
    read = database.read

    def read_in(seconds: float) -> None:
        async def read_slowly(work: Callable[[Transaction], T]) -> T:
            await asyncio.sleep(seconds)
            return await read(work)

        monkeypatch.setattr(database, "read", read_slowly)

    return read_in


def sources_now(turns: Turns, most: int = 64) -> list[Source]:
    assert run(turns.look(DUE))
    return turns.next(most)[0]


def test_a_list_is_used_to_its_end_before_the_rows_are_asked_again(
    alba: Member, bruno: Member, turns: Turns
) -> None:
    albas, brunos = Source(alba.shop.id), Source(bruno.shop.id)
    imported(alba)
    assert sources_now(turns) == [albas]
    imported(bruno)
    assert sources_now(turns) == [albas]
    turns.had([albas], [albas])
    assert sources_now(turns) == [albas]
    turns.had([albas], [])
    assert sources_now(turns) == [brunos, albas]


def test_a_list_that_is_old_is_not_used(
    alba: Member, bruno: Member, turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TICK", 0.02)
    imported(alba)
    assert len(sources_now(turns)) == 1
    imported(bruno)
    time.sleep(0.5)
    assert len(sources_now(turns)) == 2


def test_the_longer_a_look_takes_the_longer_its_list_counts(
    alba: Member, bruno: Member, turns: Turns, slowly: Callable[[float], None]
) -> None:
    imported(alba)
    slowly(0.1)
    assert len(sources_now(turns)) == 1
    assert turns.rest == TICK, "while the list goes on there is no long rest"
    imported(bruno)
    time.sleep(2 * TICK)
    assert len(sources_now(turns)) == 1
    time.sleep(0.8)
    assert len(sources_now(turns)) == 2


@pytest.mark.parametrize(("took", "least", "most"), [(0.0, TICK, 0.7), (0.08, 0.8, 1.0), (0.4, 1.0, 1.0)])
def test_when_looking_is_slow_there_are_longer_rests_but_a_message_is_begun_within_two_seconds(
    alba: Member,
    turns: Turns,
    slowly: Callable[[float], None],
    took: float,
    least: float,
    most: float,
) -> None:
    imported(alba, live=False)  # in another mode: there is something due, but nothing of these turns
    slowly(took)
    assert not run(turns.look(DUE))
    assert least <= turns.rest <= most


@pytest.mark.parametrize("lists", ["one list", "a new list each time"])
def test_a_shop_that_comes_later_has_its_turn_before_another_has_two_more(
    database: Database, turns: Turns, lists: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of ten shops, three have a turn at a time; after two of these an eleventh comes, and one goes."""
    if lists == "a new list each time":
        monkeypatch.setattr(module, "TICK", -1.0)
        monkeypatch.setattr(module, "LOOKS_TO_USE", -1.0)
    *there, late = [new_member(database, f"Shop {n}") for n in range(11)]
    for member in there:
        imported(member)
    served: list[Source] = []
    for number in range(11):
        sources = sources_now(turns, 3)
        served += sources
        turns.had(sources, sources)
        if number == 1:
            imported(late)
    if lists == "one list":
        rounds = [set(served[first : first + 10]) for first in range(0, 30, 10)]
        assert rounds == [{Source(member.shop.id) for member in there}] * 3
    else:
        assert Source(late.shop.id) in served[6 : 6 + 11]
        for first in range(6, len(served) - 10):
            assert len(set(served[first : first + 11])) == 11, served


def test_each_may_claim_an_equal_part(alba: Member, bruno: Member, turns: Turns) -> None:
    for member in (alba, bruno):
        imported(member)
    sources_now(turns)
    assert [turns.next(most)[1] for most in (64, 5, 1)] == [32, 2, 1]
    assert len(turns.next(1)[0]) == 1


def test_dispatchers_that_start_together_begin_with_different_shops(database: Database) -> None:
    for n in range(8):
        imported(new_member(database, f"Shop {n}"))
    several = [Turns(database, Watch(database), Queue.INVITATIONS, live=True) for _ in range(40)]
    assert len({sources_now(turns)[0] for turns in several}) > 1


def test_a_webhook_gets_one_thing_at_a_time_and_after_trouble_nothing_for_a_while(
    database: Database, alba: Member, bruno: Member, clara: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Passed over, it keeps its turn, and the others have theirs."""
    turns = Turns(database, Watch(database), Queue.WEBHOOKS, live=True)
    for member in (alba, bruno):
        cause("webhook", member, clara)
    first, second = sources_now(turns)
    assert turns.next(64) == ([first, second], 1)
    turns.is_busy(first)
    assert turns.next(64) == ([second], 1)
    turns.had([second], [second])
    turns.is_well(first)
    assert turns.next(64) == ([first, second], 1)
    monkeypatch.setattr(module, "FIRST_RECEIVER_PAUSE", 0.1)
    for pause in (0.1, 0.2, 0.4):
        turns.is_busy(first)
        turns.is_in_trouble(first)
        assert turns.next(64) == ([second], 1)
        time.sleep(pause / 2)
        assert turns.next(64) == ([second], 1)
        time.sleep(pause / 2 + 0.05)
        assert turns.next(64) == ([first, second], 1)


@pytest.mark.parametrize("answer", ["250 2.0.0 queued", Line.STALL], ids=["slow", "stuck"])
@pytest.mark.usefixtures("reachable")
def test_a_backlog_of_invitations_delays_no_other_kind(
    alba: Member, clara: Customer, clock: MovableClock, answer: str | Line
) -> None:
    """Every connection for invitations is slow or stuck, and hundreds wait; a receipt and a delivery go at once."""
    answers: list[str | Line] = [answer] * 16

    def slowly() -> str | Line:
        time.sleep(0.02)
        return answers.pop() if answers else "250 2.0.0 queued"

    def receipts() -> int:
        return sum(b"Thank you for your review" in each.content for each in peer.messages)

    async def watch() -> None:
        async with dispatching(alba, clock, peer):
            await until(lambda: not answers)
            reviewed(alba, clara, "R", now=clock.now)
            assert await until(lambda: receipts() == 1 and len(receiver.heard) == 2) < 2
            assert len(peer.messages) < 300
            peer.cut_all()

    alba.sends_batch(*(order(f"{n}") for n in range(600)))
    clock.now = DUE
    with Receiver() as receiver, ScriptedPeer({"letter": slowly}) as peer:
        hook(alba, receiver.url)
        run(watch())


def test_every_shop_has_its_turn_before_one_has_its_next(database: Database, clock: MovableClock) -> None:
    """Of more shops than a claim has messages, the next claim begins behind the last one served."""
    for n in range(130):
        mail = f"shop{n}@mail.example"
        member = new_member(database, f"Shop {n}")
        member.sends_batch(order("1", email=mail), order("2", email=mail))
    clock.now = DUE
    with RelayPeer() as peer:
        dispatch_until(lambda: len(peer.messages) >= 260, member, clock, peer)
    first = reached(peer)[:112]
    assert len(set(first)) == len(first)
