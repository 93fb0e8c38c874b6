"""The databases of the store's tests: opened as each process opens them, and looked at from outside."""

import asyncio
import resource
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import apsw

from afterword.store.engine.database import Database, Transaction
from afterword.store.engine.postgres.database import PostgresDatabase
from afterword.store.engine.sqlite import SqliteDatabase
from afterword.store.engine.sqlite_connection import SqliteConnection
from afterword.store.engine.writer import WriterThread
from afterword.store.opening import open_postgres, open_sqlite

T = TypeVar("T")
Opened = TypeVar("Opened", bound=Database)


class Store(Protocol):
    """What the cast acts on: a database, or one transaction in it."""

    def read_now(self, work: Callable[[Transaction], T]) -> T: ...

    def write_now(self, work: Callable[[Transaction], T]) -> T: ...


def run(work: Coroutine[Any, Any, T], seconds: float = 30.0) -> T:
    """`asyncio.run` that fails a test which hangs, rather than the whole run."""
    return asyncio.run(asyncio.wait_for(work, seconds))


def open_database(folder: Path) -> SqliteDatabase:
    return open_sqlite(folder / "afterword.db", folder / "send.journal")


@contextmanager
def closing_now(database: Opened) -> Iterator[Opened]:
    try:
        yield database
    finally:
        database.close_now()


def another(database: Database) -> Database:
    """The same rows and journal, opened once more, as another process does."""
    if isinstance(database, PostgresDatabase):
        return open_postgres(database.url, database.journal.address)
    return open_database(database.journal.address.parent)


def ask(database: Store, question: Callable[..., T], *values: Any, **named: Any) -> T:
    """What a function of the store reads, in a transaction of its own."""
    return database.read_now(lambda tx: question(tx, *values, **named))


def act(database: Store, deed: Callable[..., T], *values: Any, **named: Any) -> T:
    """What a function of the store does, in a transaction of its own."""
    return database.write_now(lambda tx: deed(tx, *values, **named))


def at_once(work: Callable[[T], object], *each: T) -> None:
    """Does the work for each in a thread of its own, all of them begun together. Raises what one of them raises."""
    ready = threading.Barrier(len(each))

    def begin(one: T) -> None:
        ready.wait(30)
        work(one)

    with ThreadPoolExecutor(len(each)) as threads:
        list(threads.map(begin, each, timeout=60))


def rows(database: Store, sql: str, values: Any = ()) -> list[tuple[Any, ...]]:
    """Raw rows, as anybody else sees them."""
    return database.read_now(lambda tx: tx.rows(sql, values))


def execute(database: Store, sql: str, values: Any = ()) -> int:
    """A statement behind the store's back; how many rows it changed."""
    return database.write_now(lambda tx: tx.run(sql, values))


def counted(database: Store, table: str) -> int:
    """The rows of a table as anybody else sees them, through a connection of its own."""
    [(count,)] = rows(database, f"SELECT count(*) FROM {table}")
    return int(count)


def writing(database: Database) -> apsw.Connection:
    """The one connection that writes, for tests that hold it up or count what it does."""
    assert isinstance(database._writer, WriterThread)
    connection = database._writer.committer.connection
    assert isinstance(connection, SqliteConnection)
    return connection.raw


def count_commits(database: Database) -> list[None]:
    """A list that from now on grows by one with each commit of the writer."""
    assert isinstance(database._writer, WriterThread)
    made: list[None] = []
    connection = database._writer.committer.connection
    commit = connection.commit

    def commit_and_count(**how: bool) -> None:
        commit(**how)
        made.append(None)

    connection.commit = commit_and_count  # type: ignore[method-assign]
    return made


@contextmanager
def no_file_grows_beyond(size: int) -> Iterator[None]:
    """A disk that is full, as this process sees it: no file of its own may become larger than this."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
