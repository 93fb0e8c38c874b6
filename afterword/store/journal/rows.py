"""The send journal as rows of a PostgreSQL database of its own: for senders on several hosts.

It is a database of its own so that restoring the orders' database leaves it alone. The key of a line is where it
starts: of two writers that both believe to hold the orders' row of the journal (one of them lost its line to that
server, and does not know it yet) only one can add what follows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate

from afterword.base.errors import JournalAhead
from afterword.store.engine.connection import Connection
from afterword.store.engine.postgres_connection import PostgresConnection
from afterword.store.journal.journal import HEADER_SIZE
from afterword.store.queries import query

LINES_A_READ = 10_000
"""Lines read at a time."""


class RowsPlace:
    """See `journal.JournalPlace`."""

    def __init__(self, url: str) -> None:
        self._url = url

    def find(self) -> "JournalRows | None":
        connection = PostgresConnection(self._url)
        try:
            with _whole(connection):
                connection.exclude_others()
                connection.run(query("create_journal"))
                connection.run(query("create_journal_lines"))
                found = connection.rows(query("journal_identity"))
        except BaseException:
            connection.close()
            raise
        if not found:
            connection.close()
            return None
        return JournalRows(connection, found[0][0])

    def create(self, identity: str) -> "JournalRows":
        found = self.find()
        if found is not None:
            found.close()
            raise FileExistsError("there is a send journal in that database already")
        connection = PostgresConnection(self._url)
        try:
            with _whole(connection):
                connection.run(query("name_journal"), {"identity": identity})
        except BaseException:
            connection.close()
            raise
        return JournalRows(connection, identity)


class JournalRows:
    """See `journal.Journal`."""

    def __init__(self, connection: Connection, identity: str) -> None:
        self.identity = identity
        self._connection = connection

    def size(self) -> int:
        with _told(self._connection):
            last = self._connection.rows(query("journal_size"))
        return last[0][0] if last else HEADER_SIZE

    def heal(self) -> None:
        """A transaction is whole or nothing."""

    def append(self, lines: list[str], position: int) -> None:
        positions = list(accumulate((len(line) + 1 for line in lines), initial=position))
        values = {"starts": positions[:-1], "ends": positions[1:], "lines": lines}
        with _whole(self._connection):
            if self._connection.run(query("append_to_journal"), values) < len(lines):
                raise JournalAhead

    def lines_from(self, position: int) -> Iterator[str]:
        while True:
            with _told(self._connection):
                page = self._connection.rows(
                    query("journal_lines"), {"position": position, "most": LINES_A_READ}
                )
            yield from (line for _, line in page)
            if len(page) < LINES_A_READ:
                break
            position = page[-1][0]

    def close(self) -> None:
        self._connection.close()


@contextmanager
def _told(connection: Connection) -> Iterator[None]:
    """Trouble in the words of `database`: the engine of the orders may be another one."""
    try:
        yield
    except Exception as error:
        told = connection.unavailable(error)
        if told is error:
            raise
        raise told from error


@contextmanager
def _whole(connection: Connection) -> Iterator[None]:
    """A transaction."""
    with _told(connection):
        try:
            connection.begin()
            yield
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
