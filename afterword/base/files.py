"""Files that survive a power cut."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from afterword.base.errors import Refused


@contextmanager
def whole_file(file: Path) -> Iterator[Path]:
    """An empty private file beside `file`, which takes its name, and the place of an older one, at the end.

    Guarantee: whatever happens, a file of this name is whole, and survives a power cut. Raises Refused when there is
    no such folder.
    """
    if not file.parent.is_dir():
        raise Refused(f"there is no folder {file.parent}")
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield draft
        sync(draft)
        draft.replace(file)
        sync(file.parent)
    finally:
        draft.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Flushes a file's content, or a folder's entries, to disk. Raises OSError."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
