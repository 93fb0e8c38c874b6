"""What the courier says of letters is counted by the process that sends them."""

from collections.abc import Callable

import pytest

from afterword.domain.messages import MAIL_RETRIES
from afterword.store.engine.engine_database import EngineDatabase
from tests.dispatch.running import dispatching, imported, until
from tests.peers import run
from tests.scripted_peer import Line, ScriptedPeer
from tests.store.cast import DUE, Member, MovableClock, another, claim, mark_sending, seen

pytestmark = pytest.mark.usefixtures("quick")


def dispatch_until(
    database: EngineDatabase, clock: MovableClock, peer: ScriptedPeer | None, holds: Callable[[], bool]
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock, peer):
            await until(holds, 15)

    run(watch())


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ({}, "sent"),
        ({"RCPT": "451 4.7.1 come again"}, "deferred"),
        ({"letter": "550 5.7.1 no"}, "failed"),
        ({"letter": Line.CUT}, "in_doubt"),
    ],
)
def test_a_letter_is_counted_by_its_outcome(
    database: EngineDatabase, alba: Member, clock: MovableClock, script: dict[str, object], outcome: str
) -> None:
    letters = [imported(database, alba, id_order) for id_order in ("1", "2")]
    clock.now = DUE
    with ScriptedPeer(script) as peer:  # type: ignore[arg-type]
        dispatch_until(
            database, clock, peer, lambda: all(seen(database, letter).tries == 1 for letter in letters)
        )
    none = dict.fromkeys(("sent", "deferred", "failed", "in_doubt"), 0)
    assert database.metrics.totals.messages == none | {outcome: 2}


def test_a_letter_that_is_given_up_has_failed(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    letter = imported(database, alba)
    clock.now = DUE
    with ScriptedPeer({"RCPT": "451 4.7.1 come again"}) as peer:
        dispatch_until(database, clock, peer, lambda: seen(database, letter).tries == 1)
        clock.step(MAIL_RETRIES.give_up_after)
        dispatch_until(database, clock, peer, lambda: seen(database, letter).tries == 2)
    assert database.metrics.totals.messages == {"sent": 0, "deferred": 1, "failed": 1, "in_doubt": 0}


def test_a_letter_of_a_test_key_is_counted_too(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    letter = imported(database, alba, live=False)
    clock.now = DUE
    dispatch_until(database, clock, None, lambda: seen(database, letter).state == "sent")
    assert database.metrics.totals.messages["sent"] == 1


def test_trouble_of_the_courier_is_no_outcome(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    letter = imported(database, alba)
    clock.now = DUE
    with ScriptedPeer({"MAIL": "451 4.3.0 not now"}) as peer:
        dispatch_until(database, clock, peer, lambda: seen(database, letter).reason is not None)
    assert set(database.metrics.totals.messages.values()) == {0}


def test_what_a_crash_left_in_doubt_is_counted_by_who_takes_it_up(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    letter = imported(database, alba)
    crashed = another(database)
    [held] = crashed.write_now(lambda tx: claim(tx, alba, DUE))
    assert crashed.write_now(lambda tx: mark_sending(tx, held, now=DUE, lease_until=DUE + 40))
    crashed.close_now()
    clock.now = DUE + 60
    # It is counted after the commit, so the row tells of it a moment earlier.
    dispatch_until(database, clock, None, lambda: database.metrics.totals.messages["in_doubt"] > 0)
    assert seen(database, letter).state == "in_doubt"
    assert database.metrics.totals.messages == {"sent": 0, "deferred": 0, "failed": 0, "in_doubt": 1}
