"""What the transport says of messages is counted by the process that sends them."""

import pytest

from afterword.domain.messages import MAIL_RETRIES
from afterword.store.engine.database import Database
from tests.dispatch.running import dispatch_until, imported
from tests.scripted_peer import Line, ScriptedPeer
from tests.store.cast import DUE, Member, MovableClock

pytestmark = pytest.mark.usefixtures("quick")

NONE = dict.fromkeys(("sent", "deferred", "failed", "in_doubt"), 0)


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ({}, "sent"),
        ({"RCPT": "451 4.7.1 come again"}, "deferred"),
        ({"letter": "550 5.7.1 no"}, "failed"),
        ({"letter": Line.CUT}, "in_doubt"),
    ],
)
def test_a_message_is_counted_by_its_outcome(
    database: Database, alba: Member, clock: MovableClock, script: dict[str, object], outcome: str
) -> None:
    messages = [imported(alba, "1"), imported(alba, "2")]
    clock.now = DUE

    def are_tried() -> bool:
        clock.step(0.01)  # one that sets out beside a message in doubt is put back, and due again in seconds
        return all(alba.sees(each).tries == 1 for each in messages)

    with ScriptedPeer(script) as peer:  # type: ignore[arg-type]
        dispatch_until(are_tried, alba, clock, peer)
    assert database.metrics.totals.messages == NONE | {outcome: 2}


def test_a_message_that_is_given_up_has_failed(database: Database, alba: Member, clock: MovableClock) -> None:
    message = imported(alba)
    clock.now = DUE
    with ScriptedPeer({"RCPT": "451 4.7.1 come again"}) as peer:
        dispatch_until(lambda: alba.sees(message).tries == 1, alba, clock, peer)
        clock.step(MAIL_RETRIES.give_up_after)
        dispatch_until(lambda: alba.sees(message).tries == 2, alba, clock, peer)
    assert database.metrics.totals.messages == NONE | {"deferred": 1, "failed": 1}


def test_trouble_of_the_transport_is_no_outcome(
    database: Database, alba: Member, clock: MovableClock
) -> None:
    message = imported(alba)
    clock.now = DUE
    with ScriptedPeer({"MAIL": "451 4.3.0 not now"}) as peer:
        dispatch_until(lambda: alba.sees(message).reason is not None, alba, clock, peer)
    assert database.metrics.totals.messages == NONE


def test_what_a_crash_left_in_doubt_is_counted_by_who_takes_it_up(
    database: Database, alba: Member, clock: MovableClock
) -> None:
    imported(alba)
    assert alba.marks(alba.claims_one())
    clock.now = DUE + 60
    # It is counted after the commit, so the row tells of it a moment earlier.
    dispatch_until(lambda: database.metrics.totals.messages == NONE | {"in_doubt": 1}, alba, clock)
    assert [row.state for row in alba.lists()] == ["in_doubt"]
