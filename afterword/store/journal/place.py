"""Opens the send journal at an address, for the engine."""

from functools import partial
from pathlib import Path

from afterword.store.engine.transaction import JournalAddress, SendJournal
from afterword.store.journal.file import FilePlace
from afterword.store.journal.journal import JournalPlace
from afterword.store.journal.keeper import JournalKeeper


def send_journal(address: JournalAddress) -> SendJournal:
    return SendJournal(address, partial(JournalKeeper, journal_place(address)))


def journal_place(address: JournalAddress) -> JournalPlace:
    if isinstance(address, Path):
        return FilePlace(address)
    # Imported here, so that a journal in a file does not load psycopg.
    from afterword.store.journal.rows import RowsPlace

    return RowsPlace(address)
