"""Keeps the database and the send journal in step: which lines the database knows, and what to do when the two
do not fit together (guarantee 9)."""

from typing import Protocol

from afterword.base.ids import new_journal_identity
from afterword.store.database import StoreUnavailable, Transaction
from afterword.store.journal import HEADER_SIZE, Journal, JournalMissing, JournalPlace, events
from afterword.store.queries import query
from afterword.store.replay import journal_lines_of_suppressions, replay


class JournaledTransaction(Transaction, Protocol):
    """A transaction whose journal lines are not written yet."""

    has_journal: bool
    lines: list[str]


class JournalKeeper:
    """All of it is called while the database's write lock is held: that is what gives the lines their order."""

    def __init__(self, place: JournalPlace | None) -> None:
        """Without a place there is never a journal."""
        self._place = place
        self._journal: Journal | None = None
        self._begun = self._void = 0

    @property
    def is_kept(self) -> bool:
        return self._journal is not None

    def open(self, tx: JournaledTransaction) -> None:
        """Finds the journal that belongs to this database and carries over what it knows better.

        A database that has never sent gets a new journal when there is none. One that has sent and finds
        none, or another's, or a shorter one, stays without: nothing is sent until `start_anew`. So does one whose
        journal is on a server that does not answer, which is no reason not to take orders.
        """
        if self._place is None:
            return
        tx.exclude_others()
        try:
            found = self._place.find()
        except StoreUnavailable:
            return
        known = dict(tx.rows(query("any_journal")))
        if not known or (found is None and max(known.values()) <= HEADER_SIZE):
            self._adopt(tx, found or self._place.create(new_journal_identity()))
        elif found is not None and found.identity in known and found.size() >= known[found.identity]:
            self._journal = found
        elif found is not None:
            found.close()
        if self._journal is not None:
            tx.has_journal = True
            self._read_on(tx, self._journal)

    def start_anew(self, tx: JournaledTransaction) -> None:
        """The operator accepts that the old journal is lost. The suppressions are carried into the new one.

        What was in a courier's hands is in doubt from now on: only the lost journal knew whether DATA began.
        """
        if self._journal is None and self._place is not None:
            tx.exclude_others()
            journal = self._adopt(tx, self._place.find() or self._place.create(new_journal_identity()))
            self._read_on(tx, journal)
            tx.has_journal = True
            for line in journal_lines_of_suppressions(tx):
                tx.journal(line)
            reason = {"reason": "the send journal was lost while it was in hand"}
            for shop_id, order_id in tx.rows(query("in_hand")):
                tx.run(query("doubt_in_hand"), {"shop_id": shop_id, "order_id": order_id} | reason)

    def _adopt(self, tx: Transaction, journal: Journal) -> Journal:
        tx.run(query("forget_journals"))
        tx.run(query("insert_journal"), {"journal": journal.identity, "position": HEADER_SIZE})
        self._journal = journal
        return journal

    def write(self, tx: JournaledTransaction) -> bool:
        """Makes the transaction's lines durable, and where the journal then ends a part of the transaction.

        Its COMMIT must follow, and only then counts. Returns whether there were any: whoever has some waits for it.
        """
        if not tx.lines or self._journal is None:
            return False
        added = sum(len(line) + 1 for line in tx.lines)
        extended = tx.rows(query("extend_journal"), {"journal": self._journal.identity, "added": added})
        position = extended[0][0] - added if extended else None
        self._begun = self._catch_up(tx, self._journal, position)
        if self._begun != position:
            self._advance(tx, self._journal, self._begun + added)
        self._journal.append(tx.lines, self._begun)
        tx.lines.clear()
        return True

    def _read_on(self, tx: Transaction, journal: Journal) -> None:
        """So far that the database knows all of it."""
        found = tx.rows(query("journal_position"), {"journal": journal.identity})
        position = found[0][0] if found else None
        size = self._catch_up(tx, journal, position)
        if size != position:
            self._advance(tx, journal, size)

    def _catch_up(self, tx: Transaction, journal: Journal, position: int | None) -> int:
        """Applies what stands behind the database's position, whose row is locked: lines whose commit did not happen.

        Returns where the journal ends. Raises JournalMissing when another one has taken the place of this one.
        """
        size = journal.size()
        if position is None or size < position:
            self._journal = None
            journal.close()
            raise JournalMissing("another send journal, or a newer copy, has taken the place of this one")
        if size > position:
            journal.heal()
            size = journal.size()
            if position != self._void:
                replay(tx, events(journal.lines_from(position)))
        return size

    def _advance(self, tx: Transaction, journal: Journal, position: int) -> None:
        tx.run(query("advance_journal"), {"journal": journal.identity, "position": position})

    def failed(self) -> None:
        """The lines just written belong to a commit that did not happen, and nobody acted on them.

        Only where nothing else stands between the database's position and them is that known for certain.
        """
        self._void = self._begun

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()
