"""SQLite through apsw: one writing connection with a thread of its own, one reading connection beside it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import apsw

from afterword.store.database import StoreUnavailable, Transaction
from afterword.store.keeper import JournaledTransaction, JournalKeeper
from afterword.store.migrate import migrate
from afterword.store.transaction import SqliteTransaction
from afterword.store.writer import BUSY_FOR, UNAVAILABLE, Writer, unavailable

T = TypeVar("T")
A = TypeVar("A")


class SqliteDatabase:
    """See `database.Database`. Two processes may open the same file; each waits for the other's commit."""

    def __init__(self, path: Path, journal: Path) -> None:
        self.path = path
        self._writing = _connect(path)
        self._reading = _connect(path)
        self._snapshot = SqliteTransaction(self._reading)
        self._keeper = JournalKeeper(journal)
        self._writer = Writer(self._writing, self._keeper)
        self.migrated = self.write_now(migrate)
        self.write_now(self._open_journal)

    async def write(self, work: Callable[[Transaction], T]) -> T:
        return await self._writer.put(lambda tx, _: [work(tx)], None)

    async def write_together(self, work: Callable[[Transaction, list[A]], list[T]], item: A) -> T:
        return await self._writer.put(work, item)

    def write_now(self, work: Callable[[Transaction], T]) -> T:
        return self._writer.write_alone(work)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        return self.read_now(work)

    def read_now(self, work: Callable[[Transaction], T]) -> T:
        try:
            return work(self._snapshot)
        except UNAVAILABLE as error:
            raise unavailable(error) from error

    def version(self) -> int:
        number: int = self._snapshot.rows("PRAGMA data_version")[0][0]
        return number

    @property
    def is_held(self) -> bool:
        return not self._keeper.is_kept

    async def look_for_journal(self) -> None:
        await self.write(self._open_journal)

    def _open_journal(self, tx: Transaction) -> None:
        self._keeper.open(cast(JournaledTransaction, tx))

    def accept_journal_loss(self) -> None:
        """The operator's word that what is due may be sent although the journal is gone."""
        self.write_now(lambda tx: self._keeper.start_anew(cast(JournaledTransaction, tx)))

    def backup(self, target: Path, progress: Callable[[int, int], None]) -> None:
        """A consistent copy while everything goes on; `progress` is told pages done and pages in all."""
        copy = apsw.Connection(str(target))
        # One snapshot for the whole copy: without it each commit by another process would start it anew.
        self._reading.execute("BEGIN; SELECT count(*) FROM schema_versions").fetchall()
        try:
            with copy.backup("main", self._reading, "main") as backup:
                while not backup.done:
                    backup.step(1_000)
                    progress(backup.page_count - backup.remaining, backup.page_count)
            copy.execute("PRAGMA journal_mode = DELETE")
        except UNAVAILABLE as error:
            raise unavailable(error) from error
        finally:
            self._reading.execute("COMMIT")
            copy.close()

    def check(self) -> list[str]:
        """What is wrong with the file, in SQLite's words; empty when it is whole. Reads all of it."""
        found = [text for (text,) in self.read_now(lambda tx: tx.rows("PRAGMA quick_check(5)"))]
        return [] if found == ["ok"] else found

    async def close(self) -> None:
        await asyncio.to_thread(self.close_now)

    def close_now(self) -> None:
        """`close` without an event loop."""
        self._writer.close()
        self._reading.close()
        self._writing.close()
        self._keeper.close()


def _connect(path: Path) -> apsw.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return _configured(apsw.Connection(str(path)))
    except UNAVAILABLE as error:
        raise StoreUnavailable(f"{path} cannot be opened as a database: {_cause(error)}") from error


def _cause(error: BaseException) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _configured(connection: apsw.Connection) -> apsw.Connection:
    connection.set_busy_timeout(int(BUSY_FOR * 1_000))
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "fullfsync = ON",
        "checkpoint_fullfsync = ON",
        "cache_size = -65536",
        "wal_autocheckpoint = 4000",
        "journal_size_limit = 67108864",
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")
    connection.set_busy_timeout(0)
    return connection
