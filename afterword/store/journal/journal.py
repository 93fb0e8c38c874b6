"""The send journal: an append-only record outside the database of what was sent, which addresses are suppressed, and
how far the chains of reviews go.

Guarantee 9 rests on it: restoring a database from an old backup does not roll back the journal. It is a file
(`journal.file`), or, for senders on several hosts, rows of a PostgreSQL database that is backed up and restored
separately (`journal.rows`).

The first line of the file identifies it: `afterword-journal 1 <32 hex digits>`. Each other line is one event:

    sending    <fingerprint> <shop> <message> <epoch>   DATA of an e-mail is about to be sent
    sent       <fingerprint> <shop> <message> <epoch>   likewise `deferred`, `failed`, `in_doubt`, `released`
    suppressed <address hash> <shop> <live> <epoch> <reason>
    allowed    <address hash> <shop> <live> <epoch>
    head       <hash> <shop> <live> <seq>               the last entry of a chain, by half of its hash
    head_accepted <hash> <shop> <live> <seq>            likewise; the operator accepts what the chain lacks until here

A line is made durable *before* its transaction commits, unless it is a head. The transaction holds the lock on the
database's row of the journal, and stores the position after the line. So a database has applied exactly the lines up
to its position. Lines after that position come from a crash between the two steps, or from before a backup was
restored; `journal.replay` applies them. Positions are byte offsets of the file, also when the journal is rows, so
either kind can be copied to the other and remains the journal of the same database and its backups.

A head is noted *after* the commit of its entry, so the journal has no head that a crash took back. Nothing is sent by
it, so `journal.replay` passes over it; `store.reviews.heads` compares it with the chain.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Protocol

HEADER = "afterword-journal 1 {identity}\n"

HEADER_SIZE = len(HEADER.format(identity="0" * 32))
"""The position of a database that has applied no line yet."""

LINES_AT_ONCE = 5_000

_is_line = re.compile(r"[a-z_]+ [0-9a-f]{32} \d+ \d+ \d+(?: [a-z ]+)?").fullmatch


HEAD_WORDS = ("head", "head_accepted")


def head_line(shop_id: int, live: bool, seq: int, hashed: str, word: str = HEAD_WORDS[0]) -> str:
    """The line that notes the head of a chain: entry `seq`, and its hash, of which half is as much as the others
    have."""
    return f"{word} {hashed[:32]} {shop_id} {int(live)} {seq}"


class Journal(Protocol):
    """An open journal. Writers hold the lock on the database's row of the journal; that orders the lines."""

    identity: str

    def size(self) -> int:
        """The position after the last line."""
        ...

    def is_in_place(self) -> bool:
        """Whether it is still what `JournalPlace.find` finds: not deleted, moved or replaced since it was opened."""
        ...

    def heal(self) -> None:
        """Ends a line that was torn by a crash or a full disk, so that the next one starts on a new line."""
        ...

    def append(self, lines: list[str], position: int) -> None:
        """Appends lines at this position, durably.

        Raises JournalAhead, and appends nothing, if there already are lines after it. Raises OSError,
        StoreUnavailable; some lines may then have been written.
        """
        ...

    def lines_from(self, position: int) -> Iterator[str]:
        """Each complete line after `position`."""
        ...

    def close(self) -> None: ...


class JournalPlace(Protocol):
    """Where a journal is stored."""

    def find(self) -> Journal | None:
        """The journal at this place, or None if there is none. Raises OSError, StoreUnavailable if that is
        unknown."""
        ...

    def create(self, identity: str) -> Journal:
        """Creates a journal, which is durable before `find` can return it. Raises FileExistsError."""
        ...


def events(lines: Iterable[str]) -> Iterator[list[str]]:
    """The words of each valid line; others are skipped."""
    for line in lines:
        if _is_line(line):
            yield line.split(maxsplit=5)


def copy_journal(source: Journal, to: JournalPlace, progress: Callable[[int, int], None]) -> None:
    """Copies a journal to another place, or completes an earlier copy. `progress` gets the position reached and the
    total.

    Writers may continue. The copy replaces its source with the first line that is written to it: the database's
    position is then beyond the end of the source, with which sending would be paused. Raises FileExistsError if
    another journal is at that place.
    """
    copy = to.find() or to.create(source.identity)
    try:
        done = copy.size()
        if copy.identity != source.identity or done > source.size():
            raise FileExistsError("another send journal, or a newer copy, is already there")
        lines = source.lines_from(done)
        while some := list(islice(lines, LINES_AT_ONCE)):
            copy.append(some, done)
            done = copy.size()
            progress(done, source.size())
    finally:
        copy.close()
