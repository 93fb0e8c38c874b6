"""Files that survive a power cut, and folders that do not outlive their process."""

import os
import pwd
import secrets
import shutil
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
        draft.touch(0o600, exist_ok=False)
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


def owner_of(path: Path) -> str:
    """The name of the user that owns it, or the number of one without a name. Raises OSError."""
    number = path.stat().st_uid
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def own_folder(path: Path) -> Path:
    """A folder of this process in there, for bodies that are being read; what the dead have left is removed."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in path.iterdir():
        if left.is_file():
            left.unlink(missing_ok=True)
        elif left.name == str(os.getpid()) or not Path("/proc", left.name).exists():
            # In a container, one that is started again often has the number of the dead.
            shutil.rmtree(left, ignore_errors=True)
    own = path / str(os.getpid())
    own.mkdir(mode=0o700)
    return own
