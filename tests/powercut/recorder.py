"""The record of what a program does to its data folder."""

import os
import stat
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

from tests.powercut.disk import HEAD, LOG_NAME, Kind

FIRST_OF_PARENT = 1 << 20
"""The first file number of the parent process after a fork."""

_open = os.open  # before `launch.record_os` replaces it


class Begun(NamedTuple):
    """An fsync in progress. It covers what was recorded up to its timestamp."""

    kind: Kind
    file: int
    stamp: int
    folder: str = ""


class Recorder:
    """Writes the record. Its lock orders the changes of all threads; fsync runs outside the lock.

    A change is recorded after it was made to the real file. If another thread begins an fsync in between, the fsync
    is assumed not to cover the change, which is the stricter interpretation.
    """

    def __init__(self, log: Path, data: Path) -> None:
        log.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        self._log = _open(log / LOG_NAME, flags, 0o600)
        self._root = os.path.realpath(data)
        self._files: dict[tuple[int, int], int] = {}
        self._sizes: dict[int, int] = {}
        self._next = 0
        self.is_parent = False
        # Re-entrant: the garbage collector may close a database while this thread is recording.
        self.lock = threading.RLock()

    def start(self) -> None:
        """Records the existing content of the data folder as durable."""
        for folder, _, names in os.walk(self._root):
            for name in names:
                path = os.path.join(folder, name)
                if stat.S_ISREG(os.lstat(path).st_mode) and not name.endswith("-shm"):
                    file = self.met(path, created=False)
                    self._record(Kind.SYNC, file, time.monotonic_ns())
        self._record(Kind.START, 0, 0)

    def leave_database_to_child(self) -> None:
        """After a fork, only the child writes to the database.

        The parent's access to the database is not recorded, and its other files have their own range of numbers.
        """
        self.is_parent = True
        self._next = FIRST_OF_PARENT

    def name(self, path: Any) -> str | None:
        """The path relative to the data folder; None if it is elsewhere."""
        folder, name = os.path.split(os.path.abspath(os.fsdecode(path)))
        inside = os.path.relpath(os.path.join(os.path.realpath(folder), name), self._root)
        return None if inside == ".." or inside.startswith("../") else inside

    def known(self, status: os.stat_result) -> int | None:
        """The number of an open file, by its inode, since descriptors may be closed unnoticed."""
        return self._files.get((status.st_dev, status.st_ino))

    def met(self, path: str, created: bool) -> int:
        """The number of the file at a path in the data folder. A new file is recorded with its contents."""
        status = os.stat(path)
        inode = (status.st_dev, status.st_ino)
        if created or inode not in self._files:
            self._files[inode] = self._next
            self._sizes[self._next] = 0
            self._next += 1
            self.renamed(self._files[inode], "", self.name(path) or "")
        file = self._files[inode]
        if status.st_size != self._sizes[file]:
            self._record_contents(file, path, status.st_size)
        return file

    def _record_contents(self, file: int, path: str, size: int) -> None:
        if size < self._sizes[file]:
            self.truncated(file, size)
        if size:
            self.wrote(file, 0, Path(path).read_bytes())

    def wrote(self, file: int, offset: int, data: Any) -> None:
        self._sizes[file] = max(self._sizes[file], offset + len(data))
        self._record(Kind.WRITE, file, offset, data)

    def truncated(self, file: int, size: int) -> None:
        self._sizes[file] = size
        self._record(Kind.TRUNCATE, file, size)

    def renamed(self, file: int, old: str, new: str) -> None:
        self._record(Kind.NAME, file, 0, os.fsencode(f"{old}\0{new}"))

    def gone(self, status: os.stat_result) -> int | None:
        """Notes that a name of this file was removed. If it was the last, another file may reuse the inode."""
        inode = (status.st_dev, status.st_ino)
        return self._files.pop(inode, None) if status.st_nlink <= 1 else self._files.get(inode)

    def begin(self, fd: int) -> Begun | None:
        """Begins an fsync of this descriptor; None if it is not a file or folder in the data folder."""
        with self.lock:
            status = os.fstat(fd)
            file = self.known(status)
            if file is None or status.st_size != self._sizes[file]:
                return self._begin_by_path(os.readlink(f"/proc/self/fd/{fd}"))
            return Begun(Kind.SYNC, file, time.monotonic_ns())

    def _begin_by_path(self, path: str) -> Begun | None:
        name = self.name(path)
        if name is None or not os.path.exists(path):
            return None
        if os.path.isdir(path):
            return Begun(Kind.SYNC_FOLDER, 0, time.monotonic_ns(), "" if name == "." else name)
        return Begun(Kind.SYNC, self.met(path, created=False), time.monotonic_ns())

    def synced(self, begun: Begun) -> None:
        self._record(begun.kind, begun.file, begun.stamp, os.fsencode(begun.folder))

    def _record(self, kind: Kind, file: int, number: int, data: Any = b"") -> None:
        with self.lock:
            head = HEAD.pack(kind, len(data), file, time.monotonic_ns(), number)
            if os.writev(self._log, (head, data)) != len(head) + len(data):
                raise OSError("The record of the disk could not be written whole.")
