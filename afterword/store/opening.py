"""Opens the database that the settings name."""

from afterword.base.settings import Settings
from afterword.store.sqlite import SqliteDatabase


def open_database(settings: Settings, *, apart: bool = False) -> SqliteDatabase:
    """The database, migrated; for `apart` see there. Raises SettingsError, SchemaTooNew, StoreUnavailable."""
    return SqliteDatabase(settings.database_path, settings.journal, apart=apart)
