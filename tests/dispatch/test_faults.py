"""Faults of the mail server and of the journal: they stop what they must, and nothing else."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from afterword.base.errors import JournalMissing
from afterword.dispatch.worker import Worker
from afterword.mail import smtp_connection
from afterword.mail.smtp import SmtpTransport
from afterword.store.engine.database import Database, Transaction
from afterword.store.messages.steps import Mark, Record, Settled, take_steps
from tests.dispatch.running import (
    dispatch_until,
    dispatching,
    imported,
    many,
    reached,
    until,
    until_state,
)
from tests.needs import scale
from tests.peers import run
from tests.scripted_peer import Answer, Line, ScriptedPeer
from tests.store.cast import DUE, Member, MovableClock
from tests.store.journal.journals import journal

pytestmark = pytest.mark.usefixtures("quick")

MOST_IN_DOUBT = 32
"""Of however many messages, when a mail server breaks every connection at the dot for a minute."""


MINUTE = 1.0
"""Seconds that a minute takes for those who hurry."""


@pytest.fixture
def hurry(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses three times as short as those that are `quick`: sixty times as short as they are."""
    rest = Worker._rest

    async def rest_shortly(worker: Worker, seconds: float) -> None:
        await rest(worker, seconds / 3)

    monkeypatch.setattr(Worker, "_rest", rest_shortly)


def ticking(clock: MovableClock) -> "asyncio.Task[None]":
    """Sixty times as quick as it is, as the pauses are."""

    async def tick() -> None:
        while True:
            await asyncio.sleep(MINUTE / 60)
            clock.step(1)

    return asyncio.create_task(tick())


@pytest.mark.parametrize(
    ("step", "answer", "in_doubt"),
    [
        ("DATA", Line.CUT, 0),
        ("DATA", "421 4.3.2 closing", 0),
        ("letter", "421 4.3.2 closing", 0),
        ("RCPT", "421 4.3.2 closing", 0),
        ("letter", Line.CUT, MOST_IN_DOUBT),
        ("letter", "99 what", MOST_IN_DOUBT),
    ],
)
def test_a_server_that_breaks_for_a_minute_leaves_few_in_doubt_and_then_gets_all_others(
    alba: Member, clock: MovableClock, hurry: None, step: str, answer: Answer, in_doubt: int
) -> None:
    """AFTERWORD_TEST_SCALE=20 makes it 4,000 messages."""

    async def watch() -> float:
        time = ticking(clock)
        try:
            async with dispatching(alba, clock, peer):
                await asyncio.sleep(MINUTE)
                assert peer.messages == []
                peer.script.clear()
                return await until(lambda: not {"scheduled", "claimed", "sending"} & states(), 60)
        finally:
            time.cancel()

    def states() -> set[str]:
        return {row[0] for row in alba.rows("SELECT DISTINCT state FROM messages")}

    count = 200 * scale()
    many(alba, count)
    clock.now = DUE
    with ScriptedPeer({step: answer}) as peer:
        took = run(watch(), 90)
        arrived = reached(peer)
    found = dict(alba.rows("SELECT state, count(*) FROM messages GROUP BY state"))
    assert found.get("in_doubt", 0) <= in_doubt
    assert found["sent"] == count - found.get("in_doubt", 0) == len(arrived) == len(set(arrived))
    assert alba.rows("SELECT DISTINCT tries FROM messages") == [(1,)], "trouble of the server is no try"
    assert took < 6 + 2 * scale()


def test_while_a_server_hangs_at_the_dot_one_message_at_a_time_is_risked(
    alba: Member, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The probe hangs longer than the pause before the next one."""

    async def watch() -> None:
        async with dispatching(alba, clock, peer):
            await until(lambda: len(alba.lists("in_doubt")) == 16, 10)
            for _ in range(40):
                await asyncio.sleep(0.02)
                assert len(alba.lists("sending")) <= 1

    monkeypatch.setitem(SmtpTransport.__init__.__kwdefaults__, "timeout", 0.3)
    many(alba, 40)
    clock.now = DUE
    with ScriptedPeer({"letter": Line.STALL}) as peer:
        run(watch())


class PeerOfTwoSpeeds(ScriptedPeer):
    """It cuts the connection of the first message at the dot, and answers no other RCPT before it may."""

    def __init__(self) -> None:
        super().__init__({"letter": Line.CUT})
        self.may_answer = threading.Event()

    async def _answer(self, wire: Any, step: str, usual: str) -> str:
        is_first = not any(line.startswith("RCPT") for line in self.dialogue[:-1])
        while step == "RCPT" and not is_first and not self.may_answer.is_set():
            await asyncio.sleep(0.01)
        return await super()._answer(wire, step, usual)


def test_what_is_on_its_way_when_another_message_is_in_doubt_stops_before_data(
    alba: Member, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(alba, clock, peer):
            await until(lambda: len(alba.lists("in_doubt")) == 1)
            peer.may_answer.set()
            await until(lambda: len(alba.lists("scheduled")) == 7)

    many(alba, 8)
    clock.now = DUE
    with PeerOfTwoSpeeds() as peer:
        run(watch())
        assert peer.dialogue.count("DATA") == 1
    stopped = "another message is in doubt: one at a time is tried now"
    assert {row.reason for row in alba.lists("scheduled")} <= {stopped, None}
    assert stopped in {row.reason for row in alba.lists("scheduled")}


def test_an_error_of_our_own_after_the_message_left_is_doubt_and_no_second_message(
    alba: Member, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(answer: object) -> str:
        raise RuntimeError("an error of ours")

    monkeypatch.setattr(smtp_connection, "_words", broken)
    invitation = imported(alba)
    clock.now = DUE
    with ScriptedPeer() as peer:
        dispatch_until(lambda: alba.sees(invitation).tries == 1, alba, clock, peer)
        assert alba.state(invitation) == "in_doubt"
        clock.step(86_400)
        dispatch_until(lambda: True, alba, clock, peer, then=0.3)
    assert len(peer.messages) == 1
    assert alba.sees(invitation).reason == "an error of Afterword's own: RuntimeError"


class HesitantPeer(ScriptedPeer):
    """It answers no message before it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = threading.Event()

    async def _take_message(self, wire: Any, envelope: list[str]) -> None:
        while not self.may_answer.is_set():
            await asyncio.sleep(0.01)
        await super()._take_message(wire, envelope)


def cut_it(database: Database) -> Callable[[], None]:
    """As `logrotate` with `copytruncate` does. Returns what puts it back, as `cp` does, into the same file."""
    content = journal(database).read_bytes()
    journal(database).write_bytes(content[: len(content) // 2])
    return lambda: put_back(database, content)


def put_back(database: Database, content: bytes) -> None:
    journal(database).write_bytes(content)


def replace_it(database: Database) -> Callable[[], None]:
    """Lays a cut copy in its place, as an editor does."""
    path = journal(database)
    away = path.rename(path.with_name("away"))
    content = away.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return lambda: put_back(database, content)


def lose_it(database: Database) -> Callable[[], None]:
    path = journal(database)
    away = path.rename(path.with_name("away"))
    return lambda: (away.rename(path), None)[1]


@pytest.mark.sqlite
@pytest.mark.parametrize("lose", [cut_it, replace_it, lose_it])
@pytest.mark.parametrize("in_hand", [1, 12])
def test_a_journal_lost_while_serving_loses_no_outcome_and_stops_nothing_but_sending(
    database: Database,
    alba: Member,
    clock: MovableClock,
    lose: Callable[[Database], Callable[[], None]],
    in_hand: int,
) -> None:
    async def watch() -> None:
        async with dispatching(alba, clock, peer):
            await until(lambda: len(alba.lists("sending")) == in_hand)
            bring_back = lose(database)
            peer.may_answer.set()
            await until(lambda: alba.states(*first) == ["sent"] * in_hand)
            later = many(alba, 3)
            assert alba.suppresses("diego@diaz.example", now=DUE)
            await asyncio.sleep(0.3)
            assert database.is_held and len(peer.messages) == in_hand
            assert set(alba.states(*later)) <= {"scheduled", "claimed"}
            bring_back()
            for one in later:
                await until_state(alba, one, "sent")

    first = [imported(alba, f"first-{number}") for number in range(in_hand)]
    clock.now = DUE
    with HesitantPeer() as peer:
        run(watch())
    assert len(peer.messages) == in_hand + 3


@pytest.mark.sqlite
def test_the_write_that_finds_the_journal_lost_is_stored_and_a_mark_is_refused(
    database: Database, alba: Member
) -> None:
    alba.sends("1")
    alba.sends("2")
    one, two = alba.claims_each()
    alba.delivers(one)
    cut_it(database)

    assert alba.suppresses("diego@diaz.example")
    with pytest.raises(JournalMissing):
        alba.marks(two)
    assert alba.state(two) == "claimed" and alba.why_not("diego@diaz.example") == "unsubscribed"


@pytest.mark.sqlite
def test_without_a_journal_a_write_that_fails_is_tried_once(database: Database, alba: Member) -> None:
    tried = []

    def fail(tx: Transaction) -> None:
        tried.append(tx)
        raise LookupError("no")

    alba.sends("1")
    alba.delivers(alba.claims_one())
    cut_it(database)
    assert alba.suppresses("diego@diaz.example") and database.is_held
    with pytest.raises(LookupError):
        database.write_now(fail)
    assert len(tried) == 1


def test_a_message_that_meets_trouble_each_time_keeps_no_other_from_going(
    alba: Member, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again behind the others."""

    def answer() -> str:
        return "421 4.3.0 not this one" if "clara+0@" in peer.dialogue[-1] else "250 2.1.5 ok"

    async def watch() -> None:
        async with dispatching(alba, clock, peer):
            ticks = ticking(clock)
            await until(lambda: len(set(reached(peer))) == 4, 15)
            ticks.cancel()

    monkeypatch.setattr("afterword.app.AT_ONCE", 1)
    many(alba, 5)
    clock.now = DUE
    with ScriptedPeer({"RCPT": answer}) as peer:
        run(watch())
    assert not any("clara+0@" in address for address in reached(peer))


def test_while_an_outcome_is_not_stored_the_next_message_of_its_slot_does_not_go(
    alba: Member, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash leaves the fate of one message open for each slot, and not of two."""
    may_record = threading.Event()

    def no_records(tx: Transaction, steps: Sequence[Mark | Record]) -> list[bool | Settled]:
        if not may_record.is_set() and any(isinstance(step, Record) for step in steps):
            raise JournalMissing("the send journal is missing")  # each of a group is then tried alone
        return take_steps(tx, steps)

    async def watch() -> None:
        async with dispatching(alba, clock, peer):
            await until(lambda: len(peer.messages) == 1)
            await asyncio.sleep(0.5)
            assert len(peer.messages) == 1 and sum(line == "DATA" for line in peer.dialogue) == 1
            may_record.set()
            await until(lambda: alba.lists("scheduled") == [] and len(peer.messages) == 3, 10)

    monkeypatch.setattr("afterword.app.AT_ONCE", 1)
    monkeypatch.setattr("afterword.dispatch.recording.take_steps", no_records)
    many(alba, 3)
    clock.now = DUE
    with ScriptedPeer() as peer:
        run(watch())
