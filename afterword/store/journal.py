"""The send journal: an append-only text file beside the database that says what was sent, and to whom no more.

Guarantee 9 rests on it: a database can be restored from an old backup, this file cannot be rolled back with it.

The first line names the file: `afterword-journal 1 <32 hex digits>`. Each other line is one event:

    sending    <fingerprint> <shop> <invitation> <epoch>   DATA is about to begin
    sent       <fingerprint> <shop> <invitation> <epoch>   and so `deferred`, `failed`, `in_doubt`, `released`
    suppressed <address hash> <shop> <live> <epoch> <reason>
    allowed    <address hash> <shop> <live> <epoch>

A line is written and fsynced *before* the transaction that it belongs to is committed, while the database's
write lock is held, and that transaction stores the position after it. So a database knows exactly the lines up
to its position; whatever stands behind it happened in another life of the database (a crash between the two,
or a restored backup), and `store.replay` carries it over.
"""

import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

from afterword.base.files import sync

HEADER_SIZE = len(b"afterword-journal 1 \n") + 32
"""The position of a database that knows no line yet."""

_HEADER = re.compile(rb"afterword-journal 1 ([0-9a-f]{32})\n")
_LINE = re.compile(r"[a-z_]+ [0-9a-f]{32} \d+ \d+ \d+(?: [a-z ]+)?")


class JournalMissing(Exception):
    """The database has sent before and its journal is not there (guarantee 9): nothing more is sent."""


class Journal:
    """The open file. One writer at a time holds the database's write lock; that orders the lines."""

    def __init__(self, path: Path, identity: str) -> None:
        self.path = path
        self.identity = identity
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)

    @classmethod
    def create(cls, path: Path) -> "Journal":
        """A new file, whole and durable before it has its name. Raises FileExistsError."""
        if path.exists():
            raise FileExistsError(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        identity = secrets.token_hex(16)
        unnamed = path.with_name(f".{path.name}.{identity}")
        fd = os.open(unnamed, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, f"afterword-journal 1 {identity}\n".encode())
            os.fsync(fd)
        finally:
            os.close(fd)
        unnamed.rename(path)
        sync(path.parent)
        return cls(path, identity)

    @classmethod
    def open(cls, path: Path) -> "Journal | None":
        """The file that is there, or None. A file with another header counts as no journal."""
        try:
            with path.open("rb") as file:
                header = _HEADER.fullmatch(file.readline(64))
        except FileNotFoundError:
            return None
        return cls(path, header[1].decode()) if header else None

    def size(self) -> int:
        return os.fstat(self._file).st_size

    def heal(self) -> None:
        """Ends a line that a crash or a full disk tore, so that the next one starts on its own."""
        size = self.size()
        if os.pread(self._file, 1, size - 1) != b"\n":
            os.write(self._file, b"\n")

    def append(self, lines: list[str]) -> None:
        """Appends and fsyncs. Raises OSError; what was then written in part is passed over by `lines_from`."""
        content = "".join(f"{line}\n" for line in lines).encode("ascii")
        while content:
            content = content[os.write(self._file, content) :]
        os.fsync(self._file)

    def lines_from(self, position: int) -> Iterator[list[str]]:
        """The words of each whole line behind `position`. A torn line (a power cut's) is passed over."""
        with self.path.open("rb") as file:
            file.seek(position)
            for raw in file:
                line = raw.decode("ascii", "replace")
                if line.endswith("\n") and _LINE.fullmatch(line[:-1]):
                    yield line[:-1].split(maxsplit=5)

    def close(self) -> None:
        os.close(self._file)
