"""Guarantees 4 and 5 in the rows: claimed by one, marked by its holder, settled once, rescued after a crash."""

import pytest

from afterword.base.errors import Refused
from afterword.domain.invitations import Outcome
from afterword.store import invitations
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.invitations import (
    Claim,
    Mark,
    Record,
    cancel_invitation,
    claim_due,
    due_shops,
    find_invitation,
    has_lapsed,
    list_invitations,
    move_invitation,
    release,
    renew_leases,
    rescue_lapsed,
    send_invitation,
    take_steps,
)
from afterword.store.suppressions import suppress
from tests.store.cast import (
    NOW,
    Member,
    claim,
    import_batch,
    import_one,
    mark_sending,
    order,
    record_outcome,
    seen,
    state,
)

DUE = NOW + 10 * 86_400


def imported(database: EngineDatabase, member: Member, id_order: str = "1234", *, live: bool = True) -> int:
    one = order(id_order)
    return database.write_now(lambda tx: import_one(tx, member, one, live=live)).invitation_id


def held(database: EngineDatabase, member: Member, now: float = DUE, holder: str = "first") -> Claim:
    [only] = database.write_now(lambda tx: claim(tx, member, now, holder=holder))
    return only


def mark(database: EngineDatabase, one: Claim, now: float = DUE) -> bool:
    return database.write_now(lambda tx: mark_sending(tx, one, now=now, lease_until=int(now) + 40))


def record(
    database: EngineDatabase, one: Claim, outcome: Outcome, *, now: float = DUE, again: int | None = None
) -> str | None:
    return database.write_now(lambda tx: record_outcome(tx, one, outcome, now=now, next_try_at=again))


def rescue(database: EngineDatabase, now: float, in_hand: frozenset[int] = frozenset()) -> tuple[int, int]:
    if not database.read_now(lambda tx: has_lapsed(tx, now=now)):
        return 0, 0
    return database.write_now(lambda tx: rescue_lapsed(tx, in_hand, now=now))


def test_nothing_is_claimed_before_it_is_due(database: EngineDatabase, alba: Member) -> None:
    imported(database, alba)
    for now in (NOW, DUE - 1, DUE - 0.001):
        assert database.read_now(lambda tx, now=now: due_shops(tx, live=True, now=now)) == []
        assert database.write_now(lambda tx, now=now: claim(tx, alba, now)) == []
    assert database.read_now(lambda tx: due_shops(tx, live=True, now=DUE)) == [alba.shop.id]
    assert held(database, alba).invitation.firstname == "Clara"


def test_of_many_that_are_due_no_shop_is_forgotten(
    database: EngineDatabase, alba: Member, bruno: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bruno's letter is younger than all that are read at first."""
    for number in range(3):
        imported(database, alba, f"{number}")
    database.write_now(lambda tx: import_one(tx, bruno, at=NOW + 60))
    found = {}
    for few in (5, 4, 3, 2):
        monkeypatch.setattr(invitations, "FEW_DUE", few)
        found[few] = database.read_now(lambda tx: due_shops(tx, live=True, now=DUE + 60))
    assert set(map(tuple, found.values())) == {(alba.shop.id, bruno.shop.id)}


def test_of_two_dispatchers_one_gets_it(database: EngineDatabase, alba: Member) -> None:
    imported(database, alba)
    assert len(database.write_now(lambda tx: claim(tx, alba, DUE, holder="first"))) == 1
    assert database.write_now(lambda tx: claim(tx, alba, DUE, holder="second")) == []


def test_a_shop_gets_only_its_own_and_only_of_one_world(
    database: EngineDatabase, alba: Member, bruno: Member
) -> None:
    live, test = imported(database, alba), imported(database, alba, live=False)
    brunos = imported(database, bruno)
    claims = {
        (member.shop.id, is_live): [
            each.invitation.id
            for each in database.write_now(
                lambda tx, member=member, is_live=is_live: claim(tx, member, DUE, live=is_live)
            )
        ]
        for member in (alba, bruno)
        for is_live in (True, False)
    }
    assert claims == {
        (alba.shop.id, True): [live],
        (alba.shop.id, False): [test],
        (bruno.shop.id, True): [brunos],
        (bruno.shop.id, False): [],
    }


def test_the_oldest_go_first_and_no_more_than_asked(database: EngineDatabase, alba: Member) -> None:
    for n in (3, 1, 2, 0):
        database.write_now(lambda tx, n=n: import_batch(tx, alba, order(f"{n}"), at=NOW + n))
    claims = database.write_now(lambda tx: claim(tx, alba, DUE + 9, most=2))
    assert {each.invitation.id_order for each in claims} == {"0", "1"}


def test_only_the_holder_of_a_claim_marks_settles_or_puts_back(
    database: EngineDatabase, alba: Member
) -> None:
    invitation = imported(database, alba)
    ours = held(database, alba)
    theirs = ours._replace(holder="second")
    assert not mark(database, theirs)
    assert record(database, theirs, Outcome("sent")) is None
    assert database.write_now(lambda tx: release(tx, [theirs], next_try_at=DUE, reason=None)) == 0
    assert state(database, invitation) == "claimed"
    assert mark(database, ours)
    assert not mark(database, ours)
    assert record(database, ours, Outcome("sent", "250 ok")) == "sent"
    assert record(database, ours, Outcome("failed")) is None
    assert (seen(database, invitation).sent_at, seen(database, invitation).tries) == (DUE, 1)


def test_a_claim_that_was_put_back_can_no_more_be_marked(database: EngineDatabase, alba: Member) -> None:
    invitation = imported(database, alba)
    ours = held(database, alba)
    assert database.write_now(lambda tx: release(tx, [ours], next_try_at=DUE + 5, reason="trouble")) == 1
    assert not mark(database, ours)
    assert (seen(database, invitation).tries, seen(database, invitation).next_try_at) == (0, DUE + 5)


def test_a_deferred_letter_is_scheduled_later_and_a_failed_one_is_at_its_end(
    database: EngineDatabase, alba: Member
) -> None:
    invitation = imported(database, alba)
    ours = held(database, alba)
    mark(database, ours)
    assert record(database, ours, Outcome("deferred", "451 busy"), again=DUE + 300) == "scheduled"
    row = seen(database, invitation)
    assert (row.next_try_at, row.due_at, row.tries, row.reason) == (DUE + 300, DUE, 1, "451 busy")
    assert database.write_now(lambda tx: claim(tx, alba, DUE + 299)) == []
    again = held(database, alba, DUE + 300)
    assert (again.invitation.tries, again.invitation.first_try_at) == (1, DUE)
    mark(database, again)
    assert record(database, again, Outcome("failed", "550 no such user")) == "failed"
    assert seen(database, invitation).reason == "550 no such user"
    assert database.write_now(lambda tx: claim(tx, alba, DUE + 10**7)) == []


def test_waiting_for_a_courier_is_not_counted_among_the_five_days(
    database: EngineDatabase, alba: Member
) -> None:
    """A mail server that is away for a week has not tried this letter once."""
    imported(database, alba)
    waiting = held(database, alba)
    database.write_now(lambda tx: release(tx, [waiting], next_try_at=DUE, reason="connection refused"))
    crashed = held(database, alba, DUE + 86_400)
    rescue(database, DUE + 86_400 + 41)
    assert crashed.invitation.first_try_at == DUE + 86_400
    assert held(database, alba, DUE + 7 * 86_400).invitation.first_try_at == DUE + 7 * 86_400


def test_what_a_crash_left_claimed_is_scheduled_and_what_was_marked_is_in_doubt(
    database: EngineDatabase, alba: Member
) -> None:
    claimed_only, marked = imported(database, alba, "1"), imported(database, alba, "2")
    claims = {each.invitation.id: each for each in database.write_now(lambda tx: claim(tx, alba, DUE))}
    mark(database, claims[marked])
    assert rescue(database, DUE + 40) == (0, 0)
    assert rescue(database, DUE + 41) == (1, 1)
    assert state(database, claimed_only) == "scheduled"
    assert (state(database, marked), seen(database, marked).reason) == (
        "in_doubt",
        "interrupted while it was being sent",
    )
    assert [each.invitation.id for each in database.write_now(lambda tx: claim(tx, alba, DUE + 10**7))] == [
        claimed_only
    ]


def test_a_holder_that_was_thought_dead_can_still_say_how_it_ended(
    database: EngineDatabase, alba: Member
) -> None:
    invitation = imported(database, alba)
    ours = held(database, alba)
    mark(database, ours)
    rescue(database, DUE + 41)
    assert state(database, invitation) == "in_doubt"
    assert record(database, ours, Outcome("sent", "250 ok"), now=DUE + 50) == "sent"


def test_a_lease_that_is_renewed_does_not_lapse(database: EngineDatabase, alba: Member) -> None:
    invitation = imported(database, alba)
    ours = held(database, alba)
    database.write_now(lambda tx: renew_leases(tx, [ours], DUE + 80))
    assert rescue(database, DUE + 79) == (0, 0)
    assert state(database, invitation) == "claimed"


def test_what_a_living_dispatcher_has_in_hand_is_never_taken_from_it(
    database: EngineDatabase, alba: Member
) -> None:
    marked, claimed_only = imported(database, alba, "1"), imported(database, alba, "2")
    claims = {each.invitation.id: each for each in database.write_now(lambda tx: claim(tx, alba, DUE))}
    mark(database, claims[marked])
    for step in (3_600, 10 * 86_400, -3_600, -10 * 86_400):
        assert rescue(database, DUE + step, frozenset({marked, claimed_only})) == (0, 0)
    assert (state(database, marked), state(database, claimed_only)) == ("sending", "claimed")


@pytest.mark.parametrize("step", [3_600, 10 * 86_400])
def test_a_crash_before_the_clock_was_set_back_is_taken_up_within_a_minute(
    database: EngineDatabase, alba: Member, step: int
) -> None:
    claimed_only, marked = imported(database, alba, "1"), imported(database, alba, "2")
    claims = {each.invitation.id: each for each in database.write_now(lambda tx: claim(tx, alba, DUE))}
    mark(database, claims[marked])
    assert rescue(database, DUE - step) == (1, 1)
    assert (state(database, claimed_only), state(database, marked)) == ("scheduled", "in_doubt")


@pytest.mark.parametrize("how", ["put back", "deferred", "rescued"])
def test_what_was_in_hand_when_the_clock_was_set_back_waits_until_it_is_due_again(
    database: EngineDatabase, alba: Member, how: str
) -> None:
    invitation, earlier = imported(database, alba), DUE - 3_600
    ours = held(database, alba)
    match how:
        case "put back":
            database.write_now(lambda tx: release(tx, [ours], next_try_at=earlier + 1, reason="no courier"))
        case "deferred":
            mark(database, ours, earlier)
            record(database, ours, Outcome("deferred", "451 busy"), now=earlier, again=earlier + 300)
        case "rescued":
            assert rescue(database, earlier) == (1, 0)
    assert database.write_now(lambda tx: claim(tx, alba, DUE - 1)) == []
    assert held(database, alba).invitation.id == invitation


def test_one_sent_by_hand_before_it_was_due_does_not_wait_for_that_any_more(
    database: EngineDatabase, alba: Member
) -> None:
    invitation = imported(database, alba)
    database.write_now(lambda tx: cancel_invitation(tx, invitation, "by mistake"))
    database.write_now(lambda tx: send_invitation(tx, invitation, NOW + 60))
    ours = held(database, alba, NOW + 60)
    database.write_now(lambda tx: release(tx, [ours], next_try_at=NOW + 62, reason="no courier"))
    assert held(database, alba, NOW + 62).invitation.id == invitation


def test_a_person_sends_one_in_doubt_again(database: EngineDatabase, alba: Member) -> None:
    invitation = imported(database, alba)
    ours = held(database, alba)
    mark(database, ours)
    assert record(database, ours, Outcome("in_doubt", "the connection broke")) == "in_doubt"
    assert database.write_now(lambda tx: claim(tx, alba, DUE + 10**7)) == []
    row = database.write_now(lambda tx: send_invitation(tx, invitation, DUE + 60))
    assert (row.state, row.next_try_at, row.due_at, row.reason) == ("scheduled", DUE + 60, DUE, None)
    assert held(database, alba, DUE + 60).invitation.tries == 0


def test_what_was_sent_or_is_in_hand_is_not_sent_by_hand(database: EngineDatabase, alba: Member) -> None:
    invitation = imported(database, alba)
    ours = held(database, alba)
    for expected in ("claimed", "sending", "sent"):
        with pytest.raises(Refused, match=f"invitation {invitation} is {expected} and cannot be sent again"):
            database.write_now(lambda tx: send_invitation(tx, invitation, DUE))
        if expected == "claimed":
            mark(database, ours)
        else:
            record(database, ours, Outcome("sent"))


def test_the_shops_own_hand_moves_cancels_and_sends(database: EngineDatabase, alba: Member) -> None:
    invitation = imported(database, alba)
    assert database.write_now(lambda tx: move_invitation(tx, invitation, DUE + 86_400)).due_at == DUE + 86_400
    assert database.write_now(lambda tx: claim(tx, alba, DUE + 86_399)) == []
    cancelled = database.write_now(lambda tx: cancel_invitation(tx, invitation, "the order was returned"))
    assert (cancelled.state, cancelled.reason) == ("cancelled", "the order was returned")
    with pytest.raises(Refused, match="is cancelled and cannot be moved"):
        database.write_now(lambda tx: move_invitation(tx, invitation, DUE))
    assert database.write_now(lambda tx: send_invitation(tx, invitation, NOW + 5)).next_try_at == NOW + 5
    with pytest.raises(Refused, match="there is no invitation 999"):
        database.read_now(lambda tx: find_invitation(tx, 999))


def test_a_shop_lists_its_own_page_by_page(database: EngineDatabase, alba: Member, bruno: Member) -> None:
    mine = [imported(database, alba, f"{n}") for n in range(5)]
    imported(database, bruno)
    rows = database.read_now(lambda tx: list_invitations(tx, alba.shop, most=3))
    rows += database.read_now(lambda tx: list_invitations(tx, alba.shop, before=rows[-1].id, most=3))
    assert [row.id for row in rows] == mine[::-1]
    assert database.read_now(lambda tx: list_invitations(tx, alba.shop, "sent")) == []
    assert len(database.read_now(lambda tx: list_invitations(tx, alba.shop, "scheduled"))) == 5


def test_many_claims_are_taken_up_in_rounds(database: EngineDatabase, alba: Member) -> None:
    database.write_now(lambda tx: import_batch(tx, alba, *(order(f"{n}") for n in range(25))))
    database.write_now(
        lambda tx: claim_due(tx, [alba.shop.id], "gone", live=True, now=DUE, lease_until=DUE + 40, most=25)
    )
    rescued = [
        database.write_now(lambda tx: rescue_lapsed(tx, frozenset(), now=DUE + 99, most=10)) for _ in range(4)
    ]
    assert rescued == [(10, 0), (10, 0), (5, 0), (0, 0)]


def test_the_claim_of_one_shop_is_not_filled_with_anothers(
    database: EngineDatabase, alba: Member, bruno: Member
) -> None:
    for n in range(5):
        imported(database, alba, f"{n}")
    brunos = database.write_now(lambda tx: import_one(tx, bruno, at=NOW + 5)).invitation_id
    [one] = database.write_now(lambda tx: claim(tx, bruno, DUE + 9, most=2))
    assert one.invitation.id == brunos


def test_each_of_many_steps_together_comes_to_what_it_would_alone(
    database: EngineDatabase, alba: Member, bruno: Member
) -> None:
    """Two holders, two shops, letters that go, and one of each kind that does not."""
    for member in (alba, bruno):
        for number in range(4):
            one = order(f"{number}", email=f"{number}@nunez.example")
            database.write_now(lambda tx, m=member, o=one: import_one(tx, m, o))
    first, second, third, fourth = database.write_now(lambda tx: claim(tx, alba, DUE))
    others = database.write_now(lambda tx: claim(tx, bruno, DUE, holder="second"))
    database.write_now(
        lambda tx: suppress(tx, alba.shop, second.invitation.email, live=True, reason="unsubscribed", now=DUE)
    )
    stolen = third._replace(holder="somebody else")
    marking = [first, second, stolen, fourth, *others]
    marks = [Mark(one, DUE, DUE + (40 if one is not fourth else 50)) for one in marking]
    marked = database.write_now(lambda tx: take_steps(tx, marks))
    assert marked == [True, False, False, True, True, True, True, True]
    steps: list[Mark | Record] = [
        Record(first, Outcome("sent", "250 ok"), DUE, None),
        Mark(third, DUE, DUE + 40),
        Record(stolen, Outcome("sent", "250 ok"), DUE, None),
        Record(fourth, Outcome("deferred", "450 later"), DUE, DUE + 300),
        *(Record(one, Outcome("sent", "250 ok"), DUE, None) for one in others[:3]),
        Record(others[3], Outcome("failed", "550 nobody"), DUE, None),
    ]
    assert database.write_now(lambda tx: take_steps(tx, steps)) == [
        "sent",
        True,
        None,
        "scheduled",
        "sent",
        "sent",
        "sent",
        "failed",
    ]
    assert [state(database, one.invitation.id) for one in (first, second, third, fourth)] == [
        "sent",
        "cancelled",
        "sending",
        "scheduled",
    ]
    assert [seen(database, one.invitation.id).reason for one in others] == [None, None, None, "550 nobody"]
    assert database.write_now(lambda tx: release(tx, others, next_try_at=DUE, reason=None)) == 0
    assert database.write_now(lambda tx: take_steps(tx, [])) == []
