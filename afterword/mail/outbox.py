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
from pathlib import Path

from afterword.base.files import sync
from afterword.base.log import log_for
from afterword.domain.messages import Outcome
from afterword.mail.transport import ComposedMessage, Mark, TransportTrouble

LONGEST_ORDER = 60
"""Characters of an order's number in a file's name."""

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


def _name(message: ComposedMessage) -> str:
    """Begins with the order's number, where it has one; characters that are unsafe in a file's name become `-`."""
    order = re.sub(r"[^A-Za-z0-9._-]", "-", message.id_order[:LONGEST_ORDER]).lstrip(".")
    return f"{order}{'-' if order else ''}{message.fingerprint}"


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
