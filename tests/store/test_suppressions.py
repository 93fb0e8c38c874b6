"""Guarantee 6: no message to a suppressed address, even one suppressed a moment before sending."""

import pytest

from afterword.domain.people.suppressions import SUPPRESSION_REASONS
from afterword.store.engine.database import Database
from tests.store.cast import DUE, NOW, Imported, Member
from tests.store.journal.journals import words

DIEGO = "Diego@Diaz.example"


def diegos(member: Member, id_order: str = "1", *, live: bool = True) -> Imported:
    """Diego's order, whose address is spelled as he likes."""
    return member.sends(id_order, email="diego@diaz.example", live=live)


def is_unsubscribed(member: Member, of: Imported) -> bool:
    row = member.sees(of)
    return (row.state, row.reason) == ("cancelled", "unsubscribed")


def test_what_was_or_is_scheduled_is_cancelled_with_the_reason_when_it_would_be_due(alba: Member) -> None:
    before = diegos(alba, "1")
    assert alba.suppresses(DIEGO)
    after = diegos(alba, "2")
    alba.sends("Clara's")
    assert alba.states(before, after) == ["scheduled", "scheduled"]
    assert alba.claims_one().message.order.id_order == "Clara's"
    assert is_unsubscribed(alba, before) and is_unsubscribed(alba, after)


def test_upper_and_lower_case_make_no_difference(alba: Member) -> None:
    alba.suppresses("DIEGO@diaz.EXAMPLE")
    for spelling in ("diego@diaz.example", "Diego@Diaz.Example"):
        assert alba.why_not(spelling) == "unsubscribed"
    assert alba.why_not("diega@diaz.example") is None


def test_a_live_suppression_counts_in_test_mode_too(alba: Member) -> None:
    before = diegos(alba, live=False)
    alba.suppresses(DIEGO)
    after = diegos(alba, "2", live=False)
    assert alba.claims(live=False) == []
    assert alba.states(before, after) == ["cancelled", "cancelled"]


def test_a_suppression_in_test_mode_does_not_stop_live_messages(alba: Member) -> None:
    live, test = diegos(alba), diegos(alba, live=False)
    alba.suppresses(DIEGO, live=False)
    assert alba.claims(live=False) == []
    assert alba.states(live, test) == ["scheduled", "cancelled"]
    assert alba.marks(alba.claims_one())


def test_one_shops_suppression_is_not_anothers(alba: Member, bruno: Member) -> None:
    diegos(bruno)
    alba.suppresses(DIEGO)
    assert bruno.marks(bruno.claims_one())
    assert bruno.suppressions() == []
    bruno.suppresses(DIEGO)
    [albas], [brunos] = alba.suppressions(), bruno.suppressions()
    assert albas.address_hash != brunos.address_hash


def test_the_first_reason_stays_and_a_second_time_is_nothing_new(alba: Member) -> None:
    assert alba.suppresses(DIEGO)
    assert not alba.suppresses(DIEGO, reason="bounced", now=NOW + 1)
    [one] = alba.suppressions()
    assert (one.reason, one.created_at, one.address) == ("unsubscribed", NOW, DIEGO)


def test_a_shop_can_take_a_suppression_back(alba: Member) -> None:
    alba.suppresses(DIEGO)
    alba.suppresses(DIEGO, live=False)
    assert alba.allows(DIEGO)
    assert not alba.allows(DIEGO)
    diegos(alba)
    assert alba.sends_due(DUE) == ["1"]


@pytest.mark.parametrize("reason", SUPPRESSION_REASONS)
def test_every_reason_can_be_journaled(database: Database, alba: Member, reason: str) -> None:
    alba.suppresses(DIEGO, reason=reason)
    alba.allows(DIEGO)
    assert words(database.journal.address) == ["suppressed", "allowed"]


@pytest.mark.parametrize("reason", ["He wrote on 1 May", "unsubscribed\nsent", "désinscrit"])
def test_a_reason_that_the_journal_could_not_read_again_is_refused(alba: Member, reason: str) -> None:
    with pytest.raises(ValueError, match="is not a reason"):
        alba.suppresses(DIEGO, reason=reason)
    assert alba.suppressions() == []
