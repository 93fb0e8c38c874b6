"""Guarantee 5: what each word of a mail server leads to, and that doubt is never turned into a second letter."""

import asyncio

import pytest

from afterword.domain.messages import MAIL_RETRIES
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.messages.invitations import list_invitations, move_invitation, send_invitation
from afterword.store.suppressions import suppress
from tests.dispatch.running import dispatching, imported, until, until_state
from tests.peers import RelayPeer, run
from tests.scripted_peer import Cut, Line, ScriptedPeer
from tests.store.cast import DUE, Member, MovableClock, another, seen

pytestmark = pytest.mark.usefixtures("quick")


def one_round(
    database: EngineDatabase, clock: MovableClock, peer: ScriptedPeer, invitation: int, *states: str
) -> None:
    """Dispatches until the invitation is in one of these states and has been tried."""

    def is_settled() -> bool:
        row = seen(database, invitation)
        return row.state in states and row.tries > 0

    async def watch() -> None:
        async with dispatching(database, clock, peer):
            await until(is_settled)
            await asyncio.sleep(0.1)

    run(watch())


@pytest.mark.parametrize("step", ["RCPT", "DATA", "letter"])
def test_a_4xx_is_tried_again_in_five_minutes_and_then_arrives(
    database: EngineDatabase, alba: Member, clock: MovableClock, step: str
) -> None:
    invitation = imported(database, alba)
    clock.now = DUE
    with ScriptedPeer({step: ["451 4.7.1 greylisted, come again"]}) as peer:
        one_round(database, clock, peer, invitation, "scheduled")
        row = seen(database, invitation)
        assert (row.tries, row.reason, row.due_at) == (1, "451 4.7.1 greylisted, come again", DUE)
        assert DUE + 300 <= row.next_try_at <= DUE + 375
        assert peer.messages == []
        clock.now = row.next_try_at
        one_round(database, clock, peer, invitation, "sent")
        assert len(peer.messages) == 1
    assert seen(database, invitation).tries == 2


@pytest.mark.parametrize("step", ["RCPT", "DATA", "letter"])
def test_a_5xx_fails_with_the_servers_words(
    database: EngineDatabase, alba: Member, clock: MovableClock, step: str
) -> None:
    invitation = imported(database, alba)
    clock.now = DUE
    with ScriptedPeer({step: "550 5.1.1 no such user here"}) as peer:
        one_round(database, clock, peer, invitation, "failed")
        clock.step(MAIL_RETRIES.give_up_after)
        one_round(database, clock, peer, invitation, "failed")
        assert peer.messages == []
        assert sum(line.startswith("RCPT") for line in peer.dialogue) == 1
    assert seen(database, invitation).reason == "550 5.1.1 no such user here"


def test_a_letter_that_is_deferred_for_five_days_is_given_up(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    async def watch() -> list[int]:
        waits = []
        async with dispatching(database, clock, peer):
            while True:
                tries = seen(database, invitation).tries
                await until(lambda tries=tries: seen(database, invitation).tries > tries)
                row = seen(database, invitation)
                if row.state == "failed":
                    return waits
                waits.append(row.next_try_at - int(clock.now))
                clock.now = row.next_try_at

    invitation = imported(database, alba)
    clock.now = DUE
    with ScriptedPeer({"RCPT": "450 4.2.1 mailbox busy"}) as peer:
        waits = run(watch())
    assert (
        MAIL_RETRIES.give_up_after - 1.25 * MAIL_RETRIES.waits[-1] <= sum(waits) <= MAIL_RETRIES.give_up_after
    )
    assert [300 <= waits[0] <= 375, 600 <= waits[1] <= 750, 1_200 <= waits[2] <= 1_500] == [True] * 3
    assert all(MAIL_RETRIES.waits[-1] <= wait <= 1.25 * MAIL_RETRIES.waits[-1] for wait in waits[5:])
    assert len(set(waits[5:])) > 20, "without a spread, letters that failed together come back together"
    assert seen(database, invitation).reason == "450 4.2.1 mailbox busy"


@pytest.mark.parametrize(
    "where", ["after the final dot", "in the middle of the letter", "after DATA", "with nonsense"]
)
def test_a_line_that_breaks_after_data_leaves_doubt_which_only_a_person_settles(
    database: EngineDatabase, alba: Member, clock: MovableClock, where: str
) -> None:
    async def wait_for_a_year() -> None:
        async with dispatching(database, clock, peer):
            for _ in range(5):
                clock.step(73 * 86_400)
                await asyncio.sleep(0.1)

    invitation = imported(database, alba)
    clock.now = DUE
    with ScriptedPeer() as peer:
        match where:
            case "after the final dot":
                peer.script["letter"] = [Line.CUT]
            case "in the middle of the letter":
                peer.cuts = [Cut(received=1_500)]
            case "after DATA":
                peer.script["DATA"] = [Line.CUT]
            case _:
                peer.script["letter"] = ["99 what?"]
        one_round(database, clock, peer, invitation, "in_doubt")
        assert seen(database, invitation).reason
        run(wait_for_a_year())
        assert peer.messages == []
        doubtful = database.read_now(lambda tx: list_invitations(tx, alba.shop, "in_doubt"))
        assert [row.number for row in doubtful] == [invitation]
        database.write_now(lambda tx: send_invitation(tx, doubtful[0].id, clock.now))
        one_round(database, clock, peer, invitation, "sent")
        assert len(peer.messages) == 1


@pytest.mark.parametrize(
    "script",
    [
        {"greeting": "554 5.7.1 you are blocked"},
        {"greeting": Line.CUT},
        {"EHLO": "550 no"},
        {"MAIL": "550 5.7.1 sender refused"},
        {"MAIL": "451 try later"},
        {"RCPT": Line.CUT},
    ],
    ids=["a greeting of 554", "no greeting", "no hello", "a refused sender", "not now", "cut at RCPT"],
)
def test_a_courier_in_trouble_fails_no_letter_and_costs_it_no_try(
    database: EngineDatabase, alba: Member, clock: MovableClock, script: dict[str, str | Line]
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock, peer):
            await until(lambda: peer.connections > 1)
            assert seen(database, invitation).state in ("scheduled", "claimed")
            assert seen(database, invitation).tries == 0
            trouble.clear()
            clock.step(600)
            await until_state(database, invitation, "sent")

    invitation = imported(database, alba)
    clock.now = DUE
    trouble = dict(script)
    with ScriptedPeer(trouble) as peer:  # type: ignore[arg-type]
        run(stepping(clock, watch()))
        assert len(peer.messages) == 1


async def stepping(clock: MovableClock, work: object) -> None:
    """Lets the clock run quickly meanwhile, since what waits for the courier waits for some seconds of it."""

    async def tick() -> None:
        while True:
            await asyncio.sleep(0.02)
            clock.step(1)

    ticking = asyncio.create_task(tick())
    try:
        await work  # type: ignore[misc]
    finally:
        ticking.cancel()


def test_letters_wait_for_a_server_that_is_away_and_go_when_it_is_back(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    async def watch() -> None:
        peer.stop()
        async with dispatching(database, clock, peer):
            await asyncio.sleep(0.5)
            assert [(seen(database, each).state in ("scheduled", "claimed")) for each in letters] == [
                True
            ] * 40
            assert [seen(database, each).tries for each in letters] == [0] * 40
            clock.step(7 * 86_400)
            peer.start()
            await until(lambda: len(peer.messages) >= 40)
            await asyncio.sleep(0.1)

    letters = [imported(database, alba, f"{n}") for n in range(40)]
    clock.now = DUE
    with RelayPeer() as peer:
        run(stepping(clock, watch()))
    assert len(peer.messages) == 40
    assert [seen(database, each).state for each in letters] == ["sent"] * 40


def test_a_week_without_a_mail_server_does_not_use_up_the_five_days(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    async def be_away() -> None:
        peer.stop()
        async with dispatching(database, clock, peer):
            await asyncio.sleep(0.3)
        clock.step(7 * 86_400)
        peer.start()

    invitation = imported(database, alba)
    clock.now = DUE
    with ScriptedPeer({"RCPT": ["451 4.7.1 greylisted"]}) as peer:
        run(be_away())
        one_round(database, clock, peer, invitation, "scheduled", "failed")
        assert seen(database, invitation).state == "scheduled"


def test_an_address_suppressed_between_rcpt_and_data_gets_no_letter(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    def suppress_and_answer() -> str:
        other = another(database)
        other.write_now(
            lambda tx: suppress(
                tx, alba.shop, "DIEGO@diaz.example", live=True, reason="unsubscribed", now=DUE
            )
        )
        other.close_now()
        return "250 2.1.5 ok"

    async def watch() -> None:
        async with dispatching(database, clock, peer):
            await until_state(database, diegos, "cancelled")
            await until_state(database, claras, "sent")

    diegos = imported(database, alba, email="diego@diaz.example")
    clock.now = DUE
    with ScriptedPeer({"RCPT": [suppress_and_answer]}) as peer:
        claras = imported(database, alba, "2")
        shown = seen(database, claras).id
        database.write_now(lambda tx: move_invitation(tx, shown, DUE + 1))
        run(stepping(clock, watch()))
        assert [received.recipients for received in peer.messages] == [["clara+2@nunez.example"]]
    assert seen(database, diegos).reason == "unsubscribed"
