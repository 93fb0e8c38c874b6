"""Guarantee 9: a restored database sends nothing twice, as long as the send journal stayed."""

import random
import shutil
from pathlib import Path

import pytest

from afterword.domain.invitations import Outcome
from afterword.store.engine.sqlite import SqliteDatabase
from afterword.store.invitations import send_invitation
from afterword.store.suppressions import allow, suppress, suppressed_because
from tests.needs import scale
from tests.store.cast import (
    NOW,
    Member,
    add_member,
    another,
    claim,
    import_batch,
    import_one,
    open_database,
    order,
    run,
    seen,
    state,
)
from tests.store.journal.test_journal import closing_now, journal, lines
from tests.store.test_invitations import DUE, imported, mark, record

pytestmark = pytest.mark.sqlite

DIEGO = "diego@diaz.example"


def back_up(database: SqliteDatabase, name: str = "backup.db") -> Path:
    target = database.path.with_name(name)
    database.backup(target, lambda done, pages: None)
    return target


def restore(folder: Path, backup: Path) -> SqliteDatabase:
    """The folder after an operator laid an old backup into it; the journal stays as it is."""
    for file in folder.glob("afterword.db*"):
        file.unlink()
    shutil.copy(backup, folder / "afterword.db")
    return open_database(folder)


def send_all(database: SqliteDatabase, member: Member, now: float = DUE) -> list[str]:
    """Sends whatever is due, and says whose letters went: their id_order."""
    claims = database.write_now(lambda tx: claim(tx, member, now))
    for one in claims:
        assert mark(database, one, now)
        record(database, one, Outcome("sent", "250 ok"), now=now)
    return sorted(one.invitation.id_order for one in claims)


@pytest.mark.parametrize("seed", range(6 * scale()))
def test_a_backup_of_any_moment_sends_nothing_again(tmp_path: Path, seed: int) -> None:
    """Orders come, letters go, an old backup is laid over it, and the shop sends all its orders once more."""
    draw = random.Random(seed)
    database = open_database(tmp_path)
    alba = database.write_now(lambda tx: add_member(tx, "Alba's bakery", delay=5))
    back_up(database, "0.db")
    sent: list[str] = []
    now, count, backups = float(NOW), 0, 1
    for _ in range(60):
        now += draw.choice((0, 1, 7))
        match draw.choice(("import", "import", "send", "back up", "restore")):
            case "import":
                numbers = [f"{draw.randrange(count + 1)}", f"{count}", f"{count + 1}"]
                count += 2
                batch = [order(number) for number in numbers]
                database.write_now(lambda tx, now=now, batch=batch: import_batch(tx, alba, *batch, at=now))
            case "send":
                sent += send_all(database, alba, now)
            case "back up":
                back_up(database, f"{backups}.db")
                backups += 1
            case "restore" if sent:
                database.close_now()
                database = restore(tmp_path, tmp_path / f"{draw.randrange(backups)}.db")
                assert not database.is_held
    everything = [order(f"{number}") for number in range(count)]
    database.write_now(lambda tx: import_batch(tx, alba, *everything, at=now))
    sent += send_all(database, alba, now + 6)
    sent += send_all(database, alba, now + 7)
    database.close_now()
    assert len(sent) == len(set(sent)) == count > 10


def test_what_was_sent_after_the_backup_is_sent_in_the_restored_database_too(
    database: SqliteDatabase, alba: Member
) -> None:
    first, second = imported(database, alba, "1"), imported(database, alba, "2")
    [one, _] = sorted(
        database.write_now(lambda tx: claim(tx, alba, DUE)), key=lambda each: each.invitation.id
    )
    mark(database, one)
    backup = back_up(database)
    record(database, one, Outcome("sent"), now=DUE + 3)
    with closing_now(restore(database.journal.address.parent, backup)) as after:
        assert (state(after, first), seen(after, first).sent_at) == ("sent", DUE + 3)
        assert state(after, second) == "claimed"


def test_a_letter_that_was_in_hand_when_the_machine_died_is_in_doubt_after_a_restore(
    database: SqliteDatabase, alba: Member
) -> None:
    invitation = imported(database, alba)
    backup = back_up(database)
    [one] = database.write_now(lambda tx: claim(tx, alba, DUE))
    mark(database, one)
    with closing_now(restore(database.journal.address.parent, backup)) as after:
        assert (state(after, invitation), seen(after, invitation).reason) == (
            "in_doubt",
            "the send journal says so",
        )
        assert send_all(after, alba) == []


def test_an_order_imported_again_after_a_restore_keeps_its_end(
    database: SqliteDatabase, alba: Member, bruno: Member
) -> None:
    backup = back_up(database)
    imported(database, alba, "1")
    assert send_all(database, alba) == ["1"]
    with closing_now(restore(database.journal.address.parent, backup)) as after:
        imported(after, bruno, "1")
        again = imported(after, alba, "1")
        assert send_all(after, bruno) == ["1"]
        assert send_all(after, alba) == []
        assert (state(after, again), seen(after, again).sent_at) == ("sent", DUE)
        assert imported(after, alba, "2") and send_all(after, alba) == ["2"]


def test_a_test_order_of_the_same_number_is_another_order_after_a_restore(
    database: SqliteDatabase, alba: Member
) -> None:
    backup = back_up(database)
    imported(database, alba, "1")
    send_all(database, alba)
    with closing_now(restore(database.journal.address.parent, backup)) as after:
        imported(after, alba, "1", live=False)
        assert len(after.write_now(lambda tx: claim(tx, alba, DUE, live=False))) == 1


def test_a_deferred_letter_is_still_tried_after_a_restore_and_a_failed_one_is_not(
    database: SqliteDatabase, alba: Member
) -> None:
    deferred, failed = imported(database, alba, "1"), imported(database, alba, "2")
    backup = back_up(database)
    for one in database.write_now(lambda tx: claim(tx, alba, DUE)):
        mark(database, one)
        outcome = Outcome("deferred" if one.invitation.id == deferred else "failed", "no")
        record(database, one, outcome, again=DUE + 300)
    with closing_now(restore(database.journal.address.parent, backup)) as after:
        assert (state(after, deferred), state(after, failed)) == ("scheduled", "failed")
        assert send_all(after, alba) == ["1"]


def test_one_that_a_person_let_go_again_is_not_remembered(database: SqliteDatabase, alba: Member) -> None:
    backup = back_up(database)
    imported(database, alba, "1")
    send_all(database, alba)
    with closing_now(restore(database.journal.address.parent, backup)) as after:
        again = imported(after, alba, "1")
        after.write_now(lambda tx: send_invitation(tx, again, DUE))
        assert send_all(after, alba) == ["1"]


def test_suppressions_survive_a_restore_and_so_does_taking_them_back(
    database: SqliteDatabase, alba: Member
) -> None:
    database.write_now(
        lambda tx: suppress(tx, alba.shop, "b@b.example", live=True, reason="bounced", now=NOW)
    )
    backup = back_up(database)
    for email, reason in ((DIEGO, "by the shop"), ("c@c.example", "complained")):
        database.write_now(
            lambda tx, to=email, why=reason: suppress(tx, alba.shop, to, live=True, reason=why, now=NOW)
        )
    for email in ("b@b.example", "c@c.example"):
        database.write_now(lambda tx, to=email: allow(tx, alba.shop, to, NOW))
    with closing_now(restore(database.journal.address.parent, backup)) as after:
        reasons = [
            after.read_now(lambda tx, to=email: suppressed_because(tx, alba.shop, to, live=True))
            for email in (DIEGO, "b@b.example", "c@c.example")
        ]
        assert reasons == ["by the shop", None, None]
        after.write_now(lambda tx: import_one(tx, alba, order("9", email=DIEGO)))
        assert send_all(after, alba) == []


def lose_the_journal(database: SqliteDatabase) -> None:
    journal(database).unlink()


def take_another_databases_journal(database: SqliteDatabase) -> None:
    other = database.journal.address.parent / "bruno"
    with closing_now(open_database(other)) as brunos:
        brunos.write_now(lambda tx: add_member(tx, "Bruno's books"))
    shutil.copy(other / "send.journal", journal(database))


def take_an_older_journal(database: SqliteDatabase) -> None:
    text = journal(database).read_text()
    journal(database).write_text(text[: text.rindex("sent")])


@pytest.mark.parametrize(
    "break_it", [lose_the_journal, take_another_databases_journal, take_an_older_journal]
)
def test_without_its_journal_everything_is_held_until_the_operator_accepts_the_loss(
    database: SqliteDatabase, alba: Member, break_it: object
) -> None:
    assert callable(break_it)
    imported(database, alba, "1")
    send_all(database, alba)
    in_hand = imported(database, alba, "2")
    [claimed] = database.write_now(lambda tx: claim(tx, alba, DUE))
    waiting = imported(database, alba, "3")
    database.write_now(lambda tx: suppress(tx, alba.shop, DIEGO, live=True, reason="bounced", now=NOW))
    break_it(database)
    with closing_now(another(database)) as after:
        assert after.is_held
        run(after.look_for_journal())
        assert after.is_held
        with closing_now(another(database)) as doctor:
            doctor.accept_journal_loss()
            assert not doctor.is_held
        run(after.look_for_journal())
        assert not after.is_held
        assert (state(after, in_hand), state(after, waiting)) == ("in_doubt", "scheduled")
        assert seen(after, in_hand).reason == "the send journal was lost while it was in hand"
        assert send_all(after, alba) == ["3"]
        assert claimed.invitation.id == in_hand
        assert [line.split()[0] for line in lines(after)][-3:] == ["suppressed", "sending", "sent"]
    with closing_now(another(database)) as later:
        assert not later.is_held


def test_a_journal_that_is_there_again_is_believed(database: SqliteDatabase, alba: Member) -> None:
    first = imported(database, alba, "1")
    send_all(database, alba)
    backup = back_up(database)
    imported(database, alba, "2")
    send_all(database, alba)
    away = journal(database).rename(database.path.with_name("away"))
    with closing_now(restore(database.journal.address.parent, backup)) as after:
        assert after.is_held
        again = imported(after, alba, "2")
        away.rename(journal(database))
        run(after.look_for_journal())
        assert not after.is_held
        assert send_all(after, alba) == []
        assert [state(after, each) for each in (first, again)] == ["sent", "sent"]


def test_a_database_that_lost_everything_adopts_the_journal_that_is_there(
    database: SqliteDatabase, alba: Member
) -> None:
    imported(database, alba)
    send_all(database, alba)
    anew_folder = database.journal.address.parent / "anew"
    anew_folder.mkdir()
    shutil.copy(journal(database), anew_folder)
    with closing_now(open_database(anew_folder)) as anew:
        assert not anew.is_held
        bruno = anew.write_now(lambda tx: add_member(tx, "Bruno's books"))
        imported(anew, bruno)
        assert send_all(anew, bruno) == ["1234"]
