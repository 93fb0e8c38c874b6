"""Migrations: numbered SQL files, each applied once, in order, under the database's write lock."""

import re
from importlib import resources

from afterword.base.errors import SchemaTooNew, UnfinishedCopy
from afterword.store.engine.connection import Dialect
from afterword.store.engine.transaction import Transaction

UNFINISHED_COPY = -1
"""Stored among the schema versions until `afterword copy` has completed the database."""

_of_sqlite = re.compile("^(?!--).*-- sqlite: ?(.*)$", re.MULTILINE)


def migrations() -> list[tuple[int, str]]:
    """The number and SQL of every migration, in order."""
    files = resources.files("afterword.store.migrations").iterdir()
    return sorted(
        (int(file.name[:4]), file.read_text("utf-8")) for file in files if file.name.endswith(".sql")
    )


def migrate(tx: Transaction, dialect: Dialect) -> list[int]:
    """Brings the schema up to date and returns the numbers applied. All of them are one transaction: what is killed
    on the way has changed nothing, and the next start does it again.

    Raises SchemaTooNew and UnfinishedCopy; then nothing is changed.
    """
    tx.exclude_others()
    tx.run("CREATE TABLE IF NOT EXISTS schema_versions (version BIGINT NOT NULL PRIMARY KEY)")
    versions = [version for (version,) in tx.rows("SELECT version FROM schema_versions")]
    if UNFINISHED_COPY in versions:
        raise UnfinishedCopy("this database is an unfinished copy: run the same afterword copy again")
    current = max(versions, default=0)
    known = migrations()
    newest = known[-1][0]
    if current > newest:
        raise SchemaTooNew(
            f"this database has schema {current}, but this version of Afterword knows only schema {newest}: "
            "install the newer version again, or restore a backup from before it"
        )
    if dialect == "postgres":
        tx.run("SET LOCAL statement_timeout = 0")  # of a large table, a column takes minutes to rewrite
    applied = []
    for number, sql in known:
        if number > current:
            for statement in statements(_of_sqlite.sub(r"\1", sql) if dialect == "sqlite" else sql):
                tx.run(statement)
            tx.run("INSERT INTO schema_versions (version) VALUES (:version)", {"version": number})
            applied.append(number)
    return applied


def statements(sql: str) -> list[str]:
    """The statements of a file, without comments."""
    lines = (line.partition("--")[0] for line in sql.splitlines())
    return [statement for part in "\n".join(lines).split(";") if (statement := part.strip())]
