"""Programs are notified of each event at least once; and a receiver that takes nothing delays no other."""

import asyncio
import json
from typing import Any

import pytest

from afterword.dispatch.fairness import Turns
from afterword.store.engine.database import Database
from afterword.store.webhooks import Webhook, webhooks_of
from tests.dispatch.running import (
    dispatch_until,
    dispatching,
    emails,
    imported,
    reviewed,
    send_all,
    unsent,
    until,
    until_state,
)
from tests.peers import RelayPeer, run
from tests.store.cast import DUE, Customer, Member, MovableClock, another, closing_now
from tests.store.kinds import hook
from tests.store.reviews.reviewing import notified
from tests.webhooks.receiver import Receiver, status

pytestmark = pytest.mark.usefixtures("reachable")


def of_webhooks(member: Member) -> list[tuple[Any, ...]]:
    return [one for one in unsent(member) if one[0] == "webhook"]


def webhook_of(member: Member) -> Webhook:
    [webhook] = member.asks(webhooks_of, member.shop.id)
    return webhook


def test_two_dispatchers_send_nothing_twice(
    database: Database, alba: Member, clara: Customer, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(alba, clock, peer), dispatching(alba.on(other), clock, peer):
            await until(lambda: len(peer.messages) >= 220 and unsent(alba) == [], 20)
            await asyncio.sleep(0.2)

    with RelayPeer() as peer, Receiver() as receiver, closing_now(another(database)) as other:
        hook(alba, receiver.url)
        for number in range(10):
            reviewed(alba, clara, f"{number}")
        for number in range(10, 210):
            imported(alba, f"{number}")
        clock.now = DUE
        deliveries = len([row for row in alba.asks(notified) if row[1]])
        run(watch())
    assert len(peer.messages) == len({str(message["Message-ID"]) for message in emails(peer)}) == 220
    assert len(receiver.heard) == len({each.headers["webhook-id"] for each in receiver.heard}) == deliveries


def test_after_trouble_a_program_gets_nothing_for_a_while(
    alba: Member, clara: Customer, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("afterword.dispatch.fairness.FIRST_RECEIVER_PAUSE", 30.0)
    with Receiver(status(500)) as receiver:
        hook(alba, receiver.url)
        for name in ("1", "2"):
            reviewed(alba, clara, name)
        dispatch_until(lambda: bool(receiver.heard), alba, clock, then=0.3)
        assert len(receiver.heard) == 1


def test_a_program_is_notified_of_each_event_with_the_review_as_it_was(
    alba: Member, clara: Customer, clock: MovableClock
) -> None:
    with Receiver() as receiver:
        hook(alba, receiver.url)
        alba.rejects(reviewed(alba, clara), "off topic")
        send_all(alba, clock)
    bodies = [json.loads(each.body) for each in receiver.heard]
    assert {each["type"]: each["data"]["state"] for each in bodies} == {
        "review.received": "published",
        "review.published": "published",
        "review.rejected": "rejected",
    }
    assert len(bodies) == 3 and {each["data"]["text"] for each in bodies} == {"Good bread."}
    assert webhook_of(alba).answered_at == int(clock.now)


def test_a_delivery_is_repeated_under_the_same_id_until_it_is_taken(
    alba: Member, clara: Customer, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(alba, clock):
            for refused in (1, 2):
                await until(lambda refused=refused: sum(row[2] for row in of_webhooks(alba)) == refused)
                clock.step(100)
            await until(lambda: unsent(alba) == [])

    with Receiver(status(500), status(302, Location="http://127.0.0.1:1/")) as receiver:
        hook(alba, receiver.url)
        reviewed(alba.moderates(), clara)
        run(watch())
    assert len(receiver.heard) == 3
    assert len({(each.headers["webhook-id"], each.body) for each in receiver.heard}) == 1


def test_a_program_that_says_that_it_is_gone_gets_nothing_more(
    alba: Member, clara: Customer, clock: MovableClock
) -> None:
    with Receiver(status(410)) as receiver:
        hook(alba, receiver.url)
        reviewed(alba, clara)
        dispatch_until(lambda: {row[1] for row in of_webhooks(alba)} == {"failed"}, alba, clock)
        before = of_webhooks(alba)
        reviewed(alba, clara, "2")
        assert len(receiver.heard) == 1 and of_webhooks(alba) == before
    assert webhook_of(alba).stopped == "it answered 410: it is gone"


def test_a_dead_receiver_delays_neither_e_mails_nor_other_receivers(
    alba: Member, bruno: Member, clara: Customer, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(alba, clock, peer):
            await until(lambda: len(dead.heard) == 1)
            await until(lambda: len(peer.messages) == 3)
            clock.now = DUE
            assert await until_state(alba, invitation, "sent") < 2
            reviewed(bruno, clara, "2", now=clock.now)
            assert await until(lambda: len(well.heard) == 2) < 2
            assert len(dead.heard) == 1, "one at a time"
            dead.__exit__()

    with RelayPeer() as peer, Receiver() as well, Receiver() as dead:
        dead.answers = [dead.stall] * 99
        hook(alba, dead.url)
        hook(bruno, well.url)
        invitation = imported(alba, "9")
        for number in range(3):
            reviewed(alba, clara, f"a{number}")
        run(watch())


def test_after_a_delivery_the_worker_rests_as_before(
    alba: Member, clara: Customer, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    look = Turns.look

    async def count(turns: Turns, now: float) -> bool:
        looks.append(now)
        return await look(turns, now)

    async def watch() -> int:
        async with dispatching(alba, clock):
            await until(lambda: bool(receiver.heard) and of_webhooks(alba) == [])
            before = len(looks)
            await asyncio.sleep(1)
            return len(looks) - before

    monkeypatch.setattr(Turns, "look", count)
    with Receiver() as receiver:
        hook(alba, receiver.url)
        reviewed(alba, clara)
        assert run(watch()) < 1_000  # some fifty of each worker: the rest is a fiftieth of a second
