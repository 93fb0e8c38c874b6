"""Guarantee 6: no letter to a suppressed address, even one suppressed a moment before sending."""

import pytest

from afterword.domain.suppressions import SUPPRESSION_REASONS
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.journal.journal import HEADER_SIZE, events
from afterword.store.journal.place import journal_place
from afterword.store.suppressions import allow, list_suppressions, suppress, suppressed_because
from tests.store.cast import NOW, Member, claim, import_one, mark_sending, order, seen, state

DIEGO = "Diego@Diaz.example"
LATER = NOW + 30 * 86_400


def stop(database: EngineDatabase, member: Member, email: str = DIEGO, *, live: bool = True) -> bool:
    return database.write_now(
        lambda tx: suppress(tx, member.shop, email, live=live, reason="unsubscribed", now=NOW)
    )


def why_not(database: EngineDatabase, member: Member, email: str) -> str | None:
    return database.read_now(lambda tx: suppressed_because(tx, member.shop, email, live=True))


def diegos(database: EngineDatabase, member: Member, id_order: str = "1", *, live: bool = True) -> int:
    """Diego's order; its invitation."""
    one = order(id_order, email="diego@diaz.example")
    return database.write_now(lambda tx: import_one(tx, member, one, live=live)).invitation_id


def claimed(database: EngineDatabase, member: Member, *, live: bool = True) -> list[int]:
    claims = database.write_now(lambda tx: claim(tx, member, LATER, live=live))
    return [each.invitation.id for each in claims]


def test_what_is_scheduled_is_cancelled_with_the_reason_when_it_would_be_due(
    database: EngineDatabase, alba: Member
) -> None:
    invitation = diegos(database, alba)
    claras = database.write_now(lambda tx: import_one(tx, alba)).invitation_id
    assert stop(database, alba)
    assert claimed(database, alba) == [claras]
    assert (seen(database, invitation).state, seen(database, invitation).reason) == (
        "cancelled",
        "unsubscribed",
    )


def test_an_order_that_comes_later_is_imported_and_never_written_to(
    database: EngineDatabase, alba: Member
) -> None:
    stop(database, alba)
    invitation = diegos(database, alba)
    assert state(database, invitation) == "scheduled"
    assert claimed(database, alba) == []
    assert state(database, invitation) == "cancelled"


def test_an_address_suppressed_between_the_claim_and_the_mark_is_not_written_to(
    database: EngineDatabase, alba: Member
) -> None:
    invitation = diegos(database, alba)
    [held] = database.write_now(lambda tx: claim(tx, alba, LATER))
    stop(database, alba)
    assert not database.write_now(lambda tx: mark_sending(tx, held, now=LATER, lease_until=LATER + 40))
    assert (seen(database, invitation).state, seen(database, invitation).reason) == (
        "cancelled",
        "unsubscribed",
    )


def test_the_letter_case_of_an_address_makes_no_difference(database: EngineDatabase, alba: Member) -> None:
    stop(database, alba, "DIEGO@diaz.EXAMPLE")
    for spelling in ("diego@diaz.example", "Diego@Diaz.Example"):
        assert why_not(database, alba, spelling) == "unsubscribed"
    assert why_not(database, alba, "diega@diaz.example") is None


def test_a_live_suppression_counts_for_test_letters_too(database: EngineDatabase, alba: Member) -> None:
    before = diegos(database, alba, live=False)
    stop(database, alba)
    after = diegos(database, alba, "2", live=False)
    assert claimed(database, alba, live=False) == []
    assert (state(database, before), state(database, after)) == ("cancelled", "cancelled")


def test_one_from_a_test_letter_does_not_keep_live_letters_away(
    database: EngineDatabase, alba: Member
) -> None:
    live, test = diegos(database, alba), diegos(database, alba, live=False)
    stop(database, alba, live=False)
    assert claimed(database, alba, live=False) == []
    assert (state(database, live), state(database, test)) == ("scheduled", "cancelled")
    [held] = database.write_now(lambda tx: claim(tx, alba, LATER))
    assert held.invitation.id == live
    assert database.write_now(lambda tx: mark_sending(tx, held, now=LATER, lease_until=LATER + 40))


def test_one_shops_suppression_is_not_anothers(database: EngineDatabase, alba: Member, bruno: Member) -> None:
    invitation = diegos(database, bruno)
    stop(database, alba)
    [held] = database.write_now(lambda tx: claim(tx, bruno, LATER))
    assert held.invitation.id == invitation
    assert database.write_now(lambda tx: mark_sending(tx, held, now=LATER, lease_until=LATER + 40))
    assert database.read_now(lambda tx: list_suppressions(tx, bruno.shop)) == []
    [hashed] = [each.address_hash for each in database.read_now(lambda tx: list_suppressions(tx, alba.shop))]
    stop(database, bruno)
    assert database.read_now(lambda tx: list_suppressions(tx, bruno.shop))[0].address_hash != hashed


def test_the_first_reason_stays_and_a_second_time_is_nothing_new(
    database: EngineDatabase, alba: Member
) -> None:
    assert stop(database, alba)
    assert not database.write_now(
        lambda tx: suppress(tx, alba.shop, DIEGO, live=True, reason="bounced", now=NOW + 1)
    )
    [one] = database.read_now(lambda tx: list_suppressions(tx, alba.shop))
    assert (one.reason, one.created_at, one.address) == ("unsubscribed", NOW, DIEGO)


def test_a_shop_can_take_a_suppression_back(database: EngineDatabase, alba: Member) -> None:
    stop(database, alba)
    stop(database, alba, live=False)
    assert database.write_now(lambda tx: allow(tx, alba.shop, DIEGO, NOW))
    assert not database.write_now(lambda tx: allow(tx, alba.shop, DIEGO, NOW))
    invitation = diegos(database, alba)
    assert claimed(database, alba) == [invitation]


@pytest.mark.parametrize("reason", SUPPRESSION_REASONS)
def test_every_reason_can_stand_in_the_journal(database: EngineDatabase, alba: Member, reason: str) -> None:
    database.write_now(lambda tx: suppress(tx, alba.shop, DIEGO, live=True, reason=reason, now=NOW))
    database.write_now(lambda tx: allow(tx, alba.shop, DIEGO, NOW))
    kept = journal_place(database.journal.address).find()
    assert kept is not None
    assert [line[0] for line in events(kept.lines_from(HEADER_SIZE))] == ["suppressed", "allowed"]
    kept.close()


def test_a_reason_that_the_journal_could_not_read_again_is_refused(
    database: EngineDatabase, alba: Member
) -> None:
    for reason in ("He wrote on 1 May", "unsubscribed\nsent", "désinscrit"):
        with pytest.raises(ValueError, match="is no reason"):
            database.write_now(
                lambda tx, why=reason: suppress(tx, alba.shop, DIEGO, live=True, reason=why, now=NOW)
            )
    assert database.read_now(lambda tx: list_suppressions(tx, alba.shop)) == []
