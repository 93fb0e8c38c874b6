"""What a crash, a lost journal, a full disk or an outage leaves unsent is taken up again, and nothing goes twice."""

import asyncio
import threading
import time
from pathlib import Path

import pytest

from afterword.dispatch.housekeeping import ROUND
from afterword.dispatch.worker import LEASE
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.messages.steps import LONGEST_LEASE
from tests.dispatch.running import dispatching, imported, until, until_state
from tests.peers import RelayPeer, run
from tests.scripted_peer import ScriptedPeer
from tests.store.cast import DUE, Member, MovableClock, another, mark_sending, seen
from tests.store.databases import no_file_grows_beyond


def states(database: EngineDatabase, invitations: list[int]) -> list[str]:
    return [seen(database, each).state for each in invitations]


def test_what_a_crash_left_is_taken_up_within_a_minute(
    database: EngineDatabase, alba: Member, clock: MovableClock, quick: None
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock, peer):
            await asyncio.sleep(0.3)
            assert states(database, [claimed, marked]) == ["claimed", "sending"]
            clock.now = DUE + LEASE + 1
            await until_state(database, claimed, "sent")
            await until_state(database, marked, "in_doubt")
            clock.step(30 * 86_400)
            await asyncio.sleep(0.2)

    claimed, marked = imported(database, alba, "1"), imported(database, alba, "2")
    claims = alba.claims(holder="gone")
    [half_sent] = [each for each in claims if each.message.id == marked]
    database.write_now(lambda tx: mark_sending(tx, half_sent, now=DUE, lease_until=DUE + LEASE))
    clock.now = DUE
    with RelayPeer() as peer:
        run(watch())
        assert [received.recipients[0] for received in peer.messages] == ["clara+1@nunez.example"]
    assert LEASE + ROUND + 1 < 60
    assert LEASE < LONGEST_LEASE


def test_a_letter_that_takes_long_is_not_taken_from_its_holder_by_another_dispatcher(
    database: EngineDatabase, alba: Member, clock: MovableClock, quick: None
) -> None:
    def answer_in_a_while() -> str:
        has_letter.set()
        assert may_answer.wait(10)
        return "250 2.0.0 queued"

    async def watch() -> None:
        other = another(database)
        async with dispatching(database, clock, peer), dispatching(other, clock, peer):
            assert await asyncio.to_thread(has_letter.wait, 5)
            for _ in range(8):
                clock.step(20)
                await asyncio.sleep(0.15)
            assert seen(database, invitation).state == "sending"
            may_answer.set()
            await until_state(database, invitation, "sent")
        other.close_now()

    invitation = imported(database, alba)
    clock.now = DUE
    has_letter, may_answer = threading.Event(), threading.Event()
    with ScriptedPeer({"letter": [answer_in_a_while]}) as peer:
        run(watch())
    assert len(peer.messages) == 1


def test_nothing_is_sent_while_the_journal_is_missing_and_everything_once_it_is_back(
    database: EngineDatabase, alba: Member, clock: MovableClock, quick: None
) -> None:
    async def send(held: bool) -> None:
        opened = another(database)
        async with dispatching(opened, clock, peer):
            if held:
                await asyncio.sleep(0.3)
                assert opened.is_held and len(peer.messages) == 1
                away.rename(journal)
            await until_state(opened, letters[-1], "sent")
        await opened.close()

    journal = database.journal.address
    away = Path(f"{journal}.away")
    clock.now = DUE
    with RelayPeer() as peer:
        letters = [imported(database, alba, "1")]
        run(send(held=False))
        letters.append(imported(database, alba, "2"))
        journal.rename(away)
        run(send(held=True))
        assert len(peer.messages) == 2


@pytest.mark.sqlite
def test_a_full_disk_lets_no_letter_go_and_loses_none(
    database: EngineDatabase, alba: Member, clock: MovableClock, quick: None
) -> None:
    """No mark can be written, so no letter goes; once there is room they go, each once, and none is in doubt."""

    async def watch() -> None:
        async with dispatching(database, clock, peer):
            with no_file_grows_beyond(database.path.with_name("afterword.db-wal").stat().st_size):
                clock.now = DUE
                await asyncio.sleep(0.5)
                assert peer.messages == []
            for _ in range(100):
                clock.step(1)
                await asyncio.sleep(0.01)
            await until(lambda: len(peer.messages) >= 20)
            await asyncio.sleep(0.2)

    letters = [imported(database, alba, f"{n}") for n in range(20)]
    clock.now = DUE - 1
    with RelayPeer() as peer:
        run(watch())
        assert len(peer.messages) == 20
    assert states(database, letters) == ["sent"] * 20


def test_an_outage_of_a_second_costs_the_letters_seconds(database: EngineDatabase, alba: Member) -> None:
    """Forty letters meet it together, and none of them makes the others wait longer."""

    async def watch() -> float:
        peer.stop()
        async with dispatching(database, lambda: DUE + time.monotonic() - begun, peer):
            await asyncio.sleep(1.5)
            peer.start()
            return await until(lambda: len(peer.messages) >= 40, 20)

    letters = [imported(database, alba, f"{n}") for n in range(40)]
    begun = time.monotonic()
    with RelayPeer() as peer:
        assert run(watch()) < 10
        assert len(peer.messages) == 40
    assert states(database, letters) == ["sent"] * 40
