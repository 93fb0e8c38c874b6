"""Keeps the database and the send journal in step: which lines the database knows, and what to do when the two
do not fit together (guarantee 9)."""

from pathlib import Path
from typing import Protocol

from afterword.store.database import Transaction
from afterword.store.journal import HEADER_SIZE, Journal, JournalMissing
from afterword.store.queries import query
from afterword.store.replay import journal_lines_of_suppressions, replay


class JournaledTransaction(Transaction, Protocol):
    """A transaction whose journal lines are not written yet."""

    has_journal: bool
    lines: list[str]


class JournalKeeper:
    """All of it is called while the database's write lock is held: that is what gives the lines their order."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._journal: Journal | None = None
        self._begun = self._void = 0

    @property
    def is_kept(self) -> bool:
        return self._journal is not None

    def open(self, tx: JournaledTransaction) -> None:
        """Finds the journal that belongs to this database and carries over what it knows better.

        A database that has never sent gets a new journal when there is none. One that has sent and finds
        none, or another's, or a shorter one, stays without: nothing is sent until `start_anew`.
        """
        tx.exclude_others()
        found = Journal.open(self._path)
        known = dict(tx.rows(query("any_journal")))
        if not known or (found is None and max(known.values()) <= HEADER_SIZE):
            self._adopt(tx, found or Journal.create(self._path))
        elif found is not None and found.identity in known and found.size() >= known[found.identity]:
            self._journal = found
        elif found is not None:
            found.close()
        if self._journal is not None:
            tx.has_journal = True
            self._catch_up(tx, self._journal)

    def start_anew(self, tx: JournaledTransaction) -> None:
        """The operator accepts that the old journal is lost. The suppressions are carried into the new one.

        What was in a courier's hands is in doubt from now on: only the lost journal knew whether DATA began.
        """
        if self._journal is None:
            tx.exclude_others()
            found = Journal.open(self._path)
            journal = self._adopt(tx, found or Journal.create(self._path))
            self._catch_up(tx, journal)
            tx.has_journal = True
            for line in journal_lines_of_suppressions(tx):
                tx.journal(line)
            tx.run(query("doubt_all_in_hand"), {"reason": "the send journal was lost while it was in hand"})

    def _adopt(self, tx: Transaction, journal: Journal) -> Journal:
        tx.run(query("forget_journals"))
        tx.run(query("insert_journal"), {"journal": journal.identity, "position": HEADER_SIZE})
        self._journal = journal
        return journal

    def write(self, tx: JournaledTransaction) -> None:
        """Makes the transaction's lines durable, and where the journal then ends a part of the transaction.

        Its COMMIT must follow, and only then counts.
        """
        if tx.lines and self._journal is not None:
            self._catch_up(tx, self._journal)
            self._begun = self._journal.size()
            end = self._begun + sum(len(line) + 1 for line in tx.lines)
            tx.run(query("advance_journal"), {"journal": self._journal.identity, "position": end})
            self._journal.append(tx.lines)
            tx.lines.clear()

    def _catch_up(self, tx: Transaction, journal: Journal) -> None:
        """Applies what stands behind the database's position: lines whose commit did not happen.

        Raises JournalMissing when another journal has taken the place of this one meanwhile.
        """
        found = tx.rows(query("journal_position"), {"journal": journal.identity})
        if not found:
            self._journal = None
            journal.close()
            raise JournalMissing("another send journal has taken the place of this one")
        position: int = found[0][0]
        if journal.size() != position:
            journal.heal()
            if position != self._void:
                replay(tx, journal.lines_from(position))
            values = {"journal": journal.identity, "position": journal.size()}
            tx.run(query("advance_journal"), values)

    def failed(self) -> None:
        """The lines just written belong to a commit that did not happen, and nobody acted on them.

        Only where nothing else stands between the database's position and them is that known for certain.
        """
        self._void = self._begun

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()
