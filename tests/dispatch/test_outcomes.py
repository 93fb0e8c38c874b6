"""Guarantee 5: what each word of a mail server leads to, and that doubt is never turned into a second message."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from afterword.domain.messages import MAIL_RETRIES
from afterword.store.messages.invitations import move_invitation, send_invitation
from tests.dispatch.running import (
    dispatch_until,
    dispatching,
    imported,
    reached,
    suppressing,
    until,
    until_state,
)
from tests.peers import run
from tests.scripted_peer import Answer, Cut, Line, ScriptedPeer
from tests.store.cast import DUE, Imported, Member, MovableClock

pytestmark = pytest.mark.usefixtures("quick")


def one_round(
    alba: Member, clock: MovableClock, peer: ScriptedPeer, invitation: Imported, *states: str
) -> None:
    """Dispatches until the invitation has been tried, which leads to one of these states."""
    before = alba.sees(invitation).tries

    def is_settled() -> bool:
        row = alba.sees(invitation)
        is_tried = row.tries > before and row.state not in ("claimed", "sending")
        return is_tried or (row.state in states and row.tries > 0)

    dispatch_until(is_settled, alba, clock, peer, then=0.1)
    assert alba.state(invitation) in states


@pytest.mark.parametrize("step", ["RCPT", "DATA", "letter"])
def test_a_4xx_is_tried_again_in_five_minutes_and_then_arrives(
    alba: Member, clock: MovableClock, step: str
) -> None:
    invitation = imported(alba)
    clock.now = DUE
    with ScriptedPeer({step: ["451 4.7.1 greylisted, come again"]}) as peer:
        one_round(alba, clock, peer, invitation, "scheduled")
        row = alba.sees(invitation)
        assert (row.tries, row.reason, row.due_at) == (1, "451 4.7.1 greylisted, come again", DUE)
        assert DUE + 300 <= row.next_try_at <= DUE + 375
        assert peer.messages == []
        clock.now = row.next_try_at
        one_round(alba, clock, peer, invitation, "sent")
        assert len(peer.messages) == 1
    assert (alba.sees(invitation).tries, alba.sees(invitation).reason) == (2, None)


@pytest.mark.parametrize("step", ["RCPT", "DATA", "letter"])
def test_a_5xx_fails_with_the_servers_words(alba: Member, clock: MovableClock, step: str) -> None:
    invitation = imported(alba)
    clock.now = DUE
    with ScriptedPeer({step: "550 5.1.1 no such user here"}) as peer:
        one_round(alba, clock, peer, invitation, "failed")
        clock.step(MAIL_RETRIES.give_up_after)
        one_round(alba, clock, peer, invitation, "failed")
        assert peer.messages == []
        assert sum(line.startswith("RCPT") for line in peer.dialogue) == 1
    assert alba.sees(invitation).reason == "550 5.1.1 no such user here"


def test_a_message_that_is_deferred_for_five_days_is_given_up(alba: Member, clock: MovableClock) -> None:
    async def watch() -> list[int]:
        waits = []
        async with dispatching(alba, clock, peer):
            while True:
                tries = alba.sees(invitation).tries
                await until(lambda tries=tries: alba.sees(invitation).tries > tries)
                row = alba.sees(invitation)
                if row.state == "failed":
                    return waits
                waits.append(row.next_try_at - int(clock.now))
                clock.now = row.next_try_at

    invitation = imported(alba)
    clock.now = DUE
    with ScriptedPeer({"RCPT": "450 4.2.1 mailbox busy"}) as peer:
        waits = run(watch())
    last, give_up_after = MAIL_RETRIES.waits[-1], MAIL_RETRIES.give_up_after
    assert give_up_after - 1.25 * last <= sum(waits) <= give_up_after
    assert [300 <= waits[0] <= 375, 600 <= waits[1] <= 750, 1_200 <= waits[2] <= 1_500] == [True] * 3
    assert all(last <= wait <= 1.25 * last for wait in waits[5:])
    assert len(set(waits[5:])) > 20, "without a spread, messages that failed together come back together"
    assert alba.sees(invitation).reason == "450 4.2.1 mailbox busy"


@pytest.mark.parametrize(
    ("script", "cuts"),
    [
        ({"letter": Line.CUT}, ()),
        ({}, (Cut(received=1_500),)),
        ({"letter": "99 what?"}, ()),
    ],
    ids=["after the final dot", "in the middle of the message", "with nonsense"],
)
def test_a_line_that_breaks_after_354_leaves_doubt_which_only_a_person_settles(
    alba: Member, clock: MovableClock, script: dict[str, Answer], cuts: tuple[Cut, ...]
) -> None:
    async def wait_for_a_year() -> None:
        async with dispatching(alba, clock, peer):
            for _ in range(5):
                clock.step(73 * 86_400)
                await asyncio.sleep(0.1)

    invitation = imported(alba)
    clock.now = DUE
    with ScriptedPeer({step: [answer] for step, answer in script.items()}, cuts=[*cuts]) as peer:
        one_round(alba, clock, peer, invitation, "in_doubt")
        assert alba.sees(invitation).reason
        run(wait_for_a_year())
        assert peer.messages == []
        [doubtful] = alba.lists("in_doubt")
        assert doubtful.number == invitation.number
        alba.acts(send_invitation, doubtful.id, clock.now)
        one_round(alba, clock, peer, invitation, "sent")
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
        {"RCPT": "421 4.3.2 closing"},
        {"DATA": Line.CUT},
        {"DATA": "421 4.3.2 closing"},
        {"DATA": "250 what?"},
        {"letter": "421 4.3.2 closing"},
        {"letter": "530 5.7.0 log in first"},
    ],
    ids=[
        *("a greeting of 554", "no greeting", "no hello", "a refused sender", "not now", "cut at RCPT"),
        *(
            "421 to RCPT",
            "cut at DATA",
            "421 to DATA",
            "nonsense to DATA",
            "421 to the dot",
            "530 to the dot",
        ),
    ],
)
def test_a_transport_in_trouble_fails_no_message_and_costs_it_no_try(
    alba: Member, clock: MovableClock, script: dict[str, str | Line]
) -> None:
    async def watch() -> None:
        async with dispatching(alba, clock, peer):
            await until(lambda: peer.connections > 1 or alba.sees(invitation).tries > 0)
            assert alba.state(invitation) in ("scheduled", "claimed", "sending")
            assert alba.sees(invitation).tries == 0
            trouble.clear()
            clock.step(600)
            await until_state(alba, invitation, "sent")

    invitation = imported(alba)
    clock.now = DUE
    trouble = dict(script)
    with ScriptedPeer(trouble) as peer:  # type: ignore[arg-type]
        run(stepping(clock, watch()))
        assert len(peer.messages) == 1


async def stepping(clock: MovableClock, work: Coroutine[Any, Any, None]) -> None:
    """Lets the clock run quickly meanwhile: what waits for the transport waits for some seconds of it."""

    async def tick() -> None:
        while True:
            await asyncio.sleep(0.02)
            clock.step(1)

    ticking = asyncio.create_task(tick())
    try:
        await work
    finally:
        ticking.cancel()


def test_a_week_without_a_mail_server_does_not_use_up_the_five_days(
    alba: Member, clock: MovableClock
) -> None:
    async def be_away() -> None:
        peer.stop()
        async with dispatching(alba, clock, peer):
            await asyncio.sleep(0.3)
        clock.step(7 * 86_400)
        peer.start()

    invitation = imported(alba)
    clock.now = DUE
    with ScriptedPeer({"RCPT": ["451 4.7.1 greylisted"]}) as peer:
        run(be_away())
        one_round(alba, clock, peer, invitation, "scheduled", "failed")
    assert (alba.state(invitation), alba.sees(invitation).tries) == ("scheduled", 1)


def test_an_address_suppressed_between_rcpt_and_data_gets_no_message(
    alba: Member, clock: MovableClock, capsys: pytest.CaptureFixture[str]
) -> None:
    async def watch() -> None:
        async with dispatching(alba, clock, peer):
            await until_state(alba, diegos, "cancelled")
            await until_state(alba, claras, "sent")

    diegos, claras = imported(alba, email="diego@diaz.example"), imported(alba, "2")
    alba.acts(move_invitation, alba.sees(claras).id, DUE + 1)
    clock.now = DUE
    with ScriptedPeer({"RCPT": [suppressing(alba, "DIEGO@diaz.example")]}) as peer:
        run(stepping(clock, watch()))
    assert reached(peer) == ["clara+2@nunez.example"]
    assert alba.sees(diegos).reason == "unsubscribed"
    assert "failed" not in "".join(capsys.readouterr())
