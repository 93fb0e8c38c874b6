"""Guarantee 9: a restored database sends nothing twice, as long as the send journal stayed."""

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from afterword.domain.messages import MessageKind
from afterword.store.engine.sqlite import SqliteDatabase
from afterword.store.messages.invitations import send_invitation
from tests.needs import scale
from tests.store.cast import DUE, NOW, Customer, Member, new_member, order
from tests.store.databases import act, another, closing_now, open_database, run
from tests.store.journal.journals import back_up, journal, restore, words
from tests.store.kinds import BY_MAIL, cause, claims, claims_one, row, state_of

pytestmark = pytest.mark.sqlite

DIEGO = "diego@diaz.example"
Restored = Callable[[], Member]
"""Alba in the restored database."""


@pytest.fixture
def restored(database: SqliteDatabase, alba: Member) -> Iterator[Restored]:
    """Lays the backup over the database and opens it; the journal stays as it is."""
    with ExitStack() as stack:
        opened = partial(restore, database.path.parent, database.path.with_name("backup.db"))
        yield lambda: alba.on(stack.enter_context(closing_now(opened())))


@pytest.mark.parametrize("seed", range(6 * scale()))
def test_a_backup_of_any_moment_sends_nothing_again(tmp_path: Path, seed: int) -> None:
    """Orders come, messages go, an old backup is laid over it, and the shop sends all its orders once more."""
    draw = random.Random(seed)
    database = open_database(tmp_path)
    alba = new_member(database, "Alba's bakery", delay=5)
    back_up(database, "0.db")
    sent: list[str] = []
    now, count, backups = float(NOW), 0, 1
    for _ in range(60):
        now += draw.choice((0, 1, 7))
        match draw.choice(("import", "import", "send", "back up", "restore")):
            case "import":
                numbers = [f"{draw.randrange(count + 1)}", f"{count}", f"{count + 1}"]
                count += 2
                alba.sends_batch(*map(order, numbers), at=now)
            case "send":
                sent += alba.sends_due(now)
            case "back up":
                back_up(database, f"{backups}.db")
                backups += 1
            case "restore" if sent:
                database.close_now()
                database = restore(tmp_path, tmp_path / f"{draw.randrange(backups)}.db")
                alba = alba.on(database)
                assert not database.is_held
    alba.sends_batch(*(order(f"{number}") for number in range(count)), at=now)
    sent += alba.sends_due(now + 6)
    sent += alba.sends_due(now + 7)
    database.close_now()
    assert len(sent) == len(set(sent)) == count > 10


def test_what_was_sent_after_the_backup_is_sent_in_the_restored_database_too(
    database: SqliteDatabase, alba: Member, restored: Restored
) -> None:
    first, second = alba.sends("1"), alba.sends("2")
    one, _ = alba.claims_each()
    alba.marks(one)
    back_up(database)
    alba.records(one, "sent", now=DUE + 3)
    after = restored()
    assert (after.state(first), after.sees(first).sent_at) == ("sent", DUE + 3)
    assert after.state(second) == "claimed"


def test_an_order_imported_again_after_a_restore_keeps_its_end(
    database: SqliteDatabase, alba: Member, bruno: Member, restored: Restored
) -> None:
    """One of another shop, or a test order, is another order though it has the same number."""
    back_up(database)
    alba.sends("1")
    assert alba.sends_due() == ["1"]
    after = restored()
    bruno = bruno.on(after.store)
    bruno.sends("1")
    after.sends("1", live=False)
    again = after.sends("1")
    assert bruno.sends_due() == ["1"]
    assert after.sends_due(live=False) == ["1"]
    assert after.sends_due() == []
    assert (after.state(again), after.sees(again).sent_at) == ("sent", DUE)
    assert after.rows("SELECT count(*) FROM journaled") == [(0,)], "what is carried over is asked for no more"
    after.sends("2")
    assert after.sends_due() == ["2"]


def test_a_deferred_message_is_still_tried_after_a_restore_and_a_failed_one_is_not(
    database: SqliteDatabase, alba: Member, restored: Restored
) -> None:
    deferred, failed = alba.sends("1"), alba.sends("2")
    back_up(database)
    for one, kind in zip(alba.claims_each(), ("deferred", "failed"), strict=True):
        alba.marks(one)
        alba.records(one, kind, "no", again=DUE + 300)
    after = restored()
    assert after.states(deferred, failed) == ["scheduled", "failed"]
    assert after.sends_due() == ["1"]


def test_one_that_a_person_let_go_again_is_not_remembered(
    database: SqliteDatabase, alba: Member, restored: Restored
) -> None:
    back_up(database)
    alba.sends("1")
    alba.sends_due()
    after = restored()
    act(after.store, send_invitation, after.sees(after.sends("1")).id, DUE)
    assert after.sends_due() == ["1"]


def test_suppressions_survive_a_restore_and_so_does_taking_them_back(
    database: SqliteDatabase, alba: Member, restored: Restored
) -> None:
    alba.suppresses("b@b.example", reason="bounced")
    back_up(database)
    alba.suppresses(DIEGO, reason="by the shop")
    alba.suppresses("t@t.example", live=False, reason="unsubscribed")
    alba.suppresses("c@c.example", reason="complained")
    alba.allows("b@b.example")
    alba.allows("c@c.example")
    after = restored()
    reasons = [after.why_not(email) for email in (DIEGO, "b@b.example", "c@c.example", "t@t.example")]
    assert reasons == ["by the shop", None, None, None]
    assert after.why_not("t@t.example", live=False) == "unsubscribed"
    after.sends("9", email=DIEGO)
    assert after.sends_due() == []


def lose_the_journal(database: SqliteDatabase) -> None:
    journal(database).unlink()


def take_another_databases_journal(database: SqliteDatabase) -> None:
    other = database.path.with_name("bruno")
    with closing_now(open_database(other)) as brunos:
        new_member(brunos, "Bruno's books")
    shutil.copy(other / "send.journal", journal(database))


def take_an_older_journal(database: SqliteDatabase) -> None:
    text = journal(database).read_text()
    journal(database).write_text(text[: text.rindex("sent")])


@pytest.mark.parametrize(
    "break_it", [lose_the_journal, take_another_databases_journal, take_an_older_journal]
)
def test_without_its_journal_everything_is_held_until_the_operator_accepts_the_loss(
    database: SqliteDatabase, alba: Member, break_it: Callable[[SqliteDatabase], None]
) -> None:
    alba.sends("1")
    alba.sends_due()
    alba.sends("2")
    claimed = alba.claims_one()
    waiting = alba.sends("3")
    alba.suppresses(DIEGO, reason="bounced")
    break_it(database)
    with closing_now(another(database)) as after:
        alba = alba.on(after)
        assert after.is_held
        run(after.look_for_journal())
        assert after.is_held
        with closing_now(another(database)) as doctor:
            doctor.accept_journal_loss()
            assert not doctor.is_held
        run(after.look_for_journal())
        assert not after.is_held
        assert alba.states(claimed, waiting) == ["in_doubt", "scheduled"]
        assert alba.sees(claimed).reason == "the send journal was lost while it was in hand"
        assert alba.sends_due() == ["3"]
        assert words(journal(after))[-3:] == ["suppressed", "sending", "sent"]
    with closing_now(another(database)) as later:
        assert not later.is_held


def test_a_database_that_lost_everything_adopts_the_journal_that_is_there(
    database: SqliteDatabase, alba: Member
) -> None:
    alba.sends()
    alba.sends_due()
    folder = database.path.with_name("new")
    folder.mkdir()
    shutil.copy(journal(database), folder)
    with closing_now(open_database(folder)) as new:
        assert not new.is_held
        bruno = new_member(new, "Bruno's books")
        bruno.sends()
        assert bruno.sends_due() == ["1234"]


@pytest.mark.parametrize("last_word", ["sending", "sent", "failed"])
@pytest.mark.parametrize("kind", BY_MAIL)
def test_what_was_marked_before_a_restore_is_not_sent_again_whatever_its_kind(
    database: SqliteDatabase,
    alba: Member,
    clara: Customer,
    restored: Restored,
    kind: MessageKind,
    last_word: str,
) -> None:
    cause(kind, alba, clara)
    back_up(database)
    one = claims_one(kind, alba)
    assert alba.marks(one)
    if last_word != "sending":
        alba.records(one, last_word, "a reply")
    after = restored()
    assert claims(kind, after, DUE + 10**7) == []
    left = {"sending": "in_doubt", "sent": "sent" if kind == "invitation" else "removed"}
    assert state_of(one, after) == left.get(last_word, last_word)
    if found := row(one, after):
        assert found["reason"] == "the send journal says so"
        assert found["sent_at"] == (DUE if last_word == "sent" else None)


def test_a_message_that_has_the_number_of_one_that_was_sent_before_a_restore_is_sent(
    database: SqliteDatabase, alba: Member, clara: Customer, restored: Restored
) -> None:
    """A restored database gives numbers out again."""
    back_up(database)
    cause("receipt", alba, clara, "first")
    first = claims_one("receipt", alba)
    alba.delivers(first)
    after = restored()
    cause("receipt", after, clara.on(after.store), "second", at=DUE + 60)
    second = claims_one("receipt", after, DUE + 60)
    assert second.message.id == first.message.id and second.fingerprint != first.fingerprint


def test_a_delivery_is_in_no_journal_and_goes_again_after_a_restore(
    database: SqliteDatabase, alba: Member, clara: Customer, restored: Restored
) -> None:
    cause("webhook", alba, clara)
    back_up(database)
    before = words(database.journal.address)
    one = claims_one("webhook", alba)
    alba.records(one, "sent")
    assert words(database.journal.address) == before
    assert claims_one("webhook", restored()).fingerprint == one.fingerprint


def test_who_accepts_a_loss_with_a_journal_in_its_place_learns_what_that_knows(
    database: SqliteDatabase, alba: Member, restored: Restored
) -> None:
    """An old backup knows the journal of before a loss; the one that was begun after it is still there."""
    first = alba.sends("1")
    back_up(database)
    journal(database).unlink()
    with closing_now(another(database)) as after:
        after.accept_journal_loss()
        assert alba.on(after).sends_due(DUE) == ["1"]
    alba = restored()
    assert isinstance(alba.store, SqliteDatabase) and alba.store.is_held
    alba.store.accept_journal_loss()
    assert alba.state(first) == "sent"
    assert alba.sends_due(DUE + 100) == []
