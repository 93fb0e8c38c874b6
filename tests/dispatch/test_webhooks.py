"""Programs are told what became of reviews, each thing at least once; and who cannot be told delays nobody else."""

import asyncio
import json
import time
from http.server import BaseHTTPRequestHandler

import pytest

from afterword.actions.reviews.moderation import erase, reject
from afterword.dispatch.receivers import Receiver as Receiver_
from afterword.domain.notices import GIVE_UP_POST_AFTER, Notice, next_try_at
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.reviews.writing import review_of
from afterword.store.webhooks import webhooks_of
from tests.dispatch.running import dispatching, imported, until, until_state
from tests.dispatch.telling import decided, hooked, letters, nothing_waits, waiting, written
from tests.peers import RelayPeer, run
from tests.store.cast import DUE, Member, MovableClock, another, closing_now
from tests.store.reviews.reviewing import told
from tests.webhooks.receiver import Receiver, status

pytestmark = pytest.mark.usefixtures("reachable")


def test_two_dispatchers_tell_nobody_twice(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    async def watch(other: EngineDatabase) -> None:
        async with dispatching(database, clock, peer), dispatching(other, clock, peer):
            await until(lambda: nothing_waits(database), 15)

    with RelayPeer() as peer, Receiver() as receiver, closing_now(another(database)) as other:
        hooked(database, alba, receiver.url)
        for number in range(10):
            written(database, alba, f"{number}")
        to_tell = len([row for row in database.read_now(told) if row[1]])
        run(watch(other))
    assert len(peer.messages) == len({str(letter["Message-ID"]) for letter in letters(peer)}) == 10
    assert len(receiver.heard) == len({each.headers["webhook-id"] for each in receiver.heard}) == to_tell


def test_a_program_is_told_each_event_with_the_review_as_it_was(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock):
            await until(lambda: nothing_waits(database))

    with Receiver() as receiver:
        hooked(database, alba, receiver.url)
        _, review = written(database, alba)
        decided(database, reject, review, "off topic", clock=clock)
        run(watch())
    told_of = [json.loads(each.body) for each in receiver.heard]
    assert sorted(each["type"] for each in told_of) == [
        "review.published",
        "review.received",
        "review.rejected",
    ]
    states = {each["type"]: each["data"]["state"] for each in told_of}
    assert states == {
        "review.received": "published",
        "review.published": "published",
        "review.rejected": "rejected",
    }
    assert {each["data"]["text"] for each in told_of} == {"Good bread."}
    [webhook] = database.read_now(lambda tx: webhooks_of(tx, alba.shop.id))
    assert webhook.answered_at == int(clock.now)


def test_a_message_is_sent_again_under_the_same_id_until_it_is_taken(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock):
            for heard in (1, 2, 3):
                await until(lambda heard=heard: len(receiver.heard) >= heard)
                await asyncio.sleep(0.1)
                clock.step(100)
            await until(lambda: nothing_waits(database))

    with Receiver(status(500), status(302, Location="http://127.0.0.1:1/")) as receiver:
        hooked(database, alba, receiver.url)
        written(database, alba)
        run(watch())
    ids = [each.headers["webhook-id"] for each in receiver.heard]
    assert len(ids) == 4 and len(set(ids)) == 2
    bodies = {each.headers["webhook-id"]: each.body for each in receiver.heard}
    assert all(bodies[each.headers["webhook-id"]] == each.body for each in receiver.heard)


def test_a_program_that_says_that_it_is_gone_is_told_nothing_more(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock):
            await until(lambda: {row[1] for row in waiting(database)} == {"failed"})

    with Receiver(status(410)) as receiver:
        hooked(database, alba, receiver.url)
        written(database, alba)
        run(watch())
        written(database, alba, "2")
        assert len(receiver.heard) == 1
    [webhook] = database.read_now(lambda tx: webhooks_of(tx, alba.shop.id))
    assert webhook.stopped == "it answered 410: it is gone"
    kinds = database.read_now(told)
    assert [row for row in kinds if row[1]] == [("received", 1, ""), ("published", 1, "")]


def test_a_program_that_takes_nothing_for_three_days_is_stopped(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock):
            await until(lambda: max(row[2] for row in waiting(database)) == 1)
            clock.step(3 * 86_400)
            await until(lambda: {row[1] for row in waiting(database)} == {"failed"})

    with Receiver(*[status(500)] * 9) as receiver:
        hooked(database, alba, receiver.url)
        written(database, alba)
        run(watch())
    [webhook] = database.read_now(lambda tx: webhooks_of(tx, alba.shop.id))
    assert webhook.stopped == "it answered 500"


def test_a_dead_receiver_delays_neither_invitations_nor_other_receivers(
    database: EngineDatabase, alba: Member, bruno: Member, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock, peer):
            await until(lambda: len(dead.heard) == 1)
            clock.now = DUE
            assert await until_state(database, invitation, "sent") < 2
            written(database, bruno, "2")
            assert await until(lambda: len(well.heard) == 2) < 2
            assert len(dead.heard) == 1, "one at a time"
            dead.__exit__()

    with RelayPeer() as peer, Receiver() as well, Receiver() as dead:
        dead.answers = [dead.stall] * 99
        hooked(database, alba, dead.url)
        hooked(database, bruno, well.url)
        invitation = imported(database, alba, "9")
        for number in range(3):
            written(database, alba, f"a{number}")
        run(watch())


def test_stopping_finishes_what_is_in_hand_and_puts_the_rest_back(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    def slowly(request: BaseHTTPRequestHandler) -> None:
        time.sleep(0.3)
        status(204)(request)

    async def watch() -> None:
        async with dispatching(database, clock):
            await until(lambda: len(receiver.heard) == 1)

    with Receiver(slowly) as receiver:
        hooked(database, alba, receiver.url)
        written(database, alba)
        run(watch())
        assert len(receiver.heard) == 1
    left = database.read_now(
        lambda tx: tx.rows("SELECT kind, state, claim FROM notices WHERE webhook_id > 0")
    )
    assert left == [("published", "waiting", None)]


def test_more_than_a_look_reads_of_one_receiver_hides_nobody_elses(
    database: EngineDatabase,
    alba: Member,
    bruno: Member,
    clock: MovableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock):
            await until(lambda: len(well.heard) == 2)
            dead.__exit__()

    monkeypatch.setattr("afterword.dispatch.notices.LOOK", 5)
    with Receiver() as well, Receiver() as dead:
        dead.answers = [dead.stall] * 99
        hooked(database, alba, dead.url)
        hooked(database, bruno, well.url)
        for number in range(6):
            written(database, alba, f"a{number}")
        written(database, bruno, "2")
        run(watch())


def test_a_review_that_was_erased_is_told_to_no_program(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    with Receiver() as receiver:
        hooked(database, alba, receiver.url)
        _, review = written(database, alba)
        decided(database, erase, review, clock=clock)
    assert "Good bread" not in str(database.read_now(lambda tx: tx.rows("SELECT payload FROM notices")))
    assert database.read_now(lambda tx: review_of(tx, alba.shop.id, review.id)) is not None


def test_who_takes_things_slowly_gets_the_next_when_it_would_be_ready() -> None:
    receiver = Receiver_()
    assert receiver.is_free
    receiver.is_in_trouble()
    assert not receiver.is_free and 0 < receiver.pause <= 1
    before = receiver.pause
    receiver.is_in_trouble()
    assert receiver.pause == 2 * before
    receiver.took_it(3.0)
    assert receiver.is_free and receiver.pause == 0
    assert [receiver.seconds_until(place) for place in (0, 1, 5)] == [1.0, 4.0, 16.0]


def test_a_program_is_tried_sooner_at_first_and_for_three_days() -> None:
    tries = [0]
    while True:
        notice = Notice(1, 1, True, "received", 7, 1, "", "{}", 0, len(tries) - 1)
        again = next_try_at(notice, tries[-1], 0.0)
        if again is None:
            break
        tries.append(again)
    assert tries[:6] == [0, 5, 65, 365, 2_165, 9_365]
    assert GIVE_UP_POST_AFTER - 15 * 3_600 < tries[-1] <= GIVE_UP_POST_AFTER
    assert next_try_at(Notice(1, 1, True, "received", 7, 1, "", "{}", 0, 0), 0, 1.0) == 6


def test_a_letter_is_tried_as_every_letter_is() -> None:
    notice = Notice(1, 1, True, "receipt", 0, 1, "clara@nunez.example", "{}", 0, 0)
    assert next_try_at(notice, 10, 0.0) == 310
    assert next_try_at(notice, 5 * 86_400, 0.0) is None
