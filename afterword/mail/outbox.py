"""The outbox: a transport that writes each message into a folder as one .eml file.

It serves test mode, shops without a mail server yet, and tests. Test e-mails are bounded, since the holder of a test
key can cause any number of them; live ones are kept.
"""

import asyncio
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from email import message_from_binary_file
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import default as default_policy
from pathlib import Path
from typing import NamedTuple

from afterword.base.files import sync
from afterword.base.log import log_for
from afterword.domain.messages import Outcome
from afterword.mail.transport import ComposedMessage, Mark, TransportTrouble

LONGEST_ORDER = 60
"""Characters of an order's number in a file's name."""

_FILE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}\.eml")
"""Names of files that this transport writes: none leads out of the folder."""

TEST_END = ".test.eml"
"""How the names of test e-mails end."""

MOST_TEST_EMAILS = 10_000
MOST_TEST_BYTES = 256 * 2**20
"""Of all test e-mails in the folder; the oldest are removed."""

TEST_EMAILS_KEPT = 30 * 86_400
"""Seconds that a test e-mail is kept."""

LOOK_EVERY = 500
"""Test e-mails between two looks into the folder, so that each costs the reading of some 20 entries. Between looks
the bounds may be exceeded by a sixteenth."""

log = log_for("mail")


class WrittenEmail(NamedTuple):
    """An e-mail of the outbox: the name of its file, when it was written (epoch seconds), to whom, about which order
    (empty: none), and its text and HTML."""

    file: str
    written_at: float
    name: str
    address: str
    subject: str
    order: str
    text: str
    html: str


def newest_emails(folder: Path, most: int) -> tuple[int, list[WrittenEmail]]:
    """How many e-mails are in the outbox, and the newest of them, the newest first."""
    names = []
    for path in folder.glob("[!.]*.eml"):
        with suppress(FileNotFoundError):  # the oldest are removed while we look
            names.append((path.stat().st_mtime, path.name))
    found = (read_email(folder, name) for _, name in sorted(names, reverse=True)[:most])
    return len(names), [email for email in found if email]


def read_email(folder: Path, name: str) -> WrittenEmail | None:
    """The e-mail in this file of the outbox; None when there is no such file."""
    if not _FILE.fullmatch(name):
        return None
    try:
        with (folder / name).open("rb") as file:
            message = message_from_binary_file(file, _class=EmailMessage, policy=default_policy)
            written_at = os.fstat(file.fileno()).st_mtime
    except FileNotFoundError:
        return None
    to = message["To"]
    [reader] = to.addresses if to else [Address()]
    return WrittenEmail(
        name,
        written_at,
        reader.display_name,
        reader.addr_spec,
        message["Subject"] or "",
        name.rpartition("-")[0],
        _part(message, "plain"),
        _part(message, "html"),
    )


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return part.get_content() if isinstance(part, EmailMessage) else ""


class OutboxTransport:
    """Writes messages flat into `folder`, which is made when missing, readable by its owner alone.

    A file named `*.eml` is always a whole message that survives a power cut: it is written and fsynced as
    `.name.tmp` first, then renamed, and the folder is fsynced. The name is the order's number and the message's
    fingerprint, so a message never has two files, and what a crash left half-written is overwritten by the next try.
    Test e-mails are removed after TEST_EMAILS_KEPT, and the oldest when there are too many.
    """

    def __init__(self, folder: Path, *, is_test: bool = False) -> None:
        self._folder = folder
        self._end = TEST_END if is_test else ".eml"
        self._is_test = is_test
        self._unlooked, self._unlooked_bytes = LOOK_EVERY, 0

    async def deliver(self, message: ComposedMessage, mark: Mark) -> Outcome:
        """See `Transport.deliver`. The outcome's reply is the path of the file. A test e-mail's form is logged.

        `in_doubt` when the disk fails between the mark and the end: the file may be there or not.
        """
        name = f"{_name(message)}{self._end}"
        draft = self._folder / f".{name}.tmp"
        try:
            await asyncio.to_thread(_write, draft, message.content)
        except OSError as error:
            raise TransportTrouble(f"the outbox cannot be written: {error.strerror or error}") from error
        if not await mark():
            await asyncio.to_thread(_discard, draft)
            return Outcome("withdrawn")
        try:
            await asyncio.to_thread(_publish, draft, self._folder / name)
        except OSError as error:
            return Outcome("in_doubt", f"the outbox cannot be written: {error.strerror or error}")
        if message.form:
            log.info("test e-mail written", file=str(self._folder / name), form=message.form)
        if self._is_test:
            await self._bound(len(message.content))
        return Outcome("sent", str(self._folder / name))

    async def _bound(self, size: int) -> None:
        """Looks into the folder at the first test e-mail, and again after LOOK_EVERY, or many bytes."""
        self._unlooked += 1
        self._unlooked_bytes += size
        if self._unlooked >= LOOK_EVERY or self._unlooked_bytes > MOST_TEST_BYTES / 16:
            self._unlooked = self._unlooked_bytes = 0
            try:
                await asyncio.to_thread(_remove_oldest, self._folder, time.time() - TEST_EMAILS_KEPT)
            except OSError as error:
                log.error("outbox not bounded", error=str(error))

    async def close(self) -> None:
        """Nothing is held open between messages."""


def remove_emails(folder: Path, id_order: str, address: str) -> int:
    """Removes the e-mails about the order of this number that went to this address. Returns how many. Raises
    OSError."""
    found = find_emails(folder, id_order, address)
    for file in found:
        file.unlink()
    return len(found)


def find_emails(folder: Path, id_order: str, address: str) -> list[Path]:
    """The e-mails about the order of this number that went to this address. Raises OSError."""
    is_named = re.compile(re.escape(_beginning(id_order)) + r"[0-9a-f]+(?:\.test)?\.eml").fullmatch
    files = folder.iterdir() if folder.is_dir() else ()
    return [file for file in files if is_named(file.name) and address.encode() in file.read_bytes()]


def _name(message: ComposedMessage) -> str:
    return f"{_beginning(message.id_order)}{message.fingerprint}"


def _beginning(id_order: str) -> str:
    """The order's number, where there is one; characters that are unsafe in a file's name become `-`."""
    order = re.sub(r"[^A-Za-z0-9._-]", "-", id_order[:LONGEST_ORDER]).lstrip(".")
    return order + ("-" if order else "")


def _remove_oldest(folder: Path, before: float) -> None:
    """Test e-mails written before then (epoch seconds), and the oldest of too many. Raises OSError."""
    taken = 0
    for count, (written, size, path) in enumerate(sorted(_test_emails(folder), reverse=True), 1):
        taken += size
        if written < before or count > MOST_TEST_EMAILS or taken > MOST_TEST_BYTES:
            Path(path).unlink(missing_ok=True)


def _test_emails(folder: Path) -> Iterator[tuple[float, int, str]]:
    """When each was written, its bytes, and its path."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(TEST_END):
                with suppress(FileNotFoundError):  # another process has removed it
                    found = entry.stat()
                    yield found.st_mtime, found.st_size, entry.path


def _write(draft: Path, content: bytes) -> None:
    draft.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft.unlink(missing_ok=True)
    try:
        draft.touch(0o600, exist_ok=False)
        draft.write_bytes(content)
        sync(draft)
    except OSError:
        _discard(draft)
        raise


def _discard(draft: Path) -> None:
    with suppress(OSError):
        draft.unlink(missing_ok=True)


def _publish(draft: Path, final: Path) -> None:
    draft.replace(final)
    sync(final.parent)
