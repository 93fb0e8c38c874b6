"""Opens the database and the send journal from the settings."""

from pathlib import Path
from typing import TYPE_CHECKING

from afterword.base.errors import SettingsError, StoreUnavailable
from afterword.base.metrics import Metrics
from afterword.base.secret import PUT_BACK
from afterword.base.settings import Settings
from afterword.store.engine.database import Database
from afterword.store.engine.transaction import JournalAddress, Transaction
from afterword.store.journal.journal import HEADER_SIZE
from afterword.store.journal.place import journal_place, send_journal
from afterword.store.queries import query

if TYPE_CHECKING:
    from afterword.store.engine.postgres.database import PostgresDatabase
    from afterword.store.engine.sqlite import SqliteDatabase


def open_database(settings: Settings, *, apart: bool = False, metrics: Metrics | None = None) -> Database:
    """Opens and migrates the database. `apart` and `metrics`: see Database.

    Raises SettingsError, SchemaTooNew, StoreUnavailable.
    """
    path = settings.database_path
    if path is None:
        return open_postgres(settings.database, settings.journal, apart=apart, metrics=metrics)
    _refuse_lost(path, settings)
    return open_sqlite(path, settings.journal, apart=apart, metrics=metrics)


def _refuse_lost(path: Path, settings: Settings) -> None:
    """An empty database beside a journal with lines would answer 401 to every shop, and shops do not come again."""
    if path.exists():
        return
    try:
        found = journal_place(settings.journal).find()
    except (OSError, StoreUnavailable):
        return  # opening says so
    if found is not None:
        has_lines = found.size() > HEADER_SIZE
        found.close()
        if has_lines:
            raise SettingsError(
                f"{path} is missing, though its send journal, {settings.journal_name}, is there: put the database or "
                "a backup of it back, or correct AFTERWORD_DATABASE. To begin with an empty database, move the "
                "journal away"
            )


def link_secret(settings: Settings, database: Database) -> str:
    """`settings.link_secret()`, which makes a new secret only for a database that has used none yet.

    Raises SettingsError.
    """
    path = settings.secret_path
    is_lost = settings.secret is None and not path.exists() and database.read_now(_has_used_secret)
    if is_lost and not path.exists():  # a process that started at the same time may have made it and used it
        raise SettingsError(
            f"{path} is missing, and no AFTERWORD_SECRET is set, though {database.name} has sent e-mails or taken "
            f"reviews with a secret: {PUT_BACK}"
        )
    return settings.link_secret()


def _has_used_secret(tx: Transaction) -> bool:
    """Whether e-mails were sent, with links, or reviews are in the chain."""
    has_sent = any(position > HEADER_SIZE for _, position in tx.rows(query("any_journal")))
    return has_sent or bool(tx.rows(query("any_entry")))


def unverified_servers(settings: Settings) -> list[tuple[str, str]]:
    """The settings that name a PostgreSQL server on another machine and an `sslmode` that does not verify it, with
    that mode. Raises SettingsError."""
    urls = {
        "AFTERWORD_DATABASE": settings.database if settings.database_path is None else None,
        "AFTERWORD_JOURNAL": settings.journal if isinstance(settings.journal, str) else None,
    }
    if not any(urls.values()):
        return []
    from afterword.store.engine.postgres.address import read_address
    from afterword.store.engine.postgres.tls import unverified

    modes = [(name, unverified(read_address(url))) for name, url in urls.items() if url]
    return [(name, mode) for name, mode in modes if mode]


# Each engine is imported when it is opened: SQLite does not load psycopg, nor PostgreSQL apsw.


def open_sqlite(
    path: Path, journal: JournalAddress, *, apart: bool = False, metrics: Metrics | None = None
) -> "SqliteDatabase":
    from afterword.store.engine.sqlite import SqliteDatabase

    return SqliteDatabase(path, send_journal(journal), apart=apart, metrics=metrics)


def open_postgres(
    url: str, journal: JournalAddress, *, apart: bool = False, metrics: Metrics | None = None
) -> "PostgresDatabase":
    from afterword.store.engine.postgres.database import PostgresDatabase

    return PostgresDatabase(url, send_journal(journal), apart=apart, metrics=metrics)
