"""Opens the database and the send journal from the settings."""

from pathlib import Path
from typing import TYPE_CHECKING

from afterword.base.metrics import Metrics
from afterword.base.settings import Settings
from afterword.store.engine.database import Database
from afterword.store.engine.transaction import JournalAddress
from afterword.store.journal.place import send_journal

if TYPE_CHECKING:
    from afterword.store.engine.postgres import PostgresDatabase
    from afterword.store.engine.sqlite import SqliteDatabase


def open_database(settings: Settings, *, apart: bool = False, metrics: Metrics | None = None) -> Database:
    """Opens and migrates the database. `apart` and `metrics`: see Database.

    Raises SettingsError, SchemaTooNew, StoreUnavailable.
    """
    path = settings.database_path
    if path is None:
        return open_postgres(settings.database, settings.journal, apart=apart, metrics=metrics)
    return open_sqlite(path, settings.journal, apart=apart, metrics=metrics)


# Each engine is imported when it is opened: SQLite does not load psycopg, nor PostgreSQL apsw.


def open_sqlite(
    path: Path, journal: JournalAddress, *, apart: bool = False, metrics: Metrics | None = None
) -> "SqliteDatabase":
    from afterword.store.engine.sqlite import SqliteDatabase

    return SqliteDatabase(path, send_journal(journal), apart=apart, metrics=metrics)


def open_postgres(
    url: str, journal: JournalAddress, *, apart: bool = False, metrics: Metrics | None = None
) -> "PostgresDatabase":
    from afterword.store.engine.postgres import PostgresDatabase

    return PostgresDatabase(url, send_journal(journal), apart=apart, metrics=metrics)
