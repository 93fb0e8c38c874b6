"""Runs a program unchanged and records what it does to its data folder, to simulate power cuts.

    python -m tests.powercut.launch LOG_FOLDER -- MODULE [ARGUMENT ...]

The data folder is AFTERWORD_DATA, and only files in it are recorded. Every change is made to the real files and
recorded before the call returns to the program, so that the record survives kill -9. SQLite's files are recorded by
an apsw VFS that becomes the default, other files by replacing the functions of `os` listed in `record_os`. Writes
that bypass these (of buffered files) are recorded at the next `os.fsync` or rename of the file, if its size differs
from the recorded one.

Limits: only one process may write to a data folder while it is recorded; every run needs its own log folder,
preferably on another file system (/dev/shm), so that an fsync does not wait for the log; renamed folders, `dir_fd`
and changes through mmap are not supported.
"""

import os
import runpy
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import apsw

from tests.powercut.disk import Kind
from tests.powercut.recorder import Begun, Recorder

SQLITE_LASTING = (
    apsw.SQLITE_OPEN_MAIN_DB
    | apsw.SQLITE_OPEN_MAIN_JOURNAL
    | apsw.SQLITE_OPEN_WAL
    | apsw.SQLITE_OPEN_SUPER_JOURNAL
)
"""The kinds of SQLite files that must survive a power cut; temporary files need not."""

# The original functions, before `record_os` replaces them.
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
    """The command line that runs `python -m module arguments` and records into the folder `log`."""
    return [sys.executable, "-m", "tests.powercut.launch", str(log), "--", module, *arguments]


class RecordingVFS(apsw.VFS):
    """SQLite's unix VFS with recording. It is the default for new connections."""

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
    """A SQLite file that must survive. Its WAL index and locks are handled by the unix VFS and not recorded."""

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
    """Replaces the functions of `os` that change files."""
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
    """Whether a path is relative to an open folder (`dir_fd`), which is not supported."""
    return any(fd is not None for fd in folders.values())


if __name__ == "__main__":
    main()
