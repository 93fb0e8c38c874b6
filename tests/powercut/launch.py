"""Runs a program unchanged and records what it does to its data folder, for power cuts to be made from.

    python -m tests.powercut.launch LOG_FOLDER -- MODULE [ARGUMENT ...]

The data folder is AFTERWORD_DATA, and only files in it are recorded. Everything is done on the real files and
recorded before the program sees it done, so that the record survives kill -9 of the program. SQLite's files
are seen through an apsw VFS that becomes the default one; other files through the functions of `os` listed in
`record_os`. What passes those (a buffered file's own writes) is noticed at the next `os.fsync` or rename of
that file when its size is not the recorded one, and recorded then.

Limits: one recorded process at a time in a data folder, and no other that writes there meanwhile; every run
has its own log folder, best on another file system (/dev/shm), so that an fsync does not wait for the log;
renamed folders, `dir_fd` and files changed through mmap are not followed.
"""

import os
import runpy
import stat
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from tests.powercut.disk import HEAD, LOG_NAME, Kind

SQLITE_LASTING = (
    apsw.SQLITE_OPEN_MAIN_DB
    | apsw.SQLITE_OPEN_MAIN_JOURNAL
    | apsw.SQLITE_OPEN_WAL
    | apsw.SQLITE_OPEN_SUPER_JOURNAL
)
"""The kinds of SQLite file that must outlive a power cut; temporary ones need not."""

FIRST_OF_PARENT = 1 << 20

# The functions as they are before `record_os` puts others in their places.
_open, _write, _fsync, _fdatasync, _ftruncate = os.open, os.write, os.fsync, os.fdatasync, os.ftruncate
_rename, _unlink, _link = os.rename, os.unlink, os.link


def main() -> None:
    match sys.argv[1:]:
        case [log, "--", module, *arguments]:
            recorder = Recorder(Path(log), Path(os.environ.get("AFTERWORD_DATA", "afterword-data")))
            recorder.start()
            os.register_at_fork(after_in_parent=recorder.leave_database_to_child)
            record_os(recorder)
            vfs = RecordingVFS(recorder)
            sys.argv = [module, *arguments]
            try:
                runpy.run_module(module, run_name="__main__", alter_sys=True)
            finally:
                vfs.unregister()
        case _:
            sys.exit("usage: python -m tests.powercut.launch LOG_FOLDER -- MODULE [ARGUMENT ...]")


def command(log: Path, module: str, *arguments: str) -> list[str]:
    """The command line that runs `python -m module arguments` recorded into the folder `log`."""
    return [sys.executable, "-m", "tests.powercut.launch", str(log), "--", module, *arguments]


class Begun(NamedTuple):
    """An fsync that has begun: it covers what was recorded up to its stamp."""

    kind: Kind
    file: int
    stamp: int
    folder: str = ""


class Recorder:
    """Writes the record. Its lock gives all threads' changes one order; an fsync runs outside the lock.

    A change is recorded after it was made on the real file and before the program goes on: an fsync that
    another thread began in between is then taken not to cover it, which is the stricter reading.
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
        # Re-entrant: the garbage collector may close a database while this thread records something.
        self.lock = threading.RLock()

    def start(self) -> None:
        """Record what the data folder holds already, as durable."""
        for folder, _, names in os.walk(self._root):
            for name in names:
                path = os.path.join(folder, name)
                if stat.S_ISREG(os.lstat(path).st_mode) and not name.endswith("-shm"):
                    file = self.met(path, created=False)
                    self._record(Kind.SYNC, file, time.monotonic_ns())
        self._record(Kind.START, 0, 0)

    def leave_database_to_child(self) -> None:
        """After a fork, the child is the one that writes to the database.

        What the parent reads of it is not recorded, and what else it writes has numbers of its own.
        """
        self.is_parent = True
        self._next = FIRST_OF_PARENT

    def name(self, path: Any) -> str | None:
        """The path's name in the data folder, as the record spells it; None when it lies elsewhere."""
        folder, name = os.path.split(os.path.abspath(os.fsdecode(path)))
        inside = os.path.relpath(os.path.join(os.path.realpath(folder), name), self._root)
        return None if inside == ".." or inside.startswith("../") else inside

    def known(self, status: os.stat_result) -> int | None:
        """The number of an open file; by its inode, because descriptors are closed behind our back."""
        return self._files.get((status.st_dev, status.st_ino))

    def met(self, path: str, created: bool) -> int:
        """The number of the file at a path in the data folder; recorded with its contents when it is new."""
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
        """A name of this file was taken away; its inode may serve another file when it was the last."""
        inode = (status.st_dev, status.st_ino)
        return self._files.pop(inode, None) if status.st_nlink <= 1 else self._files.get(inode)

    def begin(self, fd: int) -> Begun | None:
        """An fsync of this descriptor begins; None when it is no file or folder of ours."""
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


class RecordingVFS(apsw.VFS):
    """SQLite's own unix VFS, recorded. It is the default: every Connection uses it without being told."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__("powercut", "unix", makedefault=True)
        self._recorder = recorder

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - apsw's name
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        is_ours = path is not None and self._recorder.name(path) is not None and not self._recorder.is_parent
        if not is_ours or not flags[0] & SQLITE_LASTING:
            return apsw.VFSFile("unix", name, flags)
        with self._recorder.lock:
            created = not os.path.exists(path)
            opened = RecordingFile("unix", name, flags)
            opened.record_to(self._recorder, self._recorder.met(path, created))
            return opened

    def xDelete(self, path: str, syncdir: bool) -> None:  # noqa: N802
        _take_away(self._recorder, path, lambda: super(RecordingVFS, self).xDelete(path, syncdir))
        if syncdir and (name := self._recorder.name(path)) is not None:
            self._recorder.synced(Begun(Kind.SYNC_FOLDER, 0, time.monotonic_ns(), os.path.dirname(name)))


class RecordingFile(apsw.VFSFile):
    """One of SQLite's lasting files. Its WAL index and locks go to the unix VFS unseen."""

    def record_to(self, recorder: Recorder, file: int) -> None:
        self._recorder, self._file = recorder, file

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802
        with self._recorder.lock:
            super().xWrite(data, offset)
            self._recorder.wrote(self._file, offset, data)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        with self._recorder.lock:
            super().xTruncate(newsize)
            self._recorder.truncated(self._file, newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        begun = Begun(Kind.SYNC, self._file, time.monotonic_ns())
        super().xSync(flags)
        self._recorder.synced(begun)


def record_os(recorder: Recorder) -> None:
    """Put recording functions in the places of those of `os` that change files."""
    replaced: dict[str, Callable[..., Any]] = {
        "open": partial(_opening, recorder),
        "write": partial(_writing, recorder),
        "ftruncate": partial(_truncating, recorder),
        "fsync": partial(_syncing, recorder, _fsync),
        "fdatasync": partial(_syncing, recorder, _fdatasync),
        "rename": partial(_renaming, recorder),
        "replace": partial(_renaming, recorder),
        "link": partial(_linking, recorder),
        "unlink": partial(_unlinking, recorder),
        "remove": partial(_unlinking, recorder),
    }
    for name, function in replaced.items():
        setattr(os, name, function)


def _opening(recorder: Recorder, path: Any, flags: int, mode: int = 0o777, **folder: Any) -> int:
    changing = flags & (os.O_CREAT | os.O_TRUNC)
    if _in_a_folder(folder) or not changing or recorder.name(path) is None:
        return _open(path, flags, mode, **folder)
    with recorder.lock:
        created = not os.path.exists(path)
        fd = _open(path, flags, mode)
        recorder.met(os.fsdecode(path), created)
        return fd


def _writing(recorder: Recorder, fd: int, data: Any) -> int:
    file = recorder.known(os.fstat(fd))
    if file is None:
        return _write(fd, data)
    with recorder.lock:
        count = _write(fd, data)
        recorder.wrote(file, os.lseek(fd, 0, os.SEEK_CUR) - count, memoryview(data).cast("B")[:count])
        return count


def _truncating(recorder: Recorder, fd: int, size: int) -> None:
    with recorder.lock:
        _ftruncate(fd, size)
        if (file := recorder.known(os.fstat(fd))) is not None:
            recorder.truncated(file, size)


def _syncing(recorder: Recorder, sync: Callable[[Any], None], fd: Any) -> None:
    begun = recorder.begin(fd if isinstance(fd, int) else fd.fileno())
    sync(fd)
    if begun is not None:
        recorder.synced(begun)


def _renaming(recorder: Recorder, old: Any, new: Any, **folders: Any) -> None:
    names = recorder.name(old), recorder.name(new)
    if _in_a_folder(folders) or names == (None, None):
        _rename(old, new, **folders)
        return
    if os.path.isdir(old):
        raise RuntimeError("A recorded run cannot rename a folder.")
    with recorder.lock:
        displaced = os.lstat(new) if os.path.lexists(new) else None
        file = recorder.met(old, created=False) if names[0] is not None else None
        _rename(old, new)
        if displaced is not None:
            recorder.gone(displaced)
        if file is None:
            recorder.met(new, created=True)
        else:
            recorder.renamed(file, names[0] or "", names[1] or "")


def _linking(recorder: Recorder, old: Any, new: Any, **how: Any) -> None:
    with recorder.lock:
        _link(old, new, **how)
        if (name := recorder.name(new)) is not None:
            file = recorder.known(os.stat(new))
            if file is None:
                recorder.met(new, created=True)
            else:
                recorder.renamed(file, "", name)


def _unlinking(recorder: Recorder, path: Any, **folder: Any) -> None:
    if _in_a_folder(folder):
        _unlink(path, **folder)
    else:
        _take_away(recorder, path, lambda: _unlink(path))


def _take_away(recorder: Recorder, path: Any, remove: Callable[[], None]) -> None:
    name = recorder.name(path)
    if name is None:
        remove()
        return
    with recorder.lock:
        status = os.lstat(path) if os.path.lexists(path) else None
        remove()
        if status is not None and (file := recorder.gone(status)) is not None:
            recorder.renamed(file, name, "")


def _in_a_folder(folders: dict[str, Any]) -> bool:
    """Whether a path is relative to an open folder (`dir_fd` and its like), which is not followed."""
    return any(fd is not None for fd in folders.values())


if __name__ == "__main__":
    main()
