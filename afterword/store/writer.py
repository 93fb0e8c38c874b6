"""The one writer of a SQLite file: a thread that commits what waits, many at a time.

Group commit: whatever came while one transaction was on its way to the disk shares the next one, and its one fsync.
Guarantee 1 is kept here: a write is answered after its COMMIT, which with `synchronous=FULL` is after the fsync.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from itertools import groupby
from operator import attrgetter
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeVar

import apsw

from afterword.store.database import StoreUnavailable, Transaction
from afterword.store.keeper import JournalKeeper
from afterword.store.transaction import SqliteTransaction

T = TypeVar("T")

MOST_IN_A_GROUP = 128
MOST_WAITING = 4_096
"""Writes that may wait for their turn; more than that and the machine cannot keep up."""

BUSY_FOR = 10.0
"""Seconds to wait for another process that writes to the same file."""

UNAVAILABLE = (
    apsw.BusyError,
    apsw.FullError,
    apsw.IOError,
    apsw.CantOpenError,
    apsw.ReadOnlyError,
    apsw.CorruptError,
    apsw.NotADBError,
    OSError,
)


class _Entry(NamedTuple):
    """A write that waits: `work(tx, [item, …])` answers for each item, in order."""

    work: Callable[[Transaction, list[Any]], list[Any]]
    item: Any
    done: asyncio.Future[Any]


class Writer:
    """Its thread starts with the first write from an event loop."""

    def __init__(self, connection: apsw.Connection, keeper: JournalKeeper) -> None:
        self._connection = connection
        self._keeper = keeper
        self._tx = SqliteTransaction(connection)
        self._waiting: SimpleQueue[_Entry | None] = SimpleQueue()
        self._turn = threading.Lock()
        self._thread: threading.Thread | None = None

    async def put(self, work: Callable[[Transaction, list[Any]], list[T]], item: Any) -> T:
        """See `Database.write_together`."""
        if self._waiting.qsize() >= MOST_WAITING:
            raise StoreUnavailable("too many writes are waiting")
        if self._thread is None:
            self._thread = threading.Thread(target=self._write_all, name="writer", daemon=True)
            self._thread.start()
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.put(_Entry(work, item, done))
        return await done

    def _write_all(self) -> None:
        while entries := self._next():
            try:
                self._write(entries)
            except Exception as error:
                self._settle(entries, [unavailable(error)] * len(entries))

    def _next(self) -> list[_Entry]:
        """What waits now, or else the next that comes; nothing when the end has come."""
        entries = []
        entry = self._waiting.get()
        try:
            while entry is not None:
                entries.append(entry)
                if len(entries) == MOST_IN_A_GROUP:
                    break
                entry = self._waiting.get_nowait()
            else:
                if entries:
                    self._waiting.put(None)
        except Empty:
            pass
        return entries

    def _write(self, entries: list[_Entry]) -> None:
        with self._turn:
            self._begin()
            try:
                results = self._run(entries)
            except Exception as error:
                self._undo()
                if len(entries) == 1:
                    self._settle(entries, [unavailable(error)])
                    return
            else:
                self._commit()
                self._settle(entries, results)
                return
        for entry in entries:
            # One of them failed. Each by itself now, so that only that one does.
            try:
                self._write([entry])
            except Exception as error:
                self._settle([entry], [unavailable(error)])

    def _run(self, entries: list[_Entry]) -> list[Any]:
        results: list[Any] = []
        for work, group in groupby(entries, attrgetter("work")):
            results += work(self._tx, [entry.item for entry in group])
        return results

    def write_alone(self, work: Callable[[Transaction], T]) -> T:
        """See `Database.write_now`."""
        with self._turn:
            try:
                self._begin()
                result = work(self._tx)
                self._commit()
            except BaseException as error:
                self._undo()
                if isinstance(error, UNAVAILABLE):
                    raise unavailable(error) from error
                raise
            return result

    def _begin(self) -> None:
        deadline = time.monotonic() + BUSY_FOR
        while True:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
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
            self._connection.execute("COMMIT")
        except Exception:
            self._undo()
            self._keeper.failed()
            raise

    def _undo(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._tx.forget()

    def _settle(self, entries: list[_Entry], results: list[Any]) -> None:
        """Answers those who wait, on their own loop."""
        try:
            entries[0].done.get_loop().call_soon_threadsafe(_answer, entries, results)
        except RuntimeError:
            return  # the loop is closed, and nobody waits any more

    def close(self) -> None:
        """Returns when everything that waits is written."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join()


def _answer(entries: list[_Entry], results: list[Any]) -> None:
    for entry, result in zip(entries, results, strict=True):
        if entry.done.done():
            continue
        if isinstance(result, Exception):
            entry.done.set_exception(result)
        else:
            entry.done.set_result(result)


def unavailable(error: BaseException) -> Exception:
    """The engine's own errors in the words of `database`; any other error as it is."""
    if isinstance(error, UNAVAILABLE):
        return StoreUnavailable(f"the store cannot take this now ({type(error).__name__})")
    return error if isinstance(error, Exception) else StoreUnavailable("the store is stopping")
