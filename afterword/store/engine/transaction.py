"""A transaction on a connection of any engine, and the send journal, which is kept in step with what it writes."""

import os
from collections import Counter
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from afterword.base.errors import JournalMissing
from afterword.store.engine.connection import IDS_A_BLOCK, Connection, Row

USED_WITHIN = 86_400.0
"""Seconds in which a block of ids is used: so ids rise with time, but for a day."""

PARTS = 16
"""Of each sum, so that processes add to it beside each other. With more processes some wait for others."""

JournalAddress = Path | str
"""Where a send journal is: a file, or the address of a PostgreSQL database."""


class Transaction:
    """One transaction. Nothing it writes is durable until `Database.write` has returned.

    Its statements are those of `connection.Connection`. `lines` are for the send journal, and not written yet;
    `notes` are lines for it that wait for the commit. `announces` is whether something may be due soon. `sums` are
    what is added to rows at the end.
    """

    def __init__(self, connection: Connection, keeper: "Keeper | None" = None) -> None:
        self.rows = connection.rows
        self.run = connection.run
        self.rows_each = connection.rows_each
        self.rows_by_id = connection.rows_by_id
        self.run_by_id = connection.run_by_id
        self.insert = connection.insert
        self.exclude_others = connection.exclude_others
        self.next_review_number = connection.next_review_number
        self.refuse_if_partial = connection.refuse_if_partial
        self.beside = connection.beside
        self.keeper = keeper or Keeper()
        self.lines: list[str] = []
        self.notes: dict[object, str] = {}
        self.announces = False
        self.sums: Counter[tuple[str, Row]] = Counter()
        self._part = 0 if connection.dialect == "sqlite" else os.getpid() % PARTS
        self._next_order_ids = connection.next_order_ids
        self._next_id = self._last_id = 0
        self._ids_until = 0.0

    def new_order_ids(self, count: int) -> list[int]:
        """New ids of orders and messages, unique across all shops, ascending, below 2^53."""
        ids: list[int] = []
        while len(ids) < count:
            if self._next_id == self._last_id or monotonic() > self._ids_until:
                self._next_id, self._ids_until = self._next_order_ids(), monotonic() + USED_WITHIN
                self._last_id = self._next_id + IDS_A_BLOCK
            first, self._next_id = self._next_id, min(self._last_id, self._next_id + count - len(ids))
            ids += range(first, self._next_id)
        return ids

    @property
    def has_journal(self) -> bool:
        """False if the database has lost its send journal."""
        return self.keeper.has_journal

    def journal(self, line: str) -> None:
        """Adds a line to the send journal; it is durable before the transaction commits. Raises JournalMissing."""
        if not self.has_journal:
            raise JournalMissing("the send journal of this database is missing or cannot be reached")
        self.lines.append(line)

    def note(self, key: object, line: str) -> None:
        """Leaves a line for the send journal, of each key the last one, which is written once this has committed: the
        journal never has what the database may not have. It fails nothing, and waits for a journal that is missing.
        """
        self.notes[key] = line

    def announce(self) -> None:
        """Something is due soon that those who dispatch may not expect: they learn of it once this has committed."""
        self.announces = True

    def add(self, name: str, key: Row, amount: int) -> None:
        """Adds to a row that many transactions change, by the INSERT of that name, which takes the key, whose first
        value is a shop's, a part and the amount."""
        self.sums[name, key] += amount

    def write_sums(self) -> None:
        """Writes what was added: the last that a transaction does, in the order in which all do it, so that none
        waits for one that waits for it."""
        rows = [
            (name, (*key, self._part, amount)) for (name, key), amount in sorted(self.sums.items()) if amount
        ]
        for (name, _), alike in groupby(rows, lambda row: (row[0], row[1][0])):
            self.insert(name, [values for _, values in alike])
        self.sums.clear()

    def forget(self) -> None:
        """Resets after a rollback, which may have released the block of ids."""
        self._next_id = self._last_id = 0
        self.announces = False
        self.sums.clear()
        self.lines.clear()
        self.notes.clear()


class Keeper:
    """Keeps a database and its send journal in step. This one has no journal, for connections that never write to it.

    Every method is called while the database's write lock is held; that orders the journal's lines.
    """

    @property
    def has_journal(self) -> bool:
        """Whether the database's journal is open."""
        return False

    def open(self, tx: Transaction) -> None:
        """Opens the database's journal, and applies the lines that the database does not know."""

    def start_new_journal(self, tx: Transaction) -> None:
        """Starts a new journal, after the operator has accepted that the old one is lost."""

    def write(self, tx: Transaction) -> bool:
        """Makes the transaction's lines durable; its COMMIT must follow. Returns whether there were any.

        Raises JournalAhead, JournalMissing.
        """
        return False

    def catch_up(self, tx: Transaction) -> None:
        """Applies the lines that the database does not know. Raises JournalMissing."""

    def committed(self) -> None:
        """Reports that the commit for the lines just written, if any, has happened."""

    def failed(self) -> None:
        """Reports that the commit for the lines just written, if any, did not happen."""

    def take_notes(self, tx: Transaction) -> bool:
        """Takes over what a transaction that has committed leaves to note. Returns whether there is anything new."""
        tx.notes.clear()
        return False

    def write_notes(self, tx: Transaction) -> None:
        """Makes lines of all notes that were taken. Raises JournalMissing."""

    def forget_notes(self) -> None:
        """The notes are in the journal."""

    def close(self) -> None:
        """Closes the journal."""


class SendJournal(NamedTuple):
    """Where a send journal is. `keeper` makes a keeper of it; each connection that writes to the journal needs its
    own."""

    address: JournalAddress
    keeper: Callable[[], Keeper]
