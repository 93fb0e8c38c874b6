"""The former name of `database.Database`, until every test uses the new one."""

from afterword.store.engine.database import Database

EngineDatabase = Database
