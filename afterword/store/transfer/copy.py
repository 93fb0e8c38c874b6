"""Copies everything from one database to another, whichever engines keep them, while Afterword is stopped.

    refused     when another process of Afterword has either database open, or a message is claimed
    unfinished  the destination is marked (`migrate.UNFINISHED_COPY`), so nothing but a copy opens it
    copied      part by part, each in one transaction; a part that is there already is not copied again
    compared    every table of both is read once more, counted and hashed
    finished    the mark is removed

Nothing is written to the source, and no other process can write to it while it is copied. An interrupted copy is
continued by the same call: it compares the parts that are there already, so it does not matter what has changed
since.

The send journal is not copied: the destination has the row that says which journal is its own and how far it is
known, as a restored backup has (guarantee 9).
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import apsw

from afterword.base.errors import Refused, SchemaTooNew, StoreUnavailable, UnfinishedCopy
from afterword.domain.values import counted
from afterword.store.engine.connection import Connection, transaction, translated_errors
from afterword.store.engine.database import Progress, Transaction
from afterword.store.engine.migrate import UNFINISHED_COPY, migrate, migrations
from afterword.store.engine.sqlite_connection import SqliteConnection
from afterword.store.transfer.compare import Differs, Digest, compare, count_rows, digest
from afterword.store.transfer.numbers import next_numbers, set_next_numbers
from afterword.store.transfer.tables import Part, parts, tables

PART = 10_000
"""Rows that are copied in one transaction."""

PATIENCE = 5.0
"""Seconds in which a server may notice that a process has ended."""

POSTGRES = ("postgresql://", "postgres://")

_OTHERS = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
AND application_name IN ('afterword', current_setting('application_name'))"""

_IN_HAND = "SELECT count(*) FROM messages WHERE claim IS NOT NULL AND state NOT IN ('in_doubt', 'failed')"
"""What is in doubt or failed keeps its last claim."""


class Copied(NamedTuple):
    """The rows of each table, which both databases have."""

    source: str
    destination: str
    tables: dict[str, Digest]


def connect(address: str, *, is_new: bool = False) -> Connection:
    """A connection to the database that a path or an address names, which no other process of Afterword has open.
    Only one that `is_new` is made when it is not there. Raises Refused, SettingsError, StoreUnavailable."""
    if address.startswith(POSTGRES):
        from afterword.store.engine.postgres.connection import PostgresConnection

        return PostgresConnection(address)
    if "://" in address:
        raise Refused("a database is the path of a SQLite file, or postgresql://…")
    if not is_new and not Path(address).is_file():
        raise Refused(f"there is no database {address}")
    try:
        return SqliteConnection(Path(address), alone=True)
    except StoreUnavailable as error:
        if not isinstance(error.__cause__, apsw.BusyError):
            raise
        raise Refused(f"{address} is in use: stop Afterword, then copy") from error


def copy(
    source: Connection,
    destination: Connection,
    progress: Progress = lambda what, done, total: None,
    *,
    size: int = PART,
) -> Copied:
    """Copies what the destination does not have yet, and compares both. A finished copy is only compared.

    Raises Refused when one of the two cannot be copied from or to, or they differ in the end; SchemaTooNew; and
    StoreUnavailable when one of them does not answer: the same call then continues later.
    """
    with translated_errors(source, destination):
        _refuse_shared(source, destination)
        with _transaction(source):
            _hold_source(source)
            is_unfinished = _begin(destination)
            if is_unfinished:
                _copy_parts(source, destination, progress, size)
            found = _compare(source, destination, progress, is_unfinished)
            if is_unfinished:
                _finish(source, destination)
    return Copied(source.name, destination.name, found)


# Which two they are.


def _refuse_shared(source: Connection, destination: Connection) -> None:
    """A SQLite file is ours alone (see `connect`)."""
    if source.name == destination.name:
        raise Refused("the source and the destination are the same database")
    deadline = time.monotonic() + PATIENCE
    for connection in (source, destination):
        while connection.dialect == "postgres" and (others := connection.rows(_OTHERS)[0][0]):
            if time.monotonic() > deadline:
                raise Refused(
                    f"{connection.name} is in use ({counted(others, 'other connection')}): stop Afterword, then copy"
                )
            time.sleep(0.1)


def _hold_source(source: Connection) -> None:
    """Until the end of this transaction no other process writes to it. Raises Refused, SchemaTooNew."""
    versions = _versions(source)
    newest = migrations()[-1][0]
    if UNFINISHED_COPY in versions:
        raise Refused(f"{source.name} is an unfinished copy itself")
    current = max(versions, default=0)
    if current > newest:
        raise SchemaTooNew(f"{source.name} has schema {current}, but this version knows only {newest}")
    if current < newest:
        raise Refused(
            f"{source.name} has schema {current}: run afterword migrate there (schema {newest}), then copy"
        )
    if source.dialect == "postgres":
        source.run(f"LOCK TABLE {', '.join(table.name for table in tables())} IN SHARE MODE")
    if in_hand := source.rows(_IN_HAND)[0][0]:
        raise Refused(
            f"a process was killed while sending {counted(in_hand, 'message')} of {source.name}: start Afterword, "
            "wait two minutes, stop it, then copy"
        )


def _versions(source: Connection) -> list[int]:
    try:
        return [version for (version,) in source.rows("SELECT version FROM schema_versions")]
    except Exception as error:
        if source.unavailable(error) is not error:
            raise
        raise Refused(f"{source.name} is not a database of Afterword") from error


def _begin(destination: Connection) -> bool:
    """Marks a destination without shops. Whether it is to be filled: otherwise it has rows already.

    One that was opened before may have a row about its journal, and what that says; both are replaced.
    """
    try:
        with _transaction(destination):
            migrate(Transaction(destination), destination.dialect)
            is_empty = not destination.rows("SELECT 1 FROM shops LIMIT 1")
            if is_empty:
                destination.run(
                    "INSERT INTO schema_versions (version) VALUES (:mark)", {"mark": UNFINISHED_COPY}
                )
            return is_empty
    except UnfinishedCopy:
        if max(_versions(destination)) != migrations()[-1][0]:
            raise Refused(
                f"{destination.name} was started by another version: copy into an empty database"
            ) from None
        return True
    except (SchemaTooNew, StoreUnavailable):
        raise
    except Exception as error:
        raise Refused(
            f"{destination.name} is used for something else: copy into an empty database"
        ) from error


# From one to the other.


def _copy_parts(source: Connection, destination: Connection, progress: Progress, size: int) -> None:
    total, done = count_rows(source, tables()), 0
    for table in tables():
        for part in parts(source, table, size):
            done += _copy_part(source, destination, part)
            progress("rows copied", done, total)
    if destination.dialect == "postgres":
        # It plans by what it knows of the tables, and knows nothing yet of rows that have just come.
        for table in tables():
            destination.run(f"ANALYZE {table.name}")


def _copy_part(source: Connection, destination: Connection, part: Part) -> int:
    """Makes the part equal to the source's, and returns how many rows it has.

    What follows a part that differs goes too: it may have what is in this part now, under another key.
    """
    there = digest(destination, part.select)
    if there.rows and there == digest(source, part.select):
        return there.rows
    copied = Digest()
    with _transaction(destination):
        destination.run(part.delete_from_here)
        rows = copied.watch(source.stream(part.select))
        destination.insert_all(part.table.name, part.table.columns, rows)
    return copied.rows


def _compare(
    source: Connection, destination: Connection, progress: Progress, is_unfinished: bool
) -> dict[str, Digest]:
    try:
        with _transaction(destination):
            return compare(source, destination, tables(), progress)
    except Differs as error:
        if is_unfinished:
            raise
        raise Refused(
            f"{destination.name} has shops already, and {error}: copy into an empty database"
        ) from error


def _finish(source: Connection, destination: Connection) -> None:
    with _transaction(destination):
        set_next_numbers(destination, next_numbers(source))
        destination.run("DELETE FROM schema_versions WHERE version = :mark", {"mark": UNFINISHED_COPY})


@contextmanager
def _transaction(connection: Connection) -> Iterator[None]:
    """Of any length."""
    with transaction(connection):
        if connection.dialect == "postgres":
            connection.run("SET LOCAL statement_timeout = 0")
            connection.run("SET LOCAL idle_in_transaction_session_timeout = 0")
        yield
