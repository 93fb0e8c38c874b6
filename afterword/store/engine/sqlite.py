"""SQLite, and what only a database file can do."""

from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import apsw

from afterword.base.metrics import Metrics
from afterword.store.engine.connection import translated_errors
from afterword.store.engine.database import Database
from afterword.store.engine.sqlite_connection import BUSY_FOR, SqliteConnection
from afterword.store.engine.transaction import SendJournal

MOST_REWRITTEN = 256 * 2**20
"""Bytes of the largest file that is rewritten after an erasure: writers wait for as long as that takes."""


class SqliteDatabase(Database):
    """Several processes may open the same file; each waits for the others' commits."""

    def __init__(
        self, path: Path, journal: SendJournal, *, apart: bool = False, metrics: Metrics | None = None
    ) -> None:
        super().__init__(partial(SqliteConnection, path), str(path), journal, apart=apart, metrics=metrics)
        self.path = path

    def backup(self, target: Path, progress: Callable[[int, int], None]) -> None:
        """Makes a consistent copy while the database is in use; `progress` gets the pages copied and the total.

        Raises StoreUnavailable.
        """
        # One snapshot for the whole copy, on its own connection: otherwise each commit by another process would
        # restart the copy.
        with (
            closing(SqliteConnection(self.path)) as reading,
            closing(apsw.Connection(str(target))) as copy,
            translated_errors(reading),
        ):
            reading.raw.execute("BEGIN; SELECT count(*) FROM schema_versions").fetchall()
            with copy.backup("main", reading.raw, "main") as backup:
                while not backup.done:
                    backup.step(1_000)
                    progress(backup.page_count - backup.remaining, backup.page_count)
            copy.execute("PRAGMA journal_mode = DELETE")

    def scrub(self) -> str | None:
        """Rewrites the file, since SQLite leaves a few copies of rows that it has moved in unused parts of its pages,
        and empties the log."""
        with closing(SqliteConnection(self.path)) as connection, translated_errors(connection):
            connection.raw.set_busy_timeout(int(BUSY_FOR * 1_000))
            is_small = self.path.stat().st_size <= MOST_REWRITTEN
            if is_small:
                connection.run("PRAGMA temp_store = FILE")
                connection.run("VACUUM")
            [(is_busy, *_)] = connection.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        if is_busy:
            return (
                f"Another process is reading, so {self.path}-wal keeps it until Afterword is started again."
            )
        if not is_small:
            return f"{self.path} is large: a copy may be left in its unused parts until VACUUM rewrites it."
        return None

    def check(self) -> list[str]:
        """Reads the whole file."""
        found = [text for (text,) in self.read_now(lambda tx: tx.rows("PRAGMA quick_check(5)"))]
        return [] if found == ["ok"] else found
