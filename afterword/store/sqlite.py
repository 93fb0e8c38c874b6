"""SQLite through apsw: one writer, and one reading connection beside it."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar, cast

import apsw

from afterword.store.committer import Committer, each
from afterword.store.connection import UNAVAILABLE, connect, unavailable
from afterword.store.database import Transaction
from afterword.store.transaction import SqliteTransaction
from afterword.store.writer import Writer, WriterThread
from afterword.store.writer_process import WriterProcess

T = TypeVar("T")
A = TypeVar("A")


class SqliteDatabase:
    """See `database.Database`. Two processes may open the same file; each waits for the other's commit.

    With `apart`, what is written is committed by a process of its own (see `writer_process`); this must then be the
    first database that the process opens.
    """

    def __init__(self, path: Path, journal: Path, *, apart: bool = False) -> None:
        self.path = path
        self._writer: Writer
        if apart:
            process = WriterProcess(path, journal)
            self._writer, self.migrated = process, process.migrated
        else:
            committer = Committer(path, journal)
            self._writer, self.migrated = WriterThread(committer), committer.migrated
        self._reading = connect(path)
        self._snapshot = SqliteTransaction(self._reading)

    async def write(self, work: Callable[[Transaction], T]) -> T:
        result: T = await self._writer.put((each, work))
        return result

    def write_together(
        self, work: Callable[[Transaction, list[A]], Sequence[T | Exception]], item: A
    ) -> asyncio.Future[T]:
        return self._writer.put((work, item))

    def write_now(self, work: Callable[[Transaction], T]) -> T:
        return self._writer.put_now(work)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        return self.read_now(work)

    def read_now(self, work: Callable[[Transaction], T]) -> T:
        try:
            return work(self._snapshot)
        except UNAVAILABLE as error:
            raise unavailable(error) from error

    @property
    def is_held(self) -> bool:
        return self._writer.is_held

    async def until_lost(self) -> None:
        await self._writer.until_lost()

    async def look_for_journal(self) -> None:
        await self.write(_open_journal)

    def accept_journal_loss(self) -> None:
        """The operator's word that what is due may be sent although the journal is gone."""
        self.write_now(_accept_journal_loss)

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
        self.close_now()

    def close_now(self) -> None:
        """`close` without an event loop."""
        self._writer.close()
        self._reading.close()


def _open_journal(tx: Transaction) -> None:
    cast(SqliteTransaction, tx).open_journal()


def _accept_journal_loss(tx: Transaction) -> None:
    cast(SqliteTransaction, tx).accept_journal_loss()
