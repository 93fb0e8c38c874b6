"""Opens the database that the settings name."""

from afterword.base.metrics import Metrics
from afterword.base.settings import Settings
from afterword.store.engine_database import EngineDatabase


def open_database(
    settings: Settings, *, apart: bool = False, metrics: Metrics | None = None
) -> EngineDatabase:
    """The database, migrated; for the rest see there. Raises SettingsError, SchemaTooNew, StoreUnavailable."""
    path = settings.database_path
    if path is None:
        # Imported here: whoever keeps a SQLite file need not wait for psycopg, nor the other way round.
        from afterword.store.postgres import PostgresDatabase

        return PostgresDatabase(settings.database, settings.journal, apart=apart, metrics=metrics)
    from afterword.store.sqlite import SqliteDatabase

    return SqliteDatabase(path, settings.journal, apart=apart, metrics=metrics)
