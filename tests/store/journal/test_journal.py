"""The send journal: what stands in it, in which order, and what a crash or a full disk does to it (guarantee 9)."""

import os
from pathlib import Path

import pytest

from afterword.base.errors import JournalMissing, StoreUnavailable
from afterword.domain.invitations import Outcome
from afterword.store.engine.database import Transaction
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.invitations import release, send_invitation
from afterword.store.journal.file import FilePlace
from afterword.store.journal.journal import HEADER_SIZE
from afterword.store.suppressions import allow, suppress
from tests.store.cast import (
    Member,
    another,
    claim,
    import_one,
    mark_sending,
    open_database,
    order,
    run,
    state,
    writing,
)
from tests.store.engine.test_commit import no_file_grows_beyond
from tests.store.test_invitations import DUE, held, imported, mark, record

DIEGO = "diego@diaz.example"
IDENTITY = "0123456789abcdef" * 2


def lines(database: EngineDatabase) -> list[str]:
    """What the journal says, without its header."""
    text = journal(database).read_text()
    assert text.endswith("\n")
    return text.splitlines()[1:]


def journal(database: EngineDatabase) -> Path:
    return database.journal.address


def reopened(database: EngineDatabase) -> EngineDatabase:
    """The database as the next process finds it, without a word from this one."""
    return another(database)


def test_a_new_journal_has_a_name_of_its_own_and_no_lines(tmp_path: Path) -> None:
    place = FilePlace(tmp_path / "one" / "send.journal")
    created = place.create(IDENTITY)
    assert created.size() == HEADER_SIZE
    found = place.find()
    assert found is not None and found.identity == created.identity == IDENTITY
    assert (tmp_path / "one" / "send.journal").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["send.journal"]
    with pytest.raises(FileExistsError):
        place.create(IDENTITY)
    for each in (created, found):
        each.close()


@pytest.mark.parametrize("content", [b"", b"afterword-journal 1 zz\n", b"sent\n" * 9, b"\0" * 99])
def test_a_file_with_another_header_is_no_journal(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "send.journal").write_bytes(content)
    assert FilePlace(tmp_path / "send.journal").find() is None
    assert FilePlace(tmp_path / "nothing here").find() is None


def test_every_step_of_a_letter_and_every_suppression_is_a_line(
    database: EngineDatabase, alba: Member
) -> None:
    invitation = imported(database, alba)
    one = held(database, alba)
    mark(database, one)
    record(database, one, Outcome("in_doubt", "the line broke"))
    database.write_now(lambda tx: send_invitation(tx, invitation, DUE + 1))
    again = held(database, alba, DUE + 2)
    mark(database, again, DUE + 2)
    record(database, again, Outcome("sent"), now=DUE + 3)
    database.write_now(lambda tx: suppress(tx, alba.shop, DIEGO, live=True, reason="bounced", now=DUE))
    database.write_now(lambda tx: allow(tx, alba.shop, DIEGO, DUE + 4))
    tail = f"{one.fingerprint} {alba.shop.id} {invitation}"
    [suppressed, allowed] = lines(database)[-2:]
    assert lines(database)[:-2] == [
        f"sending {tail} {DUE}",
        f"in_doubt {tail} {DUE}",
        f"released {tail} {DUE + 1}",
        f"sending {tail} {DUE + 2}",
        f"sent {tail} {DUE + 3}",
    ]
    hashed = suppressed.split()[1]
    assert suppressed == f"suppressed {hashed} {alba.shop.id} 1 {DUE} bounced"
    assert allowed == f"allowed {hashed} {alba.shop.id} 1 {DUE + 4}"
    assert DIEGO not in journal(database).read_text()


@pytest.mark.sqlite
def test_a_mark_is_in_the_journal_and_fsynced_before_its_commit(
    database: EngineDatabase, alba: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported(database, alba)
    one = held(database, alba)
    events: list[str] = []
    real_fsync = os.fsync

    def fsync(handle: int) -> None:
        real_fsync(handle)
        events.append(f"fsync {os.fstat(handle).st_size == journal(database).stat().st_size}")

    def committing() -> bool:
        events.append(f"commit {len(lines(database))}")
        return False

    monkeypatch.setattr(os, "fsync", fsync)
    writing(database).set_commit_hook(committing)
    assert run(database.write(lambda tx: mark_sending(tx, one, now=DUE, lease_until=DUE + 40)))
    assert events == ["fsync True", "commit 1"]


def test_the_database_knows_exactly_the_lines_that_were_committed(
    database: EngineDatabase, alba: Member
) -> None:
    imported(database, alba)
    mark(database, held(database, alba))
    [(position,)] = database.read_now(lambda tx: tx.rows("SELECT position FROM journals"))
    assert position == journal(database).stat().st_size


def test_a_write_that_raises_leaves_no_line(database: EngineDatabase, alba: Member) -> None:
    def mark_and_raise(tx: Transaction) -> None:
        mark_sending(tx, one, now=DUE, lease_until=DUE + 40)
        raise LookupError

    invitation = imported(database, alba)
    one = held(database, alba)
    with pytest.raises(LookupError):
        database.write_now(mark_and_raise)
    with pytest.raises(LookupError):
        run(database.write(mark_and_raise))
    assert lines(database) == []
    assert state(database, invitation) == "claimed"


def test_a_crash_between_the_line_and_its_commit_leaves_the_letter_in_doubt(
    database: EngineDatabase, alba: Member
) -> None:
    first, second = imported(database, alba, "1"), imported(database, alba, "2")
    claims = {each.invitation.id: each for each in database.write_now(lambda tx: claim(tx, alba, DUE))}
    with journal(database).open("a") as file:
        file.write(claims[first].journal_line("sending", DUE) + "\n")
    with closing_now(reopened(database)) as after:
        assert (state(after, first), state(after, second)) == ("in_doubt", "claimed")
    with closing_now(reopened(database)) as again:
        assert (state(again, first), state(again, second)) == ("in_doubt", "claimed")


def test_another_process_takes_up_such_a_line_with_its_next_write(
    database: EngineDatabase, alba: Member
) -> None:
    first, second = imported(database, alba, "1"), imported(database, alba, "2")
    claims = {each.invitation.id: each for each in database.write_now(lambda tx: claim(tx, alba, DUE))}
    with journal(database).open("a") as file:
        file.write(claims[first].journal_line("sent", DUE) + "\n")
    mark(database, claims[second])
    assert (state(database, first), state(database, second)) == ("sent", "sending")


@pytest.mark.parametrize("words", [["sending"], ["sending", "sent"]], ids=" ".join)
def test_a_letter_that_the_journal_knows_better_is_not_marked(
    database: EngineDatabase, alba: Member, words: list[str]
) -> None:
    """As when a standby took over that had not heard of the last letters, under a process that goes on."""
    first, second = imported(database, alba, "1"), imported(database, alba, "2")
    claims = {each.invitation.id: each for each in database.write_now(lambda tx: claim(tx, alba, DUE))}
    with journal(database).open("a") as file:
        file.writelines(claims[first].journal_line(word, DUE) + "\n" for word in words)
    assert not mark(database, claims[first])
    assert mark(database, claims[second])
    assert state(database, first) == ("sent" if "sent" in words else "in_doubt")
    assert [line.split()[0] for line in lines(database)] == [*words, "sending"]


@pytest.mark.parametrize("torn", ["sending", "sending 0123456789abcdef", "\0\0\0\0", "x" * 5_000, "é"])
def test_a_line_that_a_crash_tore_is_passed_over_and_healed(
    database: EngineDatabase, alba: Member, torn: str
) -> None:
    first, second = imported(database, alba, "1"), imported(database, alba, "2")
    claims = {each.invitation.id: each for each in database.write_now(lambda tx: claim(tx, alba, DUE))}
    mark(database, claims[first])
    with journal(database).open("a") as file:
        file.write(torn)
    with closing_now(reopened(database)) as after:
        mark(after, claims[second])
        record(after, claims[first], Outcome("sent"))
    words = [line.split()[0] for line in lines(database) if not line.startswith(torn)]
    assert words == ["sending", "sending", "sent"] or torn == "sending"
    with closing_now(reopened(database)) as after:
        assert (state(after, first), state(after, second)) == ("sent", "sending")


@pytest.mark.parametrize("room", [0, 10])
def test_a_journal_that_cannot_be_written_lets_nothing_be_marked(
    database: EngineDatabase, alba: Member, room: int
) -> None:
    invitation = imported(database, alba)
    one = held(database, alba)
    with no_file_grows_beyond(journal(database).stat().st_size + room), pytest.raises(StoreUnavailable):
        run(database.write(lambda tx: mark_sending(tx, one, now=DUE, lease_until=DUE + 40)))
    assert state(database, invitation) == "claimed"
    assert database.write_now(lambda tx: release(tx, [one], next_try_at=DUE, reason="full")) == 1
    again = held(database, alba)
    assert mark(database, again)
    assert record(database, again, Outcome("sent")) == "sent"
    with closing_now(reopened(database)) as after:
        assert state(after, invitation) == "sent"


@pytest.mark.sqlite
def test_a_commit_that_failed_after_its_line_leaves_no_false_doubt(
    database: EngineDatabase, alba: Member
) -> None:
    first, second = imported(database, alba, "1"), imported(database, alba, "2")
    claims = {each.invitation.id: each for each in database.write_now(lambda tx: claim(tx, alba, DUE))}
    wal = database.path.with_name("afterword.db-wal").stat().st_size
    assert journal(database).stat().st_size + 200 < wal
    with no_file_grows_beyond(wal), pytest.raises(StoreUnavailable):
        run(database.write(lambda tx: mark_sending(tx, claims[first], now=DUE, lease_until=DUE + 40)))
    assert [line.split()[0] for line in lines(database)] == ["sending"]
    assert mark(database, claims[second])
    assert (state(database, first), state(database, second)) == ("claimed", "sending")
    assert mark(database, claims[first])


@pytest.mark.sqlite
def test_a_line_of_another_life_is_not_passed_over_because_a_commit_failed(
    database: EngineDatabase, alba: Member
) -> None:
    """A restored database finds its journal again while the disk is full, and must still believe it."""
    imported(database, alba, "1")
    mark(database, held(database, alba))
    invitation = imported(database, alba, "2")
    restored = database.journal.address.parent / "restored"
    restored.mkdir()
    database.backup(restored / "afterword.db", lambda done, pages: None)
    one = held(database, alba)
    mark(database, one)
    record(database, one, Outcome("sent"))
    with closing_now(open_database(restored)) as after:
        assert after.is_held
        (restored / "send.journal").write_bytes(journal(database).read_bytes())
        wal = (restored / "afterword.db-wal").stat().st_size
        with no_file_grows_beyond(wal), pytest.raises(StoreUnavailable):
            run(after.look_for_journal())
        run(after.look_for_journal())
        run(after.write(lambda tx: suppress(tx, alba.shop, DIEGO, live=True, reason="bounced", now=DUE)))
        assert not after.is_held
        assert state(after, invitation) == "sent"


def test_a_journal_line_is_refused_while_the_journal_is_missing(
    database: EngineDatabase, alba: Member
) -> None:
    imported(database, alba)
    mark(database, held(database, alba))
    third = database.write_now(lambda tx: import_one(tx, alba, order("3"), at=DUE))
    second = database.write_now(lambda tx: import_one(tx, alba, order("2")))
    journal(database).unlink()
    with closing_now(reopened(database)) as after:
        one = held(after, alba)
        assert one.invitation.id == second.invitation_id
        with pytest.raises(JournalMissing):
            mark(after, one)
        with pytest.raises(JournalMissing):
            after.write_now(lambda tx: send_invitation(tx, third.invitation_id, DUE))
        assert (state(after, second.invitation_id), state(after, third.invitation_id)) == (
            "claimed",
            "scheduled",
        )


class closing_now:  # noqa: N801 - reads like contextlib's
    """`closing`, for a database outside an event loop."""

    def __init__(self, database: EngineDatabase) -> None:
        self._database = database

    def __enter__(self) -> EngineDatabase:
        return self._database

    def __exit__(self, *_: object) -> None:
        self._database.close_now()


def test_a_journal_whose_place_was_taken_is_not_written_any_more(
    database: EngineDatabase, alba: Member, tmp_path: Path
) -> None:
    """As when a second host adopts a journal of its own before the first has sent anything."""
    first = imported(database, alba)
    one = held(database, alba)
    database.write_now(lambda tx: tx.run("UPDATE journals SET journal = 'another'"))
    with pytest.raises(JournalMissing, match="another send journal"):
        mark(database, one)
    assert database.is_held
    assert state(database, first) == "claimed"
