"""The outbox: a transport that writes each message into a folder as one .eml file.

It serves test mode, shops without a mail server yet, and tests.
"""

import asyncio
import re
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from afterword.base.files import sync
from afterword.domain.messages import Outcome
from afterword.mail.transport import ComposedMessage, Mark, TransportTrouble

_PLAIN_NAME = re.compile(r"<([A-Za-z0-9_-][A-Za-z0-9._-]{0,99})@")


class OutboxTransport:
    """Writes messages flat into `folder`, which is made when missing, readable by its owner alone.

    A file named `*.eml` is always a whole message that survives a power cut: it is written and fsynced as
    `.name.tmp` first, then renamed, and the folder is fsynced. The name comes from the Message-ID, so a
    message never has two files, and what a crash left half-written is overwritten by the next try.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def deliver(self, message: ComposedMessage, mark: Mark) -> Outcome:
        """See `Transport.deliver`. The outcome's reply is the path of the file.

        `in_doubt` when the disk fails between the mark and the end: the file may be there or not.
        """
        name = file_name(message.message_id)
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
        return Outcome("sent", str(self._folder / name))

    async def close(self) -> None:
        """Nothing is held open between messages."""


def file_name(message_id: str) -> str:
    """The file of every try at one message: its Message-ID's local part, or a hash of it."""
    found = _PLAIN_NAME.match(message_id)
    stem = found[1] if found else blake2b(message_id.encode("utf-8", "replace"), digest_size=16).hexdigest()
    return f"{stem}.eml"


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
