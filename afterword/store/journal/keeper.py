"""Keeps the database and the send journal in step: which lines the database knows, and what to do when the two
do not fit together (guarantee 9)."""

from afterword.base.errors import JournalAhead, JournalMissing, StoreUnavailable
from afterword.base.ids import new_journal_identity
from afterword.store.engine.database import JournaledTransaction, Transaction
from afterword.store.journal.journal import HEADER_SIZE, Journal, JournalPlace, events
from afterword.store.journal.replay import journal_lines_of_suppressions, replay
from afterword.store.queries import query


class JournalKeeper:
    """See `database.Keeper`."""

    def __init__(self, place: JournalPlace) -> None:
        self._place = place
        self._journal: Journal | None = None
        self._begun: int | None = None
        self._void = 0

    @property
    def is_kept(self) -> bool:
        return self._journal is not None

    def open(self, tx: JournaledTransaction) -> None:
        """Finds the journal that belongs to this database and carries over what it knows better.

        A database that has never sent gets a new journal when there is none. One that has sent and finds
        none, or another's, or a shorter one, stays without: nothing is sent until `start_anew`. So does one whose
        journal is on a server that does not answer, which is no reason not to take orders.
        """
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
            self.catch_up(tx)

    def start_anew(self, tx: JournaledTransaction) -> None:
        """The operator accepts that the old journal is lost. The suppressions are carried into the new one.

        What was in a transport's hands is in doubt from now on: only the lost journal knew whether DATA began.
        """
        if self._journal is None:
            tx.exclude_others()
            self._adopt(tx, self._place.find() or self._place.create(new_journal_identity()))
            self.catch_up(tx)
            tx.has_journal = True
            for line in journal_lines_of_suppressions(tx):
                tx.journal(line)
            reason = {"reason": "the send journal was lost while it was in hand"}
            for shop_id, message_id in tx.rows(query("in_hand")):
                tx.run(query("doubt_in_hand"), {"shop_id": shop_id, "message_id": message_id} | reason)

    def _adopt(self, tx: Transaction, journal: Journal) -> Journal:
        tx.run(query("forget_journals"))
        tx.run(query("insert_journal"), {"journal": journal.identity, "position": HEADER_SIZE})
        self._journal = journal
        return journal

    def write(self, tx: JournaledTransaction) -> bool:
        """Makes the transaction's lines durable, and where the journal then ends a part of the transaction.

        Its COMMIT must follow, and only then counts. Returns whether there were any: whoever has some waits for it.
        Raises JournalAhead when there are lines that this database does not know: what the transaction has found in
        the rows may be wrong.
        """
        self._begun = None
        if not tx.lines or self._journal is None:
            return False
        journal, added = self._journal, sum(len(line) + 1 for line in tx.lines)
        extended = tx.rows(query("extend_journal"), {"journal": journal.identity, "added": added})
        position = self._known(journal, [end - added for (end,) in extended])
        self._begun = position
        try:
            journal.append(tx.lines, position)
        except JournalAhead:
            self._begun = None
            raise
        tx.lines.clear()
        return True

    def catch_up(self, tx: Transaction) -> None:
        """Applies what stands behind the database's position: lines whose commit did not happen, in this life of the
        database or in another. Raises JournalMissing when another journal has taken the place of this one."""
        journal = self._journal
        if journal is None:
            return
        known = tx.rows(query("journal_position"), {"journal": journal.identity})
        position = self._known(journal, [end for (end,) in known])
        if journal.size() > position:
            journal.heal()
            if position != self._void:
                replay(tx, events(journal.lines_from(position)))
            values = {"journal": journal.identity, "position": journal.size()}
            tx.run(query("advance_journal"), values)

    def _known(self, journal: Journal, positions: list[int]) -> int:
        """How far the database knows it; its row of the journal is locked. Raises JournalMissing."""
        if positions and journal.size() >= positions[0]:
            return positions[0]
        self._journal = None
        journal.close()
        raise JournalMissing("another send journal, or a newer copy, has taken the place of this one")

    def failed(self) -> None:
        """The lines just written, if any were, belong to a commit that did not happen, and nobody acted on them.

        Only where nothing else stands between the database's position and them is that known for certain.
        """
        if self._begun is not None:
            self._void = self._begun

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()
