"""Guarantees 4, 5 and 6 in the rows: claimed by one, marked by its holder, settled once, rescued after a crash."""

import pickle
from collections.abc import Set

import pytest

from afterword.base.errors import Refused
from afterword.domain.messages import GATHERED, MessageKind, Outcome, Queue, queue_of
from afterword.store.messages import due
from afterword.store.messages.claims import Claim, Source
from afterword.store.messages.due import Hold, claim_due, due_sources
from afterword.store.messages.enqueue import PEACE
from afterword.store.messages.invitations import (
    cancel_invitation,
    find_invitation,
    move_invitation,
    send_invitation,
)
from afterword.store.messages.steps import Mark, Record, has_lapsed, renew_leases, rescue_lapsed, take_steps
from afterword.store.numbers import invitation_ids
from afterword.store.reviews.writing import find_review
from afterword.store.webhooks import webhooks_of
from tests.store.cast import DUE, NOW, Customer, Member, id_order_of
from tests.store.kinds import BY_MAIL, KINDS, cause, claims, claims_one, hook, row, state_of

each_kind = pytest.mark.parametrize("kind", KINDS)
by_mail = pytest.mark.parametrize("kind", BY_MAIL)


@pytest.fixture
def caused(alba: Member, clara: Customer, kind: MessageKind) -> None:
    """One message of this kind is due."""
    cause(kind, alba, clara)


@pytest.fixture
def ours(alba: Member, kind: MessageKind, caused: None) -> Claim:
    """The claim of that message."""
    return claims_one(kind, alba)


def rescue(alba: Member, now: float, in_hand: Set[int] = frozenset()) -> tuple[int, int]:
    return alba.acts(rescue_lapsed, in_hand, now=now) if alba.asks(has_lapsed, now=now) else (0, 0)


@each_kind
def test_a_message_is_claimed_once_it_is_due_by_one_and_not_with_another_queue(
    alba: Member, kind: MessageKind, caused: None
) -> None:
    for now in (DUE - 1, DUE - 0.001):
        assert alba.asks(due_sources, queue_of(kind), live=True, now=now) == []
        assert claims(kind, alba, now) == []
    [source] = alba.asks(due_sources, queue_of(kind), live=True, now=DUE)
    assert source.shop_id == alba.shop.id
    elsewhere = [one for queue in set(Queue) - {queue_of(kind)} for one in alba.claims(DUE, queue=queue)]
    assert kind not in [one.message.kind for one in elsewhere]
    one = claims_one(kind, alba)
    assert (one.message.kind, one.source) == (kind, source)
    assert claims(kind, alba, holder="second") == []


@pytest.mark.parametrize("queue", [Queue.INVITATIONS, Queue.WEBHOOKS])
def test_of_many_that_are_due_no_source_is_forgotten(
    alba: Member, bruno: Member, clara: Customer, monkeypatch: pytest.MonkeyPatch, queue: Queue
) -> None:
    """Bruno's message is younger than all that are read at first."""
    kind: MessageKind = "invitation" if queue == Queue.INVITATIONS else "webhook"
    for number in range(3):
        cause(kind, alba, clara, f"{number}")
    cause(kind, bruno, clara, at=DUE + 60)
    found = []
    for few in (7, 5, 4, 3, 2):
        monkeypatch.setattr(due, "FEW_DUE", few)
        found.append(alba.asks(due_sources, queue, live=True, now=DUE + 60))
    assert {source.shop_id for source in found[0]} == {alba.shop.id, bruno.shop.id}
    assert found == [sorted(set(found[0]))] * 5


def test_a_shop_gets_only_its_own_and_only_of_one_mode(alba: Member, bruno: Member) -> None:
    live, test = alba.sends("1").number, alba.sends("1", live=False).number
    brunos = bruno.sends("1").number
    found = {
        (member.shop.id, is_live): [one.message.id for one in member.claims(live=is_live)]
        for member in (alba, bruno)
        for is_live in (True, False)
    }
    assert list(found.values()) == [[live], [test], [brunos], []]


def test_the_oldest_go_first_and_no_more_than_asked(alba: Member, bruno: Member) -> None:
    for n in (3, 1, 2, 0):
        alba.sends(f"{n}", at=NOW + n)
    bruno.sends("B", at=NOW + 5)
    assert {id_order_of(one) for one in alba.claims(DUE + 9, most=2)} == {"0", "1"}
    assert [id_order_of(one) for one in bruno.claims(DUE + 9, most=2)] == ["B"]


def test_no_more_are_claimed_than_asked_though_more_shops_have_something_due(
    alba: Member, bruno: Member
) -> None:
    for shop in (alba, bruno):
        shop.sends("1")
    sources, hold = [Source(alba.shop.id), Source(bruno.shop.id)], Hold("first", DUE, DUE + 40)
    assert len(alba.acts(claim_due, Queue.INVITATIONS, sources, hold, live=True, most=1)) == 1


def test_a_webhook_is_notified_of_its_own_mode_alone(alba: Member, clara: Customer) -> None:
    hooks = {live: hook(alba, f"https://alba.example/{live}", live=live).id for live in (True, False)}
    for live in hooks:
        clara.reviews(alba.order("1", live=live, email="clara@nunez.example"))
    sent = alba.rows("SELECT DISTINCT live, webhook_id FROM messages WHERE kind = 'webhook'")
    assert {bool(live): number for live, number in sent} == hooks and len(sent) == 2


def test_what_goes_to_the_shop_goes_though_its_address_takes_no_invitations(
    alba: Member, clara: Customer
) -> None:
    """The shop may have ordered at its own shop, and unsubscribed."""
    cause("digest", alba, clara)
    alba.suppresses("hello@alba.example")
    assert alba.marks(claims_one("digest", alba))


@by_mail
def test_what_is_in_doubt_is_not_marked_again_by_its_holder(alba: Member, ours: Claim) -> None:
    assert alba.marks(ours)
    rescue(alba, DUE + 41)
    assert state_of(ours, alba) == "in_doubt"
    assert not alba.marks(ours)


@by_mail
def test_only_the_holder_of_a_claim_marks_settles_or_puts_back(alba: Member, ours: Claim) -> None:
    theirs = ours._replace(holder="second")
    assert not alba.marks(theirs)
    assert alba.records(theirs, "sent") is None
    assert alba.releases(theirs) == 0
    assert state_of(ours, alba) == "claimed"
    assert alba.marks(ours)
    assert not alba.marks(ours)
    assert alba.records(ours, "sent", "250 ok") == "sent"
    assert alba.records(ours, "failed") is None


@by_mail
def test_what_was_marked_is_not_put_back(alba: Member, ours: Claim) -> None:
    """Guarantee 5: whoever puts it back cannot know whether it has left."""
    assert alba.marks(ours)
    assert alba.releases(ours) == 0
    assert state_of(ours, alba) == "sending"


@by_mail
def test_what_the_transport_could_not_take_is_scheduled_again_and_no_try(alba: Member, ours: Claim) -> None:
    assert alba.marks(ours)
    assert alba.records(ours, "untaken", "421 closing", again=DUE + 5) == "scheduled"
    left = row(ours, alba)
    assert (left["tries"], left["next_try_at"], left["reason"]) == (0, DUE + 5, "421 closing")
    assert alba.records(ours, "sent") is None
    [again] = [
        one
        for one in alba.claims(DUE + 86_400, queue=queue_of(ours.message.kind))
        if one.key["message_id"] == ours.message.id
    ]
    assert (again.message.tries, again.message.first_try_at) == (0, DUE + 86_400)


@each_kind
def test_what_was_sent_is_removed_but_for_invitations_and_the_last_of_what_has_its_peace(
    alba: Member, kind: MessageKind, ours: Claim
) -> None:
    if kind != "webhook":
        assert alba.marks(ours)
    assert alba.records(ours, "sent", "250 ok") == "sent"
    if kind in ("invitation", "digest", *GATHERED):
        left = row(ours, alba)
        assert (left["state"], left["sent_at"], left["tries"], left["payload"]) == ("sent", DUE, 1, None)
    else:
        assert row(ours, alba) == {}


@each_kind
def test_a_claim_that_was_put_back_can_no_more_be_settled(alba: Member, ours: Claim) -> None:
    assert alba.releases(ours, at=DUE + 5, reason="trouble") == 1
    assert not alba.marks(ours)
    assert alba.records(ours, "sent") is None
    left = row(ours, alba)
    assert (left["tries"], left["next_try_at"], left["reason"]) == (0, DUE + 5, "trouble")


@each_kind
def test_a_deferred_message_is_scheduled_later_and_a_failed_one_is_at_its_end(
    alba: Member, kind: MessageKind, ours: Claim
) -> None:
    assert alba.records(ours, "deferred", "451 busy", again=DUE + 300) == "scheduled"
    left = row(ours, alba)
    assert (left["next_try_at"], left["tries"], left["reason"]) == (DUE + 300, 1, "451 busy")
    assert left["sent_at"] is None
    assert claims(kind, alba, DUE + 299) == []
    again = claims_one(kind, alba, DUE + 300)
    assert alba.releases(again, at=DUE + 300, reason=None) == 1
    assert row(ours, alba)["reason"] == "451 busy", "it was put back for no reason of its own"
    again = claims_one(kind, alba, DUE + 300)
    assert (again.message.tries, again.message.first_try_at) == (1, DUE)
    assert again.fingerprint == ours.fingerprint
    assert alba.records(again, "failed", "550 no such user") in ("failed", "stopped")
    assert (state_of(ours, alba), row(ours, alba)["reason"]) == ("failed", "550 no such user")
    assert claims(kind, alba, DUE + 10**7) == []


@each_kind
def test_waiting_for_a_transport_is_not_counted_among_the_days(
    alba: Member, kind: MessageKind, ours: Claim
) -> None:
    """A mail server that is away for a week has not tried this message once."""
    alba.releases(ours)
    crashed = claims_one(kind, alba, DUE + 86_400)
    rescue(alba, DUE + 86_400 + 41)
    assert crashed.message.first_try_at == DUE + 86_400
    assert claims_one(kind, alba, DUE + 7 * 86_400).message.first_try_at == DUE + 7 * 86_400


@each_kind
@pytest.mark.parametrize("moment", [DUE + 41, DUE - 3_600, DUE - 10 * 86_400])
def test_a_crash_leaves_what_was_claimed_scheduled_and_what_was_marked_in_doubt(
    alba: Member, kind: MessageKind, moment: int, ours: Claim
) -> None:
    """Also when the clock was set back after it."""
    assert rescue(alba, DUE + 40) == (0, 0)
    for step in (3_600, 10 * 86_400, -3_600, -10 * 86_400):
        in_hand = {number for (number,) in alba.rows("SELECT message_id FROM messages")}
        assert rescue(alba, DUE + step, in_hand) == (0, 0), "a living dispatcher has it in hand"
    if kind != "webhook":
        assert alba.marks(ours)
    rescue(alba, moment)
    assert state_of(ours, alba) == ("scheduled" if kind == "webhook" else "in_doubt")
    if kind != "webhook":
        assert row(ours, alba)["reason"] == "interrupted while it was being sent"
        assert claims(kind, alba, DUE + 10**7) == []
        assert alba.records(ours, "sent", "250 ok", now=DUE + 50) == "sent", "its holder lives, and says so"
    else:
        assert claims_one(kind, alba, DUE + 50).fingerprint == ours.fingerprint


def test_a_lease_that_is_renewed_does_not_lapse(alba: Member) -> None:
    invitation = alba.sends()
    alba.acts(renew_leases, [alba.claims_one()], DUE + 80)
    assert rescue(alba, DUE + 79) == (0, 0)
    assert alba.state(invitation) == "claimed"


@pytest.mark.parametrize("how", ["put back", "deferred", "rescued"])
def test_what_was_in_hand_when_the_clock_was_set_back_waits_until_it_is_due_again(
    alba: Member, how: str
) -> None:
    invitation, earlier = alba.sends(), DUE - 3_600
    ours = alba.claims_one()
    match how:
        case "put back":
            alba.releases(ours, at=earlier + 1)
        case "deferred":
            alba.marks(ours, earlier)
            alba.records(ours, "deferred", "451 busy", now=earlier, again=earlier + 300)
        case "rescued":
            assert rescue(alba, earlier) == (1, 0)
    assert alba.claims(DUE - 1) == []
    assert alba.claims_one().message.id == invitation.number


def test_many_claims_are_taken_up_in_rounds(alba: Member) -> None:
    for n in range(25):
        alba.sends(f"{n}")
    alba.claims(holder="gone")
    rescued = [alba.acts(rescue_lapsed, frozenset(), now=DUE + 99, most=10) for _ in range(4)]
    assert rescued == [(10, 0), (10, 0), (5, 0), (0, 0)]


@pytest.mark.parametrize("when", ["before the claim", "before the mark"])
@pytest.mark.parametrize("kind", ["invitation", "receipt"])
def test_no_message_to_a_suppressed_customer(
    alba: Member, kind: MessageKind, when: str, caused: None
) -> None:
    email = "clara@nunez.example" if kind == "invitation" else "A-1@nunez.example"
    if when == "before the claim":
        alba.suppresses(email.upper())
        assert claims(kind, alba) == []
    else:
        ours = claims_one(kind, alba)
        alba.suppresses(email.upper())
        assert not alba.marks(ours)
    left = alba.rows("SELECT state, reason FROM messages WHERE kind = :kind", {"kind": kind})
    assert left == ([("cancelled", "unsubscribed")] if kind == "invitation" else [])


def test_each_of_many_steps_together_comes_to_what_it_would_alone(
    alba: Member, bruno: Member, clara: Customer
) -> None:
    """Two holders, two shops, messages of two kinds that go, and one of each way that does not."""
    for member in (alba, bruno):
        for number in range(4):
            member.sends(f"{number}", email=f"{number}@nunez.example")
    cause("receipt", bruno, clara, "R")
    first, second, third, fourth = alba.claims_each()
    others = [*bruno.claims(holder="second"), claims_one("receipt", bruno)]
    alba.suppresses(second.message.recipient.email)
    stolen = third._replace(holder="another")
    marks = [
        Mark(one, DUE, DUE + (40 if one is not fourth else 50)) for one in (first, second, stolen, fourth)
    ]
    marks += [Mark(one, DUE, DUE + 40) for one in others]
    assert alba.acts(take_steps, marks) == [True, False, False, True, *[True] * len(others)]
    sent = Outcome("sent", "250 ok")
    steps: list[Mark | Record] = [
        Record(first, sent, DUE, None),
        Mark(third, DUE, DUE + 40),
        Record(stolen, sent, DUE, None),
        Record(fourth, Outcome("deferred", "450 later"), DUE, DUE + 300),
        *(Record(one, sent, DUE, None) for one in others[1:]),
        Record(others[0], Outcome("failed", "550 nobody"), DUE, None),
    ]
    answers = ["sent", True, None, "scheduled", *["sent"] * (len(others) - 1), "failed"]
    assert alba.acts(take_steps, steps) == answers
    assert alba.states(first, second, third, fourth) == ["sent", "cancelled", "sending", "scheduled"]
    assert bruno.sees(others[0]).reason == "550 nobody"
    assert bruno.releases(*others) == 0
    assert alba.acts(take_steps, []) == []


def digest_due_at(alba: Member) -> list[int]:
    asked = "SELECT due_at FROM messages WHERE kind = 'digest' AND state = 'scheduled'"
    return [due_at for (due_at,) in alba.rows(asked)]


def test_a_shop_gets_one_digest_of_all_that_waits_and_the_next_after_a_while(
    alba: Member, clara: Customer
) -> None:
    for number in range(3):
        cause("digest", alba, clara, f"{number}")
    ours = claims_one("digest", alba)
    assert (ours.message.waiting, len(ours.message.reviews)) == (3, 3)
    cause("digest", alba, clara, "while it is being sent", at=DUE + 1)
    assert digest_due_at(alba) == [DUE + 1 + PEACE]
    alba.delivers(ours, DUE + 2)
    cause("digest", alba, clara, "after it", at=DUE + 3)
    [due_at] = digest_due_at(alba)
    assert DUE + 2 + PEACE - 1 <= due_at <= DUE + 3 + PEACE
    assert claims("digest", alba, due_at - 1) == []
    assert claims_one("digest", alba, due_at).message.waiting == 5


def test_a_digest_of_nothing_ends(alba: Member, clara: Customer) -> None:
    cause("digest", alba, clara)
    [(number,)] = alba.rows("SELECT review_id FROM reviews")
    alba.publishes(alba.asks(find_review, number)[1])
    assert claims("digest", alba) == [] and digest_due_at(alba) == []


@pytest.mark.parametrize("kind", ["webhook"])
@pytest.mark.parametrize(
    ("outcome", "reply", "answered_at", "stopped"),
    [
        ("gone", "it answered 410", DUE, True),
        ("deferred", "it answered 500", None, True),
        ("deferred", "it answered 500", DUE + 60, False),
    ],
    ids=["gone", "given up", "given up, but it has taken something since"],
)
def test_a_webhook_is_stopped_when_it_is_gone_or_takes_nothing_any_more(
    alba: Member, ours: Claim, outcome: str, reply: str, answered_at: int | None, stopped: bool
) -> None:
    alba.executes("UPDATE webhooks SET answered_at = :at", {"at": answered_at})
    assert alba.records(ours, outcome, reply, now=DUE + 99) == ("stopped" if stopped else "failed")
    [webhook] = alba.asks(webhooks_of, alba.shop.id)
    assert webhook.stopped == (reply if stopped else None)


@pytest.mark.parametrize("kind", ["webhook"])
def test_a_webhook_that_takes_something_works_again(alba: Member, ours: Claim) -> None:
    alba.executes("UPDATE webhooks SET stopped = 'for a test'")
    assert alba.records(ours, "sent", now=DUE + 9) == "sent"
    [webhook] = alba.asks(webhooks_of, alba.shop.id)
    assert (webhook.answered_at, webhook.stopped) == (DUE + 9, None)


def test_one_sent_by_hand_before_it_was_due_does_not_wait_for_that_any_more(alba: Member) -> None:
    invitation = alba.sees(alba.sends())
    alba.acts(cancel_invitation, invitation.id, "by mistake", NOW)
    alba.acts(send_invitation, invitation.id, NOW + 60)
    alba.releases(alba.claims_one(NOW + 60), at=NOW + 62)
    assert alba.claims_one(NOW + 62).message.id == invitation.number


def test_a_person_sends_one_in_doubt_again(alba: Member) -> None:
    invitation = alba.sees(alba.sends()).id
    ours = alba.claims_one()
    alba.marks(ours)
    assert alba.records(ours, "in_doubt", "the connection broke") == "in_doubt"
    assert alba.claims(DUE + 10**7) == []
    row = alba.acts(send_invitation, invitation, DUE + 60)
    assert (row.state, row.next_try_at, row.due_at, row.reason) == ("scheduled", DUE + 60, DUE, None)
    assert alba.claims_one(DUE + 60).message.tries == 0


def test_what_was_sent_or_is_in_hand_is_not_sent_by_hand(alba: Member) -> None:
    invitation = alba.sees(alba.sends()).id
    ours = alba.claims_one()
    for expected in ("claimed", "sending", "sent"):
        with pytest.raises(Refused, match=f"invitation {invitation} is {expected} and cannot be sent again"):
            alba.acts(send_invitation, invitation, DUE)
        if expected == "claimed":
            alba.marks(ours)
        else:
            alba.records(ours, "sent")


def test_the_shops_own_hand_moves_cancels_and_sends(alba: Member, clara: Customer) -> None:
    invitation = alba.sees(alba.sends()).id
    assert alba.acts(move_invitation, invitation, DUE + 86_400).due_at == DUE + 86_400
    assert alba.claims(DUE + 86_399) == []
    cancelled = alba.acts(cancel_invitation, invitation, "the order was returned", NOW)
    assert (cancelled.state, cancelled.reason) == ("cancelled", "the order was returned")
    with pytest.raises(Refused, match="is cancelled and cannot be moved"):
        alba.acts(move_invitation, invitation, DUE)
    assert alba.acts(send_invitation, invitation, NOW + 5).next_try_at == NOW + 5
    cause("receipt", alba, clara)
    receipt = alba.asks(invitation_ids).shown(claims_one("receipt", alba).message.id)
    for unknown in (receipt, 999_999, 0, 2**48):
        with pytest.raises(Refused, match=f"there is no invitation {unknown}"):
            alba.asks(find_invitation, unknown)


def test_a_shop_lists_its_own_page_by_page(alba: Member, bruno: Member, clara: Customer) -> None:
    mine = [alba.sends(f"{n}").number for n in range(5)]
    bruno.sends()
    cause("digest", bruno, clara)
    found = alba.lists(most=3)
    found += alba.lists(before=found[-1].number, most=3)
    assert [one.number for one in found] == mine[::-1]
    assert alba.lists("sent") == []
    assert len(alba.lists("scheduled")) == 5
    assert len(bruno.lists()) == 2


def test_ids_of_invitations_do_not_follow_the_sequence(alba: Member, bruno: Member) -> None:
    """Guarantee 8: two of them do not reveal how many orders came in between."""
    rows = [shop.sees(shop.sends(f"{n}")) for n in range(8) for shop in (alba, bruno)]
    ids = [row.id for row in rows]
    assert ids != sorted(ids) and not {row.number for row in rows} & set(ids)
    assert [alba.asks(find_invitation, each) for each in ids] == rows


def test_claims_cross_to_the_writers_process_whole(alba: Member, clara: Customer) -> None:
    for kind in KINDS:
        cause(kind, alba, clara, kind)
        for one in claims(kind, alba):
            assert pickle.loads(pickle.dumps(one)) == one
    assert Source(1) < Source(1, 2) < Source(2)
