"""Connections to a SQLite file, and what can go wrong with it, in the words of `database`."""

from pathlib import Path

import apsw

from afterword.store.database import StoreUnavailable

BUSY_FOR = 10.0
"""Seconds to wait for another process that writes to the same file."""

_STATEMENTS = 512
"""Statements that are kept ready, the most that apsw keeps: inserts alone have a text for each number of rows."""

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


def connect(path: Path) -> apsw.Connection:
    """A connection in WAL mode with `synchronous=FULL`. Raises StoreUnavailable."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return _configured(apsw.Connection(str(path), statementcachesize=_STATEMENTS))
    except UNAVAILABLE as error:
        cause = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise StoreUnavailable(f"{path} cannot be opened as a database: {cause}") from error


def _configured(connection: apsw.Connection) -> apsw.Connection:
    # Otherwise a statement over two tables is prepared anew whenever new values are bound to it.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
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
        connection.execute(f"PRAGMA {pragma}").fetchall()
    connection.set_busy_timeout(0)  # from here on we wait ourselves
    return connection


def unavailable(error: BaseException) -> Exception:
    """The engine's own errors in the words of `database`; any other error as it is."""
    if isinstance(error, UNAVAILABLE):
        return StoreUnavailable(f"the store cannot take this now ({type(error).__name__})")
    return error if isinstance(error, Exception) else StoreUnavailable("the store is stopping")
