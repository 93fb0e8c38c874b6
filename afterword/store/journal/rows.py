"""The send journal as rows of a separate PostgreSQL database, for senders on several hosts.

The database is separate so that restoring the main database does not change it. The key of a line is its start
position. If two writers both believe that they hold the lock on the journal's row in the main database (one has lost
its connection without noticing), only one of them can add the next line.
"""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import accumulate

from afterword.base.errors import JournalAhead
from afterword.store.engine.connection import Connection, transaction, translated_errors
from afterword.store.engine.postgres.connection import PostgresConnection
from afterword.store.journal.journal import HEADER_SIZE
from afterword.store.queries import query

LINES_A_READ = 10_000
"""Lines per query."""


class RowsPlace:
    """See `journal.JournalPlace`."""

    def __init__(self, url: str) -> None:
        self._url = url

    def find(self) -> "JournalRows | None":
        with ExitStack() as unused:
            connection = unused.enter_context(closing(PostgresConnection(self._url)))
            with transaction(connection):
                connection.exclude_others()
                connection.run(query("create_journal"))
                connection.run(query("create_journal_lines"))
                found = connection.rows(query("journal_identity"))
            if not found:
                return None
            unused.pop_all()
            return JournalRows(connection, found[0][0])

    def create(self, identity: str) -> "JournalRows":
        if found := self.find():
            found.close()
            raise FileExistsError("that database already has a send journal")
        with closing(PostgresConnection(self._url)) as connection, transaction(connection):
            connection.run(query("name_journal"), {"identity": identity})
        created = self.find()
        assert created is not None
        return created


class JournalRows:
    """See `journal.Journal`."""

    def __init__(self, connection: Connection, identity: str) -> None:
        self.identity = identity
        self._connection = connection

    def size(self) -> int:
        with translated_errors(self._connection):
            last = self._connection.rows(query("journal_size"))
        return last[0][0] if last else HEADER_SIZE

    def is_in_place(self) -> bool:
        """Always: each look asks the database."""
        return True

    def heal(self) -> None:
        """Does nothing: transactions never leave a part of a line."""

    def append(self, lines: list[str], position: int) -> None:
        positions = list(accumulate((len(line) + 1 for line in lines), initial=position))
        values = {"starts": positions[:-1], "ends": positions[1:], "lines": lines}
        with transaction(self._connection):
            if self._connection.run(query("append_to_journal"), values) < len(lines):
                raise JournalAhead

    def lines_from(self, position: int) -> Iterator[str]:
        while True:
            with translated_errors(self._connection):
                page = self._connection.rows(
                    query("journal_lines"), {"position": position, "most": LINES_A_READ}
                )
            yield from (line for _, line in page)
            if len(page) < LINES_A_READ:
                break
            position = page[-1][0]

    def close(self) -> None:
        self._connection.close()
