"""The outbox: each message is one whole file, or none."""

import errno
import os
import stat
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from afterword.domain.messages import Outcome
from afterword.mail import outbox
from afterword.mail.outbox import OutboxTransport
from afterword.mail.transport import ComposedMessage, TransportTrouble
from tests.mail.conftest import LINKS, TO_CLARA, compose, example, marked
from tests.peers import run


def deliver(
    folder: Path, message: ComposedMessage = TO_CLARA, mark: Callable[[], Awaitable[bool]] = marked
) -> Outcome:
    return run(OutboxTransport(folder).deliver(message, mark))


def test_a_message_becomes_one_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "outbox"
    assert deliver(folder) == Outcome("sent", str(folder / "c0ffee.eml"))
    assert os.listdir(folder) == ["c0ffee.eml"]
    assert (folder / "c0ffee.eml").read_bytes() == TO_CLARA.content
    assert stat.S_IMODE((folder / "c0ffee.eml").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_every_message_has_one_file_of_its_own(tmp_path: Path) -> None:
    again = TO_CLARA._replace(content=b"Subject: Bread, again\r\n\r\n")
    for message in (TO_CLARA, TO_CLARA._replace(fingerprint="decade"), again):
        deliver(tmp_path, message)
    assert sorted(os.listdir(tmp_path)) == ["c0ffee.eml", "decade.eml"]
    assert (tmp_path / "c0ffee.eml").read_bytes() == again.content


@pytest.mark.parametrize(
    ("id_order", "name"),
    [
        ("1234", "1234-c0ffee.eml"),
        ("../../etc/passwd", "-..-etc-passwd-c0ffee.eml"),
        ("n° 7\0\n", "n--7---c0ffee.eml"),
        ("9" * 300, "9" * 60 + "-c0ffee.eml"),
        ("", "c0ffee.eml"),
        ("...", "c0ffee.eml"),
    ],
)
def test_the_files_name_begins_with_the_order(tmp_path: Path, id_order: str, name: str) -> None:
    assert deliver(tmp_path, TO_CLARA._replace(id_order=id_order)).reply == str(tmp_path / name)
    assert os.listdir(tmp_path) == [name]


def test_only_the_form_of_a_test_email_is_logged(tmp_path: Path) -> None:
    with capture_logs() as log:
        deliver(tmp_path, compose(replace(example("invitation"), live=True)))
        assert log == []
        written = deliver(tmp_path, compose(replace(example("invitation"), live=False))).reply
    [line] = log
    assert (line["event"], line["file"], line["form"]) == ("test e-mail written", written, LINKS.review)
    assert written.startswith(f"{tmp_path}/1234-")


def test_the_message_is_on_the_disk_before_the_mark_and_in_sight_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guarantee 5: the mark is durable before the message can be seen, and the message is whole when it can."""
    events: list[str] = []
    real_fsync, real_replace = os.fsync, Path.replace

    def fsync(handle: int) -> None:
        events.append("fsync folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "fsync file")
        real_fsync(handle)

    def replace(self: Path, target: Path) -> Path:
        events.append("rename")
        return real_replace(self, target)

    async def mark() -> bool:
        assert [name for name in os.listdir(tmp_path) if name.endswith(".eml")] == []
        assert (tmp_path / ".c0ffee.eml.tmp").read_bytes() == TO_CLARA.content
        events.append("mark")
        return True

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    deliver(tmp_path, mark=mark)
    assert events == ["fsync file", "mark", "rename", "fsync folder"]


def test_a_message_whose_mark_is_refused_leaves_nothing(tmp_path: Path) -> None:
    async def refused() -> bool:
        return False

    assert deliver(tmp_path, mark=refused) == Outcome("withdrawn")
    assert os.listdir(tmp_path) == []


def test_what_a_crash_left_is_overwritten(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"of Bruno's books")
    (tmp_path / ".c0ffee.eml.tmp").symlink_to(elsewhere)
    deliver(tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["c0ffee.eml", "elsewhere"]
    assert (tmp_path / "c0ffee.eml").read_bytes() == TO_CLARA.content
    assert elsewhere.read_bytes() == b"of Bruno's books"


def test_a_full_disk_is_trouble_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async def unwanted() -> bool:
        raise AssertionError("the mark comes after the message is on the disk")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(TransportTrouble, match="the outbox cannot be written: No space left on device"):
            deliver(tmp_path, mark=unwanted)
    assert os.listdir(tmp_path) == []
    assert deliver(tmp_path).kind == "sent"


def test_a_folder_that_cannot_be_made_is_trouble(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_bytes(b"")
    with pytest.raises(TransportTrouble, match="the outbox cannot be written"):
        deliver(tmp_path / "outbox")


def test_a_disk_that_fails_after_the_mark_leaves_the_message_in_doubt(tmp_path: Path) -> None:
    async def mark() -> bool:
        (tmp_path / "c0ffee.eml").mkdir()
        return True

    assert deliver(tmp_path, mark=mark).kind == "in_doubt"


class Outbox:
    """A folder of test e-mails, and the transport that writes them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.transport = OutboxTransport(folder, is_test=True)

    def has(self, name: str, *, age: float = 0.0, size: int = 1_000) -> None:
        """An e-mail that was written so many seconds ago."""
        (self.folder / name).write_bytes(b"x" * size)
        written = time.time() - age
        os.utime(self.folder / name, (written, written))

    def names(self) -> list[str]:
        return sorted(os.listdir(self.folder))

    def write(self, number: int = 0) -> None:
        run(self.transport.deliver(TO_CLARA._replace(fingerprint=f"n{number:04}"), marked))


@pytest.fixture
def written(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path)


def test_test_emails_are_removed_after_thirty_days_and_live_ones_never(written: Outbox) -> None:
    written.has("1-old.test.eml", age=30 * 86_400 + 5)
    written.has("2-young.test.eml", age=30 * 86_400 - 5)
    written.has("3-live.eml", age=300 * 86_400)
    written.write()
    assert written.names() == ["2-young.test.eml", "3-live.eml", "n0000.test.eml"]


def test_of_too_many_test_emails_the_oldest_are_removed(
    written: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MOST_TEST_EMAILS", 3)
    for age in range(1, 6):
        written.has(f"{age}.test.eml", age=age * 100)
    written.write()
    assert written.names() == ["1.test.eml", "2.test.eml", "n0000.test.eml"]


def test_of_too_large_test_emails_the_oldest_are_removed(
    written: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MOST_TEST_BYTES", 3_500)
    for age in range(1, 6):
        written.has(f"{age}.test.eml", age=age * 100)
    written.write()
    assert written.names() == ["1.test.eml", "2.test.eml", "3.test.eml", "n0000.test.eml"]
    for number in range(1, 10):
        written.write(number)
    assert sum(file.stat().st_size for file in written.folder.iterdir()) < 3_500 * 17 / 16 + 1_000


def test_the_folder_is_looked_into_once_for_many_emails(
    written: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    real = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: (looks.append(path), real(path))[1])
    monkeypatch.setattr(outbox, "LOOK_EVERY", 10)
    written.transport = OutboxTransport(written.folder, is_test=True)
    for number in range(25):
        written.write(number)
    assert len(looks) == 3
