"""The send journal as the store's tests look at it, and backups that are laid over a database."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from afterword.store.engine.database import Database
from afterword.store.engine.sqlite import SqliteDatabase
from afterword.store.engine.transaction import JournalAddress
from afterword.store.journal.journal import HEADER_SIZE, Journal, events
from afterword.store.journal.place import journal_place
from tests.store.databases import open_database

OF_A_JOURNAL = [
    "append_to_journal",
    "create_journal",
    "create_journal_lines",
    "journal_identity",
    "journal_lines",
    "journal_size",
    "name_journal",
]
"""Queries of the send journal as rows, in a database of its own."""


@contextmanager
def journal_of(address: JournalAddress) -> Iterator[Journal]:
    found = journal_place(address).find()
    assert found is not None
    try:
        yield found
    finally:
        found.close()


def words(address: JournalAddress) -> list[str]:
    """What happened, by the first word of each line."""
    with journal_of(address) as found:
        return [line[0] for line in events(found.lines_from(HEADER_SIZE))]


def journal(database: Database) -> Path:
    return Path(database.journal.address)


def lines(database: Database) -> list[str]:
    """What the journal says, without its header."""
    text = journal(database).read_text()
    assert text.endswith("\n")
    return text.splitlines()[1:]


def back_up(database: SqliteDatabase, name: str = "backup.db") -> Path:
    target = database.path.parent / name
    database.backup(target, lambda done, pages: None)
    return target


def restore(folder: Path, backup: Path) -> SqliteDatabase:
    """The folder after an operator laid an old backup into it; the journal stays as it is."""
    for file in folder.glob("afterword.db*"):
        file.unlink()
    shutil.copy(backup, folder / "afterword.db")
    return open_database(folder)
