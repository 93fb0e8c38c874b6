"""The send journal as a file, for processes on one host."""

import errno
import fcntl
import os
import re
from collections.abc import Iterator
from pathlib import Path

from afterword.base.errors import JournalAhead
from afterword.base.files import sync
from afterword.store.journal.journal import HEADER

_HEADER = re.compile(HEADER.format(identity="([0-9a-f]{32})").encode())

_TEXT = bytes(byte if byte == 10 or 32 <= byte < 127 else ord("?") for byte in range(256))


class FilePlace:
    """See `journal.JournalPlace`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def find(self) -> "JournalFile | None":
        """See `journal.JournalPlace`. A file with another header is not a journal."""
        try:
            with self._path.open("rb") as file:
                header = _HEADER.fullmatch(file.readline(64))
        except FileNotFoundError:
            return None
        return JournalFile(self._path, header[1].decode()) if header else None

    def create(self, identity: str) -> "JournalFile":
        path = self._path
        if path.exists():
            raise FileExistsError(errno.EEXIST, "it is there, and is not a send journal", str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        unnamed = path.with_name(f".{path.name}.{identity}")
        fd = os.open(unnamed, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, HEADER.format(identity=identity).encode())
            os.fsync(fd)
        finally:
            os.close(fd)
        unnamed.rename(path)
        sync(path.parent)
        return JournalFile(path, identity)


class JournalFile:
    """See `journal.Journal`."""

    def __init__(self, path: Path, identity: str) -> None:
        self.path = path
        self.identity = identity
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)

    def size(self) -> int:
        return os.fstat(self._file).st_size

    def is_in_place(self) -> bool:
        try:
            return os.path.samestat(self.path.stat(), os.fstat(self._file))
        except OSError:
            return False

    def heal(self) -> None:
        size = self.size()
        if os.pread(self._file, 1, size - 1) != b"\n":
            os.write(self._file, b"\n")

    def append(self, lines: list[str], position: int) -> None:
        """See `journal.Journal`. `position` is the end of the file. `events` ignores a line that was written in
        part. The file is locked, since databases that were copied have one journal and no lock in common."""
        content = "".join(f"{line}\n" for line in lines).encode("ascii")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            if self.size() != position:
                raise JournalAhead
            while content:
                content = content[os.write(self._file, content) :]
            os.fsync(self._file)
        except OSError as error:
            error.filename = str(self.path)
            raise
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def lines_from(self, position: int) -> Iterator[str]:
        """See `journal.Journal`. A torn last line (after a power cut) is skipped. In a torn line that `heal` ended,
        bytes that are not text become question marks."""
        with self.path.open("rb") as file:
            file.seek(position)
            for raw in file:
                line = raw.translate(_TEXT).decode("ascii")
                if line.endswith("\n"):
                    yield line[:-1]

    def close(self) -> None:
        os.close(self._file)
