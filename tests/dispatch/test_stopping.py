"""What a crash, a lost journal, a full disk or an outage leaves unsent is taken up again, and nothing goes twice."""

import asyncio
import copy
import threading
import time
from pathlib import Path

import pytest

from afterword.base.errors import StoreUnavailable
from afterword.dispatch.dispatcher import ROUND
from afterword.dispatch.watch import Watch
from afterword.dispatch.worker import LEASE, Worker
from afterword.domain.messages import Queue
from afterword.store.engine.database import Database
from afterword.store.messages.steps import LONGEST_LEASE
from tests.dispatch.running import (
    LateAnswer,
    dispatch_until,
    dispatching,
    imported,
    many,
    reached,
    reviewed,
    until,
    until_state,
)
from tests.peers import RelayPeer, run
from tests.scripted_peer import ScriptedPeer
from tests.store.cast import DUE, Customer, Member, MovableClock, another, closing_now
from tests.store.databases import no_file_grows_beyond


def test_what_a_crash_left_is_taken_up_within_a_minute(
    alba: Member, clock: MovableClock, quick: None
) -> None:
    async def watch() -> None:
        async with dispatching(alba, clock, peer):
            await asyncio.sleep(0.3)
            assert alba.states(claimed, marked) == ["claimed", "sending"]
            clock.now = DUE + LEASE + 1
            await until_state(alba, claimed, "sent")
            await until_state(alba, marked, "in_doubt")
            clock.step(30 * 86_400)
            await asyncio.sleep(0.2)

    claimed, marked = imported(alba, "1"), imported(alba, "2")
    assert alba.marks(alba.claims_each()[1])
    clock.now = DUE
    with RelayPeer() as peer:
        run(watch())
    assert reached(peer) == ["clara+1@nunez.example"]
    assert LEASE + ROUND + 1 < 60
    assert LEASE < LONGEST_LEASE


def test_a_message_that_takes_long_is_not_taken_from_its_holder_by_another_dispatcher(
    database: Database, alba: Member, clock: MovableClock, quick: None
) -> None:
    async def watch() -> None:
        async with dispatching(alba, clock, peer), dispatching(alba.on(other), clock, peer):
            await answer.asked()
            with answer.given_at_the_end():
                for _ in range(8):
                    clock.step(20)
                    await asyncio.sleep(0.15)
                assert alba.state(invitation) == "sending"
            await until_state(alba, invitation, "sent")

    invitation, answer = imported(alba), LateAnswer()
    clock.now = DUE
    with ScriptedPeer({"letter": [answer]}) as peer, closing_now(another(database)) as other:
        run(watch())
    assert len(peer.messages) == 1


def test_nothing_is_sent_while_the_journal_is_missing_and_everything_once_it_is_back(
    database: Database, alba: Member, clara: Customer, clock: MovableClock, quick: None
) -> None:
    async def send(held: Database) -> None:
        async with dispatching(alba.on(held), clock, peer):
            await asyncio.sleep(0.3)
            assert held.is_held and len(peer.messages) == 1
            away.rename(journal)
            await until(lambda: len(peer.messages) == 4)

    journal = database.journal.address
    away = Path(f"{journal}.away")
    clock.now = DUE
    with RelayPeer() as peer:
        first = imported(alba, "1")
        dispatch_until(lambda: alba.state(first) == "sent", alba, clock, peer)
        imported(alba, "2")
        reviewed(alba, clara, "3")
        journal.rename(away)
        with closing_now(another(database)) as held:
            run(send(held))


@pytest.mark.sqlite
def test_a_full_disk_lets_no_message_go_and_loses_none(
    database: Database, alba: Member, clock: MovableClock, quick: None
) -> None:
    """No mark can be written, so no message goes; once there is room they go, each once, and none is in doubt."""

    async def watch() -> None:
        async with dispatching(alba, clock, peer):
            with no_file_grows_beyond(database.path.with_name("afterword.db-wal").stat().st_size):
                clock.now = DUE
                await asyncio.sleep(0.5)
                assert peer.messages == []
            for _ in range(100):
                clock.step(1)
                await asyncio.sleep(0.01)
            await until(lambda: len(peer.messages) >= 20)
            await asyncio.sleep(0.2)

    messages = [imported(alba, f"{n}") for n in range(20)]
    clock.now = DUE - 1
    with RelayPeer() as peer:
        run(watch())
        assert len(peer.messages) == 20
    assert alba.states(*messages) == ["sent"] * 20


def test_who_stops_takes_leave_of_the_mail_server(alba: Member, clock: MovableClock) -> None:
    invitation = imported(alba)
    clock.now = DUE
    with ScriptedPeer() as peer:
        dispatch_until(lambda: alba.state(invitation) == "sent", alba, clock, peer)
        assert peer.dialogue[-1] == "QUIT"


@pytest.mark.sqlite
def test_who_stops_while_an_outcome_cannot_be_stored_stores_it_first(
    database: Database, alba: Member, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(alba, clock, peer) as dispatcher:
            await answer.asked()
            with no_file_grows_beyond(database.path.with_name("afterword.db-wal").stat().st_size):
                answer.give()
                await until(lambda: bool(peer.messages))
                dispatcher.stop()
                await asyncio.sleep(0.1)
                assert alba.state(invitation) == "sending"

    invitation, answer = imported(alba), LateAnswer()
    clock.now = DUE
    with ScriptedPeer({"letter": [answer]}) as peer:
        run(watch())
    assert alba.state(invitation) == "sent"


class RefusingPeer(ScriptedPeer):
    """It refuses every customer, once it may answer."""

    def __init__(self) -> None:
        super().__init__({"RCPT": self._refuse})
        self.asked = 0
        self.may_answer = threading.Event()

    def _refuse(self) -> str:
        self.asked += 1
        assert self.may_answer.wait(10)
        return "550 5.1.1 no such user here"


@pytest.mark.sqlite
def test_while_no_outcome_can_be_stored_few_more_are_asked_for(
    database: Database, alba: Member, clock: MovableClock, quick: None
) -> None:
    """Sixteen go at once, and each waits for the outcome of the one before it."""

    async def watch() -> None:
        async with dispatching(alba, clock, peer):
            await until(lambda: peer.asked > 0)
            with no_file_grows_beyond(database.path.with_name("afterword.db-wal").stat().st_size):
                peer.may_answer.set()
                await until(lambda: peer.asked >= 32)
                await asyncio.sleep(0.1)
                assert peer.asked == 32
            await until(lambda: peer.asked >= 60)
            await until(lambda: set(alba.states(*messages)) == {"failed"})

    messages = many(alba, 60)
    clock.now = DUE
    with RefusingPeer() as peer:
        run(watch())


def test_an_outage_of_a_second_costs_the_messages_seconds_and_no_try(alba: Member) -> None:
    """Forty messages meet it together, and none of them makes the others wait longer."""

    async def watch() -> float:
        peer.stop()
        async with dispatching(alba, lambda: DUE + time.monotonic() - begun, peer):
            await asyncio.sleep(1.5)
            peer.start()
            return await until(lambda: len(peer.messages) >= 40, 20)

    for n in range(40):
        imported(alba, f"{n}")
    begun = time.monotonic()
    with RelayPeer() as peer:
        assert run(watch()) < 10
        assert len(peer.messages) == 40
    assert [(row.state, row.tries) for row in alba.lists()] == [("sent", 1)] * 40


def test_who_stops_waits_for_no_pause(
    alba: Member, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("afterword.dispatch.caution.FIRST_TRANSPORT_PAUSE", 60.0)

    async def watch() -> float:
        async with dispatching(alba, clock, peer):
            await until(lambda: any(line.startswith("RCPT") for line in peer.dialogue))
            await asyncio.sleep(0.5)
            begun = time.monotonic()
        return time.monotonic() - begun

    imported(alba)
    clock.now = DUE
    with ScriptedPeer({"RCPT": "421 4.3.2 closing"}) as peer:
        assert run(watch()) < 5


def test_claims_that_could_not_be_released_are_renewed_no_more(
    alba: Member, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their leases lapse, and so they are free again."""

    def refuse(*_: object, **__: object) -> None:
        raise StoreUnavailable("the store cannot take this now")

    async def watch() -> None:
        async with dispatching(alba, clock, peer) as dispatcher:
            await until(lambda: any(line.startswith("RCPT") for line in peer.dialogue))
            await until(lambda: not any(worker.in_hand for worker in dispatcher._workers))
            assert alba.lists("scheduled") == []

    many(alba, 40)
    clock.now = DUE
    monkeypatch.setattr("afterword.dispatch.worker.release", refuse)
    with ScriptedPeer({"RCPT": "421 4.3.2 closing"}) as peer:
        run(watch())


def test_who_settles_a_claim_of_before_keeps_the_one_of_now(
    database: Database, alba: Member, clock: MovableClock
) -> None:
    """The lease of the first had lapsed, and the same worker claimed the message again."""
    imported(alba)
    first = alba.claims_one()
    again = copy.copy(first)
    worker = Worker(database, Watch(database), Queue.INVITATIONS, None, clock, live=True)  # type: ignore[arg-type]
    worker._in_hand[again.message.id] = again
    run(worker._recorder.settle(first, None))
    assert worker.in_hand == {again.message.id}
    run(worker._recorder.settle(again, None))
    assert worker.in_hand == frozenset()


def test_what_was_claimed_and_has_not_set_out_is_put_back_at_the_first_trouble(
    alba: Member, clock: MovableClock
) -> None:
    """Sixteen go at once, of forty that are claimed together; the pause after trouble is a second."""

    async def watch() -> None:
        async with dispatching(alba, clock, peer):
            await until(lambda: asked() == 16)
            await asyncio.sleep(0.4)
            assert asked() == 16
            assert len(alba.lists("scheduled")) == 40

    def asked() -> int:
        return sum(line.startswith("RCPT") for line in peer.dialogue)

    many(alba, 40)
    clock.now = DUE
    with ScriptedPeer({"RCPT": "421 4.3.2 closing"}) as peer:
        run(watch())
