"""A transaction on a connection of any engine."""

from afterword.base.errors import JournalMissing
from afterword.store.engine.connection import IDS_A_BLOCK, Connection
from afterword.store.engine.database import Keeper


class OpenTransaction:
    """See `database.Transaction`."""

    def __init__(self, connection: Connection, keeper: Keeper | None = None) -> None:
        self.rows = connection.rows
        self.run = connection.run
        self.rows_each = connection.rows_each
        self.rows_by_id = connection.rows_by_id
        self.run_by_id = connection.run_by_id
        self.insert = connection.insert
        self.exclude_others = connection.exclude_others
        self._next_order_ids = connection.next_order_ids
        self._keeper = keeper
        self._next_id = self._last_id = 0
        self.has_journal = False
        self.lines: list[str] = []

    def new_order_ids(self, count: int) -> list[int]:
        ids: list[int] = []
        while len(ids) < count:
            if self._next_id == self._last_id:
                self._next_id = self._next_order_ids()
                self._last_id = self._next_id + IDS_A_BLOCK
            first, self._next_id = self._next_id, min(self._last_id, self._next_id + count - len(ids))
            ids += range(first, self._next_id)
        return ids

    def journal(self, line: str) -> None:
        if not self.has_journal:
            raise JournalMissing("the send journal of this database is missing or cannot be reached")
        self.lines.append(line)

    def open_journal(self) -> None:
        """See `Keeper.open`."""
        if self._keeper is not None:
            self._keeper.open(self)

    def accept_journal_loss(self) -> None:
        """See `Keeper.start_new_journal`."""
        if self._keeper is not None:
            self._keeper.start_new_journal(self)

    def forget(self) -> None:
        """Resets after a rollback, which may have released the block of ids."""
        self._next_id = self._last_id = 0
        self.lines.clear()
