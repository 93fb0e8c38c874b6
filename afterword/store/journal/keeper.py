"""Keeps the database and the send journal in step: tracks which lines the database has applied, and handles a
mismatch of the two (guarantee 9)."""

import secrets
from collections.abc import Callable

from afterword.base.errors import JournalAhead, JournalMissing, StoreUnavailable
from afterword.base.log import log_for
from afterword.store.engine.connection import Connection, Row
from afterword.store.engine.transaction import Keeper, Transaction
from afterword.store.journal.journal import HEADER_SIZE, Journal, JournalPlace, events
from afterword.store.journal.replay import lines_for_new_journal, replay
from afterword.store.queries import query

log = log_for("store")


class JournalKeeper(Keeper):
    """Of the journal at a place."""

    def __init__(self, place: JournalPlace) -> None:
        self._place = place
        self._journal: Journal | None = None
        self._begun: int | None = None
        self._void = 0
        self._is_changed_within = self._is_appended = False
        self._beside: Connection | None = None
        self._notes: dict[object, str] = {}

    @property
    def has_journal(self) -> bool:
        return self._journal is not None

    def open(self, tx: Transaction) -> None:
        """See `Keeper`.

        A database that has never sent gets a new journal if there is none. If a database that has sent finds no
        journal, that of another database, or a shorter one, sending is paused until `start_new_journal`. Sending is
        also paused while the journal's server does not answer, or its file cannot be read and written; orders are
        still accepted. Raises OSError when a new database cannot have a journal there.
        """
        tx.exclude_others()
        known: dict[str, int] = dict(tx.rows(query("any_journal")))
        try:
            found = self._place.find()
            if found is None and max(known.values(), default=HEADER_SIZE) <= HEADER_SIZE:
                found, known = self._place.create(secrets.token_hex(16)), {}
        except (OSError, StoreUnavailable) as error:
            if isinstance(error, OSError) and not known:
                raise
            return
        if found is not None and not known:
            self._adopt(tx, found)
        elif found is not None and found.identity in known and found.size() >= known[found.identity]:
            self._journal = found
        elif found is not None:
            found.close()
        self.catch_up(tx)

    def start_new_journal(self, tx: Transaction) -> None:
        """Suppressions and heads are copied to the new journal. Messages being sent become `in_doubt`: only the lost
        journal knew whether their DATA had begun."""
        if self._journal is None:
            tx.exclude_others()
            self._adopt(tx, self._place.find() or self._place.create(secrets.token_hex(16)))
            self.catch_up(tx)
            for line in lines_for_new_journal(tx):
                tx.journal(line)
            reason = {"reason": "the send journal was lost while it was in hand"}
            for shop_id, message_id in tx.rows(query("in_hand")):
                tx.run(query("doubt_in_hand"), {"shop_id": shop_id, "message_id": message_id} | reason)

    def _adopt(self, tx: Transaction, journal: Journal) -> None:
        self._is_changed_within = True
        tx.run(query("forget_journals"))
        tx.run(query("insert_journal"), {"journal": journal.identity, "position": HEADER_SIZE})
        self._journal = journal

    def write(self, tx: Transaction) -> bool:
        """See `Keeper`. Stores the journal's new end in the transaction, or on a cluster in one beside it, which
        is committed after it; transactions with lines wait for each other.

        Raises JournalAhead if the journal has lines that this database has not applied, since the rows that the
        transaction has read may be outdated.
        """
        self._is_appended = False
        self._begun = None
        if not tx.lines or self._journal is None:
            return False
        journal, added = self._journal, sum(len(line) + 1 for line in tx.lines)
        extended = self._place_to_extend(tx)(
            query("extend_journal"), {"journal": journal.identity, "added": added}
        )
        position = self._known(journal, [end - added for (end,) in extended])
        self._begun = position
        try:
            journal.append(tx.lines, position)
        except JournalAhead:
            self._begun = None
            raise
        self._is_appended = True
        tx.lines.clear()
        return self._beside is None

    def _place_to_extend(self, tx: Transaction) -> Callable[..., list[Row]]:
        if self._is_changed_within or (beside := tx.beside()) is None:
            return tx.rows
        self._beside = beside  # first: one that cannot begin is rolled back, and connects again
        beside.begin()
        return beside.rows

    def catch_up(self, tx: Transaction) -> None:
        """The commits of these lines failed, or were lost when a backup was restored. Raises JournalMissing if
        another journal has replaced this one."""
        journal = self._journal
        if journal is None:
            return
        self._is_changed_within = True
        known = tx.rows(query("journal_position"), {"journal": journal.identity})
        position = self._known(journal, [end for (end,) in known])
        if journal.size() > position:
            journal.heal()
            if position != self._void:
                replay(tx, events(journal.lines_from(position)))
            values = {"journal": journal.identity, "position": journal.size()}
            tx.run(query("advance_journal"), values)

    def _known(self, journal: Journal, positions: list[int]) -> int:
        """The position up to which the database has applied the journal, whose row is locked. Raises
        JournalMissing."""
        if positions and journal.is_in_place() and journal.size() >= positions[0]:
            return positions[0]
        self._journal = None
        journal.close()
        raise JournalMissing(
            "the send journal was removed, cut or replaced by another one, or by a newer copy"
        )

    def committed(self) -> None:
        """What is beside the transaction is stored, too. If that fails, its lines are applied once more."""
        self._is_changed_within = False
        self._end_beside(is_stored=True)

    def failed(self) -> None:
        """No message was sent for the lines just written. That is certain only if these lines directly follow the
        database's position.

        On a cluster no other process is to apply them: that may not be possible while a node does not answer.
        """
        self._is_changed_within = False
        if self._begun is not None:
            self._void = self._begun
        self._end_beside(is_stored=self._is_appended)

    def _end_beside(self, *, is_stored: bool) -> None:
        beside, self._beside = self._beside, None
        if beside is None:
            return
        try:
            if is_stored:
                beside.commit()
                return
        except Exception:
            log.exception("end of the journal not stored")
        beside.rollback()

    def take_notes(self, tx: Transaction) -> bool:
        has_new = bool(tx.notes)
        if has_new:
            self._notes |= tx.notes
            tx.notes.clear()
        return has_new

    def write_notes(self, tx: Transaction) -> None:
        for line in self._notes.values():
            tx.journal(line)

    def forget_notes(self) -> None:
        self._notes.clear()

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()
