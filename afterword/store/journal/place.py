"""Opens the send journal at an address, for the engine."""

from pathlib import Path
from typing import NamedTuple

from afterword.store.engine.database import JournalAddress
from afterword.store.journal.file import FilePlace
from afterword.store.journal.journal import JournalPlace
from afterword.store.journal.keeper import JournalKeeper


class SendJournal(NamedTuple):
    """See `database.JournalSource`."""

    address: JournalAddress

    def keeper(self) -> JournalKeeper:
        return JournalKeeper(journal_place(self.address))


def journal_place(address: JournalAddress) -> JournalPlace:
    if isinstance(address, Path):
        return FilePlace(address)
    # Imported here, so that a journal in a file does not load psycopg.
    from afterword.store.journal.rows import RowsPlace

    return RowsPlace(address)
