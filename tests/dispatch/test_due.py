"""Guarantee 4: never early, and started within two seconds of being due, whatever the clock does meanwhile."""

import asyncio
import re

import pytest

from afterword.base.ids import is_signed, order_id_of
from afterword.dispatch.worker import LEASE
from afterword.domain.messages import order_fingerprint
from tests.dispatch.running import (
    SECRET,
    LateAnswer,
    dispatch_until,
    dispatching,
    emails,
    imported,
    reached,
    reviewed,
    unsent,
    until,
    until_state,
)
from tests.peers import RelayPeer, run
from tests.scripted_peer import ScriptedPeer
from tests.store.cast import DUE, Customer, Member, MovableClock


def test_a_message_goes_when_it_is_due_and_not_a_moment_earlier(alba: Member, clock: MovableClock) -> None:
    async def watch() -> float:
        async with dispatching(alba, clock, peer):
            for early in (DUE - 86_400, DUE - 1, DUE - 0.001):
                clock.now = early
                await asyncio.sleep(0.3)
                assert peer.messages == []
            clock.now = DUE
            return await until_state(alba, invitation, "sent")

    invitation = imported(alba)
    with RelayPeer() as peer:
        assert run(watch()) < 2
    assert reached(peer) == ["clara+1234@nunez.example"]
    assert (alba.sees(invitation).sent_at, alba.sees(invitation).tries) == (DUE, 1)


def test_the_message_is_from_this_shop_to_this_customer_and_its_links_are_signed(
    alba: Member, clock: MovableClock
) -> None:
    invitation = imported(alba)
    clock.now = DUE
    with RelayPeer() as peer:
        dispatch_until(lambda: bool(peer.messages), alba, clock, peer)
    [message] = emails(peer)
    mark = order_fingerprint(alba.shop.salt, live=True, id_order="1234")
    assert message["Message-ID"] == f"<{mark}@reviews.example>"
    assert "Clara Nunez" in message["To"] and "Alba's bakery" in message["Subject"]
    for purpose in ("r", "u"):
        found = re.search(rf"https://reviews\.example/{purpose}/{alba.shop.id}/([\w-]+)", message.as_string())
        assert found is not None
        assert order_id_of(SECRET, found[1]) == invitation.number
        assert is_signed(SECRET, purpose, found[1], mark)


@pytest.mark.parametrize("step", [3_600, 10 * 86_400, -3_600, -10 * 86_400])
def test_a_step_of_the_clock_while_a_message_is_in_hand_sends_nothing_twice(
    alba: Member, clock: MovableClock, quick: None, step: int
) -> None:
    async def watch() -> None:
        async with dispatching(alba, clock, peer):
            await answer.asked()
            clock.step(step)
            await asyncio.sleep(0.4)
            assert alba.state(first) == "sending"
            answer.give()
            await until_state(alba, first, "sent")
            clock.now = DUE
            await asyncio.sleep(0.2)

    first, later, answer = imported(alba), alba.sends("later", at=DUE + 86_400), LateAnswer()
    clock.now = DUE
    with ScriptedPeer({"letter": [answer]}) as peer:
        run(watch())
    assert len(peer.messages) == 1
    assert alba.state(later) == "scheduled"


def test_who_looks_for_lapsed_claims_knows_what_each_worker_has_in_hand(
    alba: Member, clara: Customer, clock: MovableClock
) -> None:
    """A step of the clock between the renewal of the leases and that look."""

    async def watch() -> None:
        async with dispatching(alba, clock, peer) as dispatcher:
            await answer.asked()
            with answer.given_at_the_end():
                await dispatcher._rescue(clock() + 3_600)
                assert [row[:2] for row in unsent(alba)] == [("receipt", "sending")]
            await until(lambda: unsent(alba) == [])

    reviewed(alba, clara)
    answer = LateAnswer()
    with ScriptedPeer({"letter": [answer]}) as peer:
        run(watch())


def test_a_mark_renews_the_lease(alba: Member, clock: MovableClock) -> None:
    """DATA may take as long as the line before it."""

    async def watch() -> None:
        async with dispatching(alba, clock, peer):
            await answer.asked()
            with answer.given_at_the_end():
                sql = "SELECT lease_until FROM messages WHERE state = 'sending'"
                assert alba.rows(sql) == [(int(DUE) + LEASE,)]
            await until_state(alba, invitation, "sent")

    invitation, answer = imported(alba), LateAnswer()
    clock.now = DUE
    with ScriptedPeer({"letter": [answer]}) as peer:
        run(watch())


def test_a_clock_set_back_sends_nothing_before_its_time_comes_again(
    alba: Member, clock: MovableClock, quick: None
) -> None:
    async def watch() -> None:
        async with dispatching(alba, clock, peer):
            await until(lambda: len(peer.messages) == 1)
            clock.now = DUE - 3_600
            alba.sends("2", at=DUE - 10 * 86_400)
            await asyncio.sleep(0.3)
            assert len(peer.messages) == 1
            clock.now = DUE
            await until(lambda: len(peer.messages) == 2)
            await asyncio.sleep(0.2)

    imported(alba, "1")
    clock.now = DUE
    with RelayPeer() as peer:
        run(watch())
    assert len(peer.messages) == 2
