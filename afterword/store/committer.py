"""Runs what is to be written, many at a time, in one transaction with one fsync.

Guarantee 1 is kept here: results are given out after COMMIT, which with `synchronous=FULL` is after the fsync.
"""

import time
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

import apsw

from afterword.store.connection import BUSY_FOR, UNAVAILABLE, connect, unavailable
from afterword.store.database import Transaction
from afterword.store.keeper import JournalKeeper
from afterword.store.migrate import migrate
from afterword.store.transaction import SqliteTransaction

T = TypeVar("T")


Call = tuple[Callable[[Any, list[Any]], Sequence[Any]], Any]
"""A write that waits, as work and item: `work(tx, [item, …])` answers for each item, in order."""


def each(tx: Transaction, works: list[Callable[[Transaction], Any]]) -> list[Any]:
    """The work of a call whose item is itself what is to be done."""
    return [work(tx) for work in works]


class Committer:
    """The one writing connection of a process. Not for two threads at once."""

    def __init__(self, path: Path, journal: Path) -> None:
        """Opens the file and the journal, migrated. Raises StoreUnavailable, SchemaTooNew."""
        self.connection = connect(path)
        self._keeper = JournalKeeper(journal)
        self._tx = SqliteTransaction(self.connection, self._keeper)
        try:
            self.migrated = self.commit_alone(migrate)
            self.commit_alone(lambda _: self._keeper.open(self._tx))
        except BaseException:
            self.close()
            raise

    @property
    def is_held(self) -> bool:
        """See `Database.is_held`."""
        return not self._keeper.is_kept

    def commit(self, calls: Sequence[Call]) -> list[Any]:
        """The result of each call, or the exception that it raised. One that fails does not fail its neighbours."""
        try:
            return self._commit_together(calls)
        except Exception as error:
            if len(calls) == 1 or isinstance(error, apsw.BusyError):
                return [unavailable(error)] * len(calls)
        return [self.commit([call])[0] for call in calls]

    def commit_alone(self, work: Callable[[Transaction], T]) -> T:
        """One write by itself, with what it raises."""
        try:
            return self._commit_together([(each, work)])[0]  # type: ignore[no-any-return]
        except UNAVAILABLE as error:
            raise unavailable(error) from error

    def _commit_together(self, calls: Sequence[Call]) -> list[Any]:
        self._begin()
        try:
            results: list[Any] = []
            for work, group in groupby(calls, itemgetter(0)):
                results += work(self._tx, [item for _, item in group])
            self._commit()
        except BaseException:
            self._undo()
            raise
        return results

    def _begin(self) -> None:
        deadline = time.monotonic() + BUSY_FOR
        while True:
            try:
                self.connection.execute("BEGIN IMMEDIATE")
                break
            except apsw.BusyError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.0005)
        self._tx.has_journal = self._keeper.is_kept

    def _commit(self) -> None:
        """The journal first, then the rows: what the database knows, the journal knows (guarantee 9)."""
        try:
            self._keeper.write(self._tx)
            self.connection.execute("COMMIT")
        except Exception:
            self._keeper.failed()
            raise

    def _undo(self) -> None:
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        self._tx.forget()

    def close(self) -> None:
        self.connection.close()
        self._keeper.close()
