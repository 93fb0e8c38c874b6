"""What a person says of all messages in doubt at once."""

import pytest

from afterword.actions import invitations
from afterword.domain.messages import MessageKind
from afterword.store.engine.database import Database
from afterword.store.engine.sqlite import SqliteDatabase
from afterword.store.messages import doubts
from afterword.store.messages.invitations import send_invitation
from tests.store.cast import DUE, Customer, Member, closing_now
from tests.store.journal.journals import back_up, lines, restore, words
from tests.store.kinds import BY_MAIL, cause, claims, claims_one, row, state_of

KEPT = ("invitation", "digest")
"""The kinds whose rows stay when they were sent."""


def in_doubt(alba: Member, *names: str) -> None:
    for name in names:
        alba.sends(name)
    for claim in alba.claims_each():
        alba.marks(claim)
        alba.records(claim, "in_doubt", "the connection broke")


@pytest.mark.parametrize("arrived", [True, False])
@pytest.mark.parametrize("kind", BY_MAIL)
def test_one_of_any_kind_is_sent_or_due_again(
    database: Database, alba: Member, clara: Customer, kind: MessageKind, arrived: bool
) -> None:
    cause(kind, alba, clara)
    claim = claims_one(kind, alba)
    alba.marks(claim)
    alba.records(claim, "in_doubt", "the connection broke")
    assert invitations.settle(database, alba.shop, arrived=arrived, now=DUE + 60) == 1
    said = words(database.journal.address)
    assert lines(database)[-1].split()[1] == claim.fingerprint
    if arrived:
        assert state_of(claim, alba) == ("sent" if kind in KEPT else "removed")
        assert claims(kind, alba, DUE + 10**7) == [] and said[-1] == "sent"
    else:
        left = row(claim, alba)
        assert (left["state"], left["tries"], left["next_try_at"]) == ("scheduled", 0, DUE + 60)
        assert claims_one(kind, alba, DUE + 60).fingerprint == claim.fingerprint and said[-1] == "released"
    assert invitations.settle(database, alba.shop, arrived=arrived, now=DUE + 60) == 0


def test_many_are_settled_in_rounds_and_nothing_else_is(
    database: Database, alba: Member, bruno: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doubts, "MOST", 2)
    in_doubt(alba, *"12345")
    in_doubt(bruno, "1")
    later = alba.sends("6", at=DUE)
    assert invitations.settle(database, alba.shop, arrived=False, now=DUE) == 5
    assert alba.sends_due() == ["1", "2", "3", "4", "5"]
    assert alba.state(later) == "scheduled" and len(bruno.lists("in_doubt")) == 1


@pytest.mark.sqlite
@pytest.mark.parametrize(("arrived", "again"), [(True, []), (False, ["1"])])
def test_a_restored_database_knows_it(
    database: SqliteDatabase, alba: Member, arrived: bool, again: list[str]
) -> None:
    back_up(database)
    in_doubt(alba, "1")
    invitations.settle(database, alba.shop, arrived=arrived, now=DUE)
    with closing_now(restore(database.path.parent, database.path.with_name("backup.db"))) as after:
        restored = alba.on(after)
        restored.sends("1")
        assert restored.sends_due() == again


@pytest.mark.sqlite
def test_one_that_an_earlier_restore_knew_is_sent_again_by_one_command(
    database: SqliteDatabase, alba: Member
) -> None:
    """The second restore brings back what the journal said of the order before it came again."""
    back_up(database)
    in_doubt(alba, "1")
    with closing_now(restore(database.path.parent, database.path.with_name("backup.db"))) as once:
        then = alba.on(once)
        again = then.sends("1")
        back_up(once)
        then.acts(send_invitation, then.sees(again).id, DUE)
        in_doubt(then)
    with closing_now(restore(database.path.parent, database.path.with_name("backup.db"))) as twice:
        now = alba.on(twice)
        assert now.state(again) == "in_doubt"
        invitations.settle(twice, alba.shop, arrived=False, now=DUE)
        assert now.sends_due() == ["1"]


def test_one_that_is_sent_again_waits_until_it_is_due_after_the_clock_was_set_back(
    database: Database, alba: Member
) -> None:
    in_doubt(alba, "1")
    invitations.settle(database, alba.shop, arrived=False, now=DUE - 3_600)
    assert alba.claims(DUE - 1) == []
    assert alba.sends_due() == ["1"]
