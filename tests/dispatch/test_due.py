"""Guarantee 4: never early, and started within two seconds of being due. Guarantee 5: one letter for each."""

import asyncio
import email
import email.policy
import re
import threading
import time

import pytest

from afterword.base.ids import is_signed, order_id_of
from afterword.domain.messages import order_fingerprint
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.shops import change_shop
from tests.dispatch.running import SECRET, dispatching, imported, outbox, until, until_state
from tests.peers import RelayPeer, run
from tests.scripted_peer import ScriptedPeer
from tests.store.cast import DUE, Member, MovableClock, import_batch, import_one, order, seen


def test_a_letter_goes_when_it_is_due_and_not_a_moment_earlier(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    async def watch() -> float:
        async with dispatching(database, clock, peer):
            for early in (DUE - 86_400, DUE - 1, DUE - 0.001):
                clock.now = early
                await asyncio.sleep(0.3)
                assert peer.messages == []
            clock.now = DUE
            return await until_state(database, invitation, "sent")

    invitation = imported(database, alba)
    with RelayPeer() as peer:
        assert run(watch()) < 2
        [received] = peer.messages
    assert received.recipients == ["clara+1234@nunez.example"]
    assert (seen(database, invitation).sent_at, seen(database, invitation).tries) == (DUE, 1)


def test_a_letter_starts_within_two_seconds_of_being_due(database: EngineDatabase, alba: Member) -> None:
    async def watch() -> None:
        async with dispatching(database, time.time, peer):
            await until(lambda: bool(peer.messages))

    hurried = alba._replace(shop=database.write_now(lambda tx: change_shop(tx, alba.shop, delay=1)))
    due_at = database.write_now(lambda tx: import_one(tx, hurried, at=time.time())).due_at
    with RelayPeer() as peer:
        run(watch())
        assert 0 <= time.time() - due_at < 2
    assert len(peer.messages) == 1


def test_a_hundred_letters_of_two_shops_go_once_each(
    database: EngineDatabase, alba: Member, bruno: Member, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock, peer):
            await until(lambda: len(peer.messages) >= 100, 20)
            await asyncio.sleep(0.3)

    for member, address in ((alba, "a"), (bruno, "b")):
        orders = [order(f"{n}", email=f"{address}{n}@mail.example") for n in range(50)]
        database.write_now(lambda tx, member=member, orders=orders: import_batch(tx, member, *orders))
    clock.now = DUE
    with RelayPeer() as peer:
        run(watch())
    reached = [received.recipients[0] for received in peer.messages]
    assert sorted(reached) == sorted(f"{address}{n}@mail.example" for address in "ab" for n in range(50))
    assert database.read_now(lambda tx: tx.rows("SELECT DISTINCT state FROM messages")) == [("sent",)]


def test_the_letter_is_from_this_shop_to_this_customer_and_its_links_are_signed(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock, peer):
            await until(lambda: bool(peer.messages))

    invitation = imported(database, alba)
    clock.now = DUE
    with RelayPeer() as peer:
        run(watch())
        [received] = peer.messages
    letter = email.message_from_bytes(received.content, policy=email.policy.default)
    mark = order_fingerprint(alba.shop.salt, live=True, id_order="1234")
    assert letter["Message-ID"] == f"<{mark}@reviews.example>"
    assert "Clara Nunez" in letter["To"] and "Alba's bakery" in letter["Subject"]
    for purpose in ("r", "u"):
        found = re.search(rf"https://reviews\.example/{purpose}/{alba.shop.id}/([\w-]+)", letter.as_string())
        assert found is not None
        assert order_id_of(SECRET, found[1]) == invitation
        assert is_signed(SECRET, purpose, found[1], mark)


@pytest.mark.parametrize("step", [3_600, 10 * 86_400, -3_600, -10 * 86_400])
def test_a_step_of_the_clock_while_a_letter_is_in_hand_sends_nothing_twice(
    database: EngineDatabase, alba: Member, clock: MovableClock, quick: None, step: int
) -> None:
    def answer_in_a_while() -> str:
        has_letter.set()
        assert may_answer.wait(10)
        return "250 2.0.0 queued"

    async def watch() -> None:
        async with dispatching(database, clock, peer):
            assert await asyncio.to_thread(has_letter.wait, 5)
            clock.step(step)
            await asyncio.sleep(0.4)
            assert seen(database, first).state == "sending"
            may_answer.set()
            await until_state(database, first, "sent")
            clock.now = DUE
            await asyncio.sleep(0.2)

    first = imported(database, alba)
    later = database.write_now(lambda tx: import_one(tx, alba, order("later"), at=DUE + 86_400))
    clock.now = DUE
    has_letter, may_answer = threading.Event(), threading.Event()
    with ScriptedPeer({"letter": [answer_in_a_while]}) as peer:
        run(watch())
    assert len(peer.messages) == 1
    assert seen(database, later.number).state == "scheduled"


def test_a_clock_set_back_sends_nothing_before_its_time_comes_again(
    database: EngineDatabase, alba: Member, clock: MovableClock, quick: None
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock, peer):
            await until(lambda: len(peer.messages) == 1)
            clock.now = DUE - 3_600
            database.write_now(lambda tx: import_one(tx, alba, order("2"), at=DUE - 10 * 86_400))
            await asyncio.sleep(0.3)
            assert len(peer.messages) == 1
            clock.now = DUE
            await until(lambda: len(peer.messages) == 2)
            await asyncio.sleep(0.2)

    imported(database, alba, "1")
    clock.now = DUE
    with RelayPeer() as peer:
        run(watch())
    assert len(peer.messages) == 2


def test_without_a_mail_server_letters_become_files(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock):
            await until_state(database, invitation, "sent")

    invitation = imported(database, alba)
    clock.now = DUE
    run(watch())
    [file] = outbox(database)
    assert b"Subject: " in file.read_bytes()
