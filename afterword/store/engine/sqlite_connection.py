"""Connections to a SQLite file through apsw, and their errors."""

import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path

import apsw

from afterword.base.errors import StoreUnavailable
from afterword.base.files import owner_of
from afterword.store.engine.connection import IDS_A_BLOCK, Dialect, Params, Row, Verdict, unusable
from afterword.store.queries import query, query_of_rows

BUSY_FOR = 10.0
"""Seconds to wait for another process that writes to the same file."""

_STATEMENTS = 512
"""Cached prepared statements, the maximum of apsw: inserts have one statement per number of rows."""

ROWS_A_STATEMENT = 125
"""Rows per INSERT. apsw releases the GIL around each statement, and with busy threads reacquiring it costs more than
the row."""

_OURS = re.compile(r"/\* sqlite: (.*?) \*/")

UNAVAILABLE = (
    apsw.BusyError,
    apsw.FullError,
    apsw.IOError,
    apsw.CantOpenError,
    apsw.ReadOnlyError,
    apsw.CorruptError,
    apsw.NotADBError,
)


class SqliteConnection:
    """See `connection.Connection`. In WAL mode with `synchronous=FULL`.

    Opened `alone`, it is the file's only connection, in all processes, until it is closed.
    """

    dialect: Dialect = "sqlite"

    def __init__(self, path: Path, *, alone: bool = False) -> None:
        """Raises StoreUnavailable."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.raw = _configured(apsw.Connection(str(path), statementcachesize=_STATEMENTS), alone)
        except (*UNAVAILABLE, OSError) as error:
            raise StoreUnavailable(f"{path} cannot be opened as a database: {_cause(path, error)}") from error
        self._execute = self.raw.cursor().execute
        self.name = str(path.resolve())

    def rows(self, sql: str, params: Params = ()) -> list[Row]:
        return self._execute(_translated(sql), params).fetchall()

    def run(self, sql: str, params: Params = ()) -> int:
        self._execute(_translated(sql), params)
        return self.raw.changes()

    def next_order_ids(self) -> int:
        return self._count("orders", IDS_A_BLOCK)

    def next_review_number(self) -> int:
        return self._count("reviews", 1)

    def _count(self, name: str, size: int) -> int:
        return int(self.rows(query("next_ids"), {"name": name, "size": size})[0][0]) - size

    def rows_each(self, sql: str, many: Sequence[Params]) -> list[list[Row]]:
        return [self.rows(sql, params) for params in many]

    def rows_by_id(self, sql: str, many: Sequence[Params]) -> list[Row]:
        return [self.rows(sql, params)[0] for params in many]

    def run_by_id(self, sql: str, many: Sequence[Params]) -> list[bool]:
        return [self.run(sql, params) > 0 for params in many]

    def insert(self, name: str, rows: Sequence[Row]) -> int:
        made = 0
        for first in range(0, len(rows), ROWS_A_STATEMENT):
            part = rows[first : first + ROWS_A_STATEMENT]
            made += self.run(query_of_rows(name, len(part)), tuple(chain.from_iterable(part)))
        return made

    def stream(self, sql: str, params: Params = ()) -> Iterator[Row]:
        return self.raw.cursor().execute(sql, params)

    def insert_all(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        placeholders = ", ".join("?" * len(columns))
        sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({placeholders})"  # noqa: S608 (constants)
        self.raw.cursor().executemany(sql, rows)

    def begin(self) -> None:
        deadline = time.monotonic() + BUSY_FOR
        while True:
            try:
                self.raw.execute("BEGIN IMMEDIATE")
                return
            except apsw.BusyError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.0005)

    def exclude_others(self) -> None:
        """Does nothing: a writing transaction already excludes all others."""

    def commit(self, *, awaited: bool = False, announced: bool = False) -> None:
        self.raw.execute("COMMIT")

    def rollback(self) -> None:
        if self.raw.in_transaction:
            self.raw.execute("ROLLBACK")

    def node_of(self, shop_id: int | None) -> int | None:
        return None

    def refuse_if_partial(self) -> None:
        """Nothing is elsewhere."""

    def beside(self) -> None:
        return None

    def refusal(self, shop_id: int | None) -> Exception | None:
        return None

    def judge(self, error: Exception) -> Verdict:
        return "none" if isinstance(error, apsw.BusyError | StoreUnavailable) else "apart"

    def unavailable(self, error: Exception) -> Exception:
        if isinstance(error, OSError):  # the send journal
            return unusable(error)
        if isinstance(error, UNAVAILABLE):
            return StoreUnavailable(f"the store cannot take this now ({type(error).__name__})")
        return error

    def close(self) -> None:
        self.raw.close()


def _cause(path: Path, error: Exception) -> str:
    """In the system's words, which are clearer than SQLite's about whose the file is."""
    denied = (apsw.CantOpenError, apsw.ReadOnlyError, PermissionError)
    there = next(each for each in (path, *path.absolute().parents) if os.path.exists(each))  # noqa: PTH110
    if isinstance(error, denied) and not os.access(there, os.R_OK | os.W_OK, effective_ids=True):
        return f"permission denied. Run this as the user that owns it: {owner_of(there)}"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


@lru_cache(maxsize=1_000)
def _translated(sql: str) -> str:
    return _OURS.sub(r"\1", sql)


def _configured(connection: apsw.Connection, alone: bool) -> apsw.Connection:
    # Without this, a statement over two tables is prepared again each time new values are bound to it.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    connection.set_busy_timeout(1_000 if alone else int(BUSY_FOR * 1_000))
    for pragma in (
        # Every other connection holds a shared lock on the file, as long as it is open.
        *(["locking_mode = EXCLUSIVE"] if alone else []),
        "journal_mode = WAL",
        "synchronous = FULL",
        # What is deleted is overwritten: an erased review leaves its file (docs/moderation.md).
        "secure_delete = ON",
        "fullfsync = ON",
        "checkpoint_fullfsync = ON",
        "cache_size = -65536",
        "wal_autocheckpoint = 4000",
        "journal_size_limit = 67108864",
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    connection.set_busy_timeout(0)  # from here on, `begin` waits by itself
    return connection
