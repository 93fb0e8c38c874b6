"""The send journal: an append-only list of lines beside the database that says what was sent, and to whom no more.

Guarantee 9 rests on it: a database can be restored from an old backup, the journal is not rolled back with it.
It is a file (`journal_file`), or, for senders on several hosts, rows of a PostgreSQL database that is backed up
and restored by itself (`journal_rows`).

As a file its first line names it: `afterword-journal 1 <32 hex digits>`. Each other line is one event:

    sending    <fingerprint> <shop> <invitation> <epoch>   DATA is about to begin
    sent       <fingerprint> <shop> <invitation> <epoch>   and so `deferred`, `failed`, `in_doubt`, `released`
    noticed    <fingerprint> <shop> <notice> <epoch>       a letter about a review is about to leave
    suppressed <address hash> <shop> <live> <epoch> <reason>
    allowed    <address hash> <shop> <live> <epoch>

A line is durable *before* the transaction that it belongs to is committed, while that transaction holds the
database's row of the journal, and that transaction stores the position after it. So a database knows exactly the
lines up to its position; whatever stands behind it happened in another life of the database (a crash between the
two, or a restored backup), and `store.replay` carries it over. Positions are bytes of the file, in rows too: one
kind can be copied to the other, and stays the journal of the same database and of its backups.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Protocol

HEADER = "afterword-journal 1 {identity}\n"

HEADER_SIZE = len(HEADER.format(identity="0" * 32))
"""The position of a database that knows no line yet."""

LINES_AT_ONCE = 5_000

_LINE = re.compile(r"[a-z_]+ [0-9a-f]{32} \d+ \d+ \d+(?: [a-z ]+)?")


class Journal(Protocol):
    """An open journal. Whoever writes holds the database's row of it; that orders the lines."""

    identity: str

    def size(self) -> int:
        """The position behind the last line."""
        ...

    def heal(self) -> None:
        """Ends a line that a crash or a full disk tore, so that the next one starts on its own."""
        ...

    def append(self, lines: list[str], position: int) -> None:
        """Adds lines behind that position, durably. Raises JournalAhead when there are lines already, and nothing is
        added; OSError, StoreUnavailable: a part may be there then."""
        ...

    def lines_from(self, position: int) -> Iterator[str]:
        """Each whole line behind `position`."""
        ...

    def close(self) -> None: ...


class JournalPlace(Protocol):
    """Where a journal is kept."""

    def find(self) -> Journal | None:
        """The journal that is there, or None. Raises OSError, StoreUnavailable when nobody can tell."""
        ...

    def create(self, identity: str) -> Journal:
        """A new one, durable before anybody can find it. Raises FileExistsError."""
        ...


def events(lines: Iterable[str]) -> Iterator[list[str]]:
    """The words of each line that is one."""
    for line in lines:
        if _LINE.fullmatch(line):
            yield line.split(maxsplit=5)


def copy_journal(source: Journal, to: JournalPlace, progress: Callable[[int, int], None]) -> None:
    """Copies a journal to another place, or what a copy there lacks; `progress` is told positions done and in all.

    Whoever writes goes on. The copy takes the place of its source as soon as somebody writes to it: the database then
    knows more than the other one has, which is held. Raises FileExistsError when another journal is there.
    """
    copy = to.find() or to.create(source.identity)
    try:
        done = copy.size()
        if copy.identity != source.identity or done > source.size():
            raise FileExistsError("another send journal is there, or a newer one")
        lines = source.lines_from(done)
        while some := list(islice(lines, LINES_AT_ONCE)):
            copy.append(some, done)
            done = copy.size()
            progress(done, source.size())
    finally:
        copy.close()
