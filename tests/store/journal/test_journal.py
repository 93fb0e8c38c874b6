"""The send journal: what is in it, in which order, and what a crash or a full disk does to it (guarantee 9)."""

import fcntl
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from afterword.base.errors import JournalAhead, JournalMissing, StoreUnavailable
from afterword.store.engine.database import Database, Transaction
from afterword.store.engine.sqlite import SqliteDatabase
from afterword.store.journal.file import FilePlace
from afterword.store.journal.journal import HEADER_SIZE
from afterword.store.messages.claims import Claim
from afterword.store.messages.invitations import send_invitation
from tests.store.cast import DUE, Member
from tests.store.databases import act, another, closing_now, no_file_grows_beyond, open_database, run, writing
from tests.store.journal.journals import back_up, journal, lines, words

DIEGO = "diego@diaz.example"
IDENTITY = "0123456789abcdef" * 2


def append(database: Database, text: str) -> None:
    """Writes to the journal behind the database's back, as a crash before the commit leaves it."""
    with journal(database).open("a") as file:
        file.write(text)


@pytest.fixture
def claims(alba: Member) -> list[Claim]:
    """Two invitations that are in hand."""
    for number in "12":
        alba.sends(number)
    return alba.claims_each()


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


def test_a_line_of_which_a_part_is_written_is_not_read_yet(tmp_path: Path) -> None:
    """Copying a journal reads it while it is written."""
    path, line = tmp_path / "send.journal", f"sent {IDENTITY} 1 2 1773238326"
    journal = FilePlace(path).create(IDENTITY)
    journal.append([line], HEADER_SIZE)
    with path.open("a") as file:
        file.write(line[:-3])
    assert list(journal.lines_from(HEADER_SIZE)) == [line]
    with path.open("a") as file:
        file.write(f"{line[-3:]}\n")
    assert list(journal.lines_from(HEADER_SIZE)) == [line, line]
    journal.close()


def test_a_new_journal_has_its_name_durably(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its header first: a journal that can be found is whole."""
    path, synced = tmp_path / "send.journal", []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(("header", path.exists())))
    monkeypatch.setattr(
        "afterword.store.journal.file.sync", lambda folder: synced.append((folder, path.exists()))
    )
    FilePlace(path).create(IDENTITY).close()
    assert synced == [("header", False), (tmp_path, True)]


def test_a_database_that_has_sent_nothing_gets_another_journal(database: Database) -> None:
    journal(database).unlink()
    with closing_now(another(database)) as after:
        assert not after.is_held and journal(after).stat().st_size == HEADER_SIZE


def test_a_mark_that_is_refused_is_no_line(database: Database, alba: Member, claims: list[Claim]) -> None:
    alba.suppresses("clara@nunez.example")
    assert [alba.marks(one) for one in claims] == [False, False]
    assert words(journal(database)) == ["suppressed"]


def test_a_line_that_fits_in_part_is_an_error(tmp_path: Path) -> None:
    journal = FilePlace(tmp_path / "send.journal").create(IDENTITY)
    with no_file_grows_beyond(HEADER_SIZE + 10), pytest.raises(OSError, match="too large"):
        journal.append([f"sent {IDENTITY} 1 2 1773238326"], HEADER_SIZE)
    journal.close()


def test_who_appends_awaits_another_who_does_and_sees_the_lines_of_that_one(tmp_path: Path) -> None:
    path, line = tmp_path / "send.journal", f"sent {IDENTITY} 1 2 1773238326"
    journal = FilePlace(path).create(IDENTITY)
    with path.open("a") as other, ThreadPoolExecutor(1) as thread:
        fcntl.flock(other, fcntl.LOCK_EX)
        appending = thread.submit(journal.append, [line], HEADER_SIZE)
        assert wait([appending], 0.1).not_done
        other.write(f"{line}\n")
        other.flush()
        fcntl.flock(other, fcntl.LOCK_UN)
        with pytest.raises(JournalAhead):
            appending.result(5)
    assert list(journal.lines_from(HEADER_SIZE)) == [line]
    journal.close()


@pytest.mark.parametrize("content", [b"", b"afterword-journal 1 zz\n", b"sent\n" * 9, b"\0" * 99])
def test_a_file_with_another_header_is_no_journal(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "send.journal").write_bytes(content)
    assert FilePlace(tmp_path / "send.journal").find() is None
    assert FilePlace(tmp_path / "nothing here").find() is None


def test_every_step_of_a_message_and_every_suppression_is_a_line(database: Database, alba: Member) -> None:
    invitation = alba.sends().number
    one = alba.claims_one()
    alba.marks(one)
    alba.records(one, "in_doubt", "the line broke")
    alba.acts(send_invitation, alba.sees(invitation).id, DUE + 1)
    again = alba.claims_one(DUE + 2)
    alba.marks(again, DUE + 2)
    alba.records(again, "deferred", now=DUE + 2, again=DUE + 3)
    again = alba.claims_one(DUE + 3)
    alba.marks(again, DUE + 3)
    alba.records(again, "sent", now=DUE + 3)
    alba.suppresses(DIEGO, reason="bounced", now=DUE)
    alba.allows(DIEGO, DUE + 4)
    tail = f"{one.fingerprint} {alba.shop.id} {invitation}"
    *steps, suppressed, allowed = lines(database)
    assert steps == [
        f"sending {tail} {DUE}",
        f"in_doubt {tail} {DUE}",
        f"released {tail} {DUE + 1}",
        f"sending {tail} {DUE + 2}",
        f"deferred {tail} {DUE + 2}",
        f"sending {tail} {DUE + 3}",
        f"sent {tail} {DUE + 3}",
    ]
    hashed = suppressed.split()[1]
    assert suppressed == f"suppressed {hashed} {alba.shop.id} 1 {DUE} bounced"
    assert allowed == f"allowed {hashed} {alba.shop.id} 1 {DUE + 4}"
    assert DIEGO not in journal(database).read_text()
    assert alba.rows("SELECT position FROM journals") == [(journal(database).stat().st_size,)]


@pytest.mark.sqlite
def test_a_mark_is_in_the_journal_and_fsynced_before_its_commit(
    database: Database, alba: Member, claims: list[Claim], monkeypatch: pytest.MonkeyPatch
) -> None:
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
    assert run(database.write(lambda tx: alba.within(tx).marks(claims[0])))
    assert events == ["fsync True", "commit 1"]


def test_a_write_that_raises_leaves_no_line(database: Database, alba: Member, claims: list[Claim]) -> None:
    def mark_and_raise(tx: Transaction) -> None:
        alba.within(tx).marks(claims[0])
        raise LookupError

    with pytest.raises(LookupError):
        database.write_now(mark_and_raise)
    with pytest.raises(LookupError):
        run(database.write(mark_and_raise))
    assert lines(database) == []
    assert alba.state(claims[0]) == "claimed"


def test_a_crash_between_the_line_and_its_commit_leaves_the_message_in_doubt(
    database: Database, alba: Member, claims: list[Claim]
) -> None:
    append(database, claims[0].journal_line("sending", DUE) + "\n")
    for _ in range(2):
        with closing_now(another(database)) as after:
            assert alba.on(after).states(*claims) == ["in_doubt", "claimed"]


@pytest.mark.parametrize("known", [["sending"], ["sending", "sent"]], ids=" ".join)
def test_a_message_that_the_journal_knows_better_is_not_marked(
    database: Database, alba: Member, claims: list[Claim], known: list[str]
) -> None:
    """As when a standby took over that had not heard of the last messages, under a process that goes on."""
    append(database, "".join(claims[0].journal_line(word, DUE) + "\n" for word in known))
    assert [alba.marks(one) for one in claims] == [False, True]
    assert alba.state(claims[0]) == ("sent" if "sent" in known else "in_doubt")
    assert words(journal(database)) == [*known, "sending"]


@pytest.mark.parametrize("torn", ["sending", "sending 0123456789abcdef", "\0\0\0\0", "x" * 5_000, "é"])
def test_a_line_that_a_crash_tore_is_passed_over_and_healed(
    database: Database, alba: Member, claims: list[Claim], torn: str
) -> None:
    first, second = claims
    alba.marks(first)
    append(database, torn)
    with closing_now(another(database)) as after:
        alba.on(after).marks(second)
        alba.on(after).records(first, "sent")
    words = [line.split()[0] for line in lines(database) if not line.startswith(torn)]
    assert words == ["sending", "sending", "sent"] or torn == "sending"
    with closing_now(another(database)) as after:
        assert alba.on(after).states(first, second) == ["sent", "sending"]


@pytest.mark.parametrize("free", [0, 10])
def test_a_journal_that_cannot_be_written_lets_nothing_be_marked(
    database: Database, alba: Member, free: int
) -> None:
    invitation = alba.sends()
    one = alba.claims_one()
    full = pytest.raises(StoreUnavailable, match=f"{journal(database)} cannot be used: File too large")
    with no_file_grows_beyond(journal(database).stat().st_size + free), full:
        run(database.write(lambda tx: alba.within(tx).marks(one)))
    assert alba.state(invitation) == "claimed"
    assert alba.releases(one, reason="full") == 1
    assert alba.sends_due() == ["1234"]
    with closing_now(another(database)) as after:
        assert alba.on(after).state(invitation) == "sent"


@pytest.mark.sqlite
def test_a_commit_that_failed_after_its_line_leaves_no_false_doubt(
    database: SqliteDatabase, alba: Member, claims: list[Claim]
) -> None:
    first, second = claims
    wal = database.path.with_name("afterword.db-wal").stat().st_size
    assert journal(database).stat().st_size + 200 < wal
    with no_file_grows_beyond(wal), pytest.raises(StoreUnavailable):
        run(database.write(lambda tx: alba.within(tx).marks(first)))
    assert words(journal(database)) == ["sending"]
    assert alba.marks(second)
    assert alba.states(first, second) == ["claimed", "sending"]
    assert alba.marks(first)


@pytest.mark.sqlite
def test_a_commit_without_a_line_that_failed_voids_no_line_of_before(
    database: SqliteDatabase, alba: Member, claims: list[Claim]
) -> None:
    """A database that is laid back while its processes go on, as PostgreSQL's can be, still believes the journal."""
    first, second = claims
    [(before,)] = alba.rows("SELECT position FROM journals")
    alba.marks(first)
    wal = database.path.with_name("afterword.db-wal").stat().st_size
    with no_file_grows_beyond(wal), pytest.raises(StoreUnavailable):
        run(database.write(lambda tx: alba.within(tx).sends("3")))
    alba.executes(f"UPDATE journals SET position = {before}")
    alba.executes(f"UPDATE messages SET state = 'claimed' WHERE message_id = {first.message.id}")
    assert alba.marks(second)
    assert alba.states(first, second) == ["in_doubt", "sending"]


@pytest.mark.sqlite
def test_a_line_of_another_life_is_not_passed_over_because_a_commit_failed(
    database: SqliteDatabase, alba: Member
) -> None:
    """A restored database finds its journal again while the disk is full, and must still believe it, also of an
    order that came again meanwhile."""
    alba.sends("1")
    alba.marks(alba.claims_one())
    invitation = alba.sends("2")
    restored = database.path.parent / "restored"
    restored.mkdir()
    back_up(database, "restored/afterword.db")
    alba.sends("3")
    assert alba.sends_due() == ["2", "3"]
    with closing_now(open_database(restored)) as after:
        alba = alba.on(after)
        assert after.is_held
        again = alba.sends("3")
        (restored / "send.journal").write_bytes(journal(database).read_bytes())
        wal = (restored / "afterword.db-wal").stat().st_size
        with no_file_grows_beyond(wal), pytest.raises(StoreUnavailable):
            run(after.look_for_journal())
        run(after.look_for_journal())
        run(after.write(lambda tx: alba.within(tx).suppresses(DIEGO, reason="bounced", now=DUE)))
        assert not after.is_held
        assert alba.sends_due() == []
        assert alba.states(invitation, again) == ["sent", "sent"]


def test_a_journal_line_is_refused_while_the_journal_is_missing(database: Database, alba: Member) -> None:
    alba.sends("1")
    alba.marks(alba.claims_one())
    later = alba.sends("3", at=DUE)
    alba.sends("2")
    journal(database).unlink()
    with closing_now(another(database)) as after:
        one = alba.on(after).claims_one()
        assert one.message.order.id_order == "2"
        with pytest.raises(JournalMissing):
            alba.on(after).marks(one)
        with pytest.raises(JournalMissing):
            act(after, send_invitation, alba.on(after).sees(later).id, DUE)
        assert alba.on(after).states(one, later) == ["claimed", "scheduled"]


def test_a_journal_whose_place_was_taken_is_not_written_any_more(
    database: Database, alba: Member, claims: list[Claim]
) -> None:
    """As when a second host adopts a journal of its own before the first has sent anything."""
    alba.executes("UPDATE journals SET journal = 'another'")
    with pytest.raises(JournalMissing):
        alba.marks(claims[0])
    assert database.is_held
    assert alba.state(claims[0]) == "claimed"


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def make_unreadable(path: Path) -> None:
    """Also for the superuser, whom no mode stops: a loop of links cannot be opened."""
    path.unlink()
    path.symlink_to(path)


@pytest.mark.parametrize("spoil", [make_folder, make_unreadable])
@pytest.mark.parametrize("has_sent", [True, False])
def test_a_journal_that_cannot_be_opened_stops_sending_and_no_order(
    database: Database, alba: Member, spoil: Callable[[Path], None], has_sent: bool
) -> None:
    alba.sends("1")
    if has_sent:
        alba.sends_due()
    path = journal(database)
    right = path.read_bytes()
    spoil(path)
    with closing_now(another(database)) as after:
        assert after.is_held
        assert alba.on(after).sends("2").number
        run(after.look_for_journal())
        assert after.is_held
        with pytest.raises(StoreUnavailable, match=f"{path} cannot be used: "):
            after.accept_journal_loss()
        path.rmdir() if path.is_dir() else path.unlink()
        path.write_bytes(right)
        run(after.look_for_journal())
        assert not after.is_held
        assert alba.on(after).sends_due() == (["2"] if has_sent else ["1", "2"])


@pytest.mark.sqlite
def test_a_new_database_whose_journal_cannot_be_made_is_refused_with_the_files_name(tmp_path: Path) -> None:
    path = tmp_path / "send.journal"
    path.mkdir()
    with pytest.raises(StoreUnavailable, match=f"{path} cannot be used: Is a directory"):
        open_database(tmp_path)
    path.rmdir()
    path.write_bytes(b"something else\n")
    with pytest.raises(
        StoreUnavailable, match=f"{path} cannot be used: it is there, and is not a send journal"
    ):
        open_database(tmp_path)


def test_a_journal_whose_file_was_replaced_is_not_written_any_more(
    database: Database, alba: Member, claims: list[Claim]
) -> None:
    """By a copy of it, say, in a restore under way: what was written to the one that is gone nobody would read."""
    first, second = claims
    assert alba.marks(first)
    old = journal(database).rename(journal(database).with_name("old"))
    shutil.copy(old, journal(database))
    before = old.read_bytes()
    with pytest.raises(JournalMissing):
        alba.marks(second)
    assert old.read_bytes() == journal(database).read_bytes() == before
    assert database.is_held
