"""Moves everything from one database to another, whichever engines keep them, and nothing is lost or sent twice.

    copying     the source works; shops, orders, invitations and the rest are copied, chunk by chunk
    draining    the source takes orders, and no new invitation is claimed; what is in hand is settled
    closed      the source refuses every write; each chunk is read once more, compared and mended
    moved       the source is closed for good; then the destination is opened

All that the move knows is in the two databases (see `relocation`), so whenever it breaks off, the same call goes on:
each chunk is written in one transaction, and what is there already is read and compared instead of copied.

What is in hand is waited for, and not carried over as it is: the outcome of a letter that was marked can only be
stored where its mark is, and would else be in doubt for nothing. What is still in hand when patience ends, or whose
holder is dead, is carried over as it is, with its lease. Its holder cannot mark it any more, so the destination may
schedule it again when it was not marked, and calls it in doubt when it was.

The send journal has no part in this: the row of `journals` says which file it is and how far it is known, and the
destination goes on from there.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from afterword.base.clock import Clock
from afterword.base.errors import Refused, SchemaTooNew, StoreUnavailable
from afterword.store.engine.connection import IDS_A_BLOCK, Connection
from afterword.store.engine.migrate import migrate, migrations
from afterword.store.engine.relocation import (
    Relocation,
    Role,
    State,
    begin_relocation,
    relocate,
    relocation_of,
    take_over,
)
from afterword.store.engine.transaction import OpenTransaction
from afterword.store.messages.steps import LONGEST_LEASE
from afterword.store.queries import query
from afterword.store.transfer.copying import CHUNK, TABLES, Copier, Progress

PATIENCE = 180.0
"""Seconds to wait for what is in hand: a letter is settled at most 60 s after its mark."""

POSTGRES = ("postgresql://", "postgres://")


class Moved(NamedTuple):
    """What was moved: the rows of each table and their hash (hex), which both sides have. None when the move had
    been finished before. `shut_for` are the seconds in which this run found or kept the source closed."""

    source: str
    destination: str
    tables: dict[str, tuple[int, str]] | None
    shut_for: float


def connect(address: str, *, is_new: bool = False) -> Connection:
    """A connection to the database that a path or an address names. Only one that `is_new` is made when it is not
    there. Raises Refused, StoreUnavailable."""
    if address.startswith(POSTGRES):
        from afterword.store.engine.postgres_connection import PostgresConnection

        return PostgresConnection(address)
    if "://" in address:
        raise Refused("a database is the path of a SQLite file, or postgresql://…")
    if not is_new and not Path(address).is_file():
        raise Refused(f"there is no database {address}")
    from afterword.store.engine.sqlite_connection import SqliteConnection

    return SqliteConnection(Path(address))


def cancel(source: Connection) -> str:
    """Has a source that is not closed for good work again, and returns where it was to go. A run that still goes on
    finds out before its next step. Raises Refused, StoreUnavailable."""
    with _telling(source):
        return _cancel(source)


def _cancel(source: Connection) -> str:
    _check_schema(source)
    with _writing(source):
        part = relocation_of(source, "source")
        if part is None:
            raise Refused(f"no move from {source.name} was begun")
        if part.state == "moved":
            raise Refused(
                f"{source.name} was moved to {part.peer}, which may have sent since: there is no way back"
            )
        begin_relocation(source, "source", part._replace(state="copying", run=secrets.token_hex(8)))
    return part.peer


class Move:
    """One run of a move."""

    def __init__(
        self,
        source: Connection,
        destination: Connection,
        clock: Clock,
        progress: Progress = lambda what, done, total: None,
        *,
        chunk: int = CHUNK,
        patience: float = PATIENCE,
    ) -> None:
        self._source = source
        self._destination = destination
        self._clock = clock
        self._progress = progress
        self._copier = Copier(source, destination, self._filling, progress, chunk)
        self._patience = patience
        self._run = secrets.token_hex(8)

    def finish(self) -> Moved:
        """Goes on from wherever the move stands, to its end.

        Raises Refused when these two are no source and destination for one another, TakenOver, and
        StoreUnavailable when one of them does not answer: then the same call goes on later.
        """
        with _telling(self._source, self._destination):
            return self._finish()

    def _finish(self) -> Moved:
        state = self._begin()
        names = self._source.name, self._destination.name
        if state == "open":
            return Moved(*names, None, 0.0)
        if state == "copying":
            self._copier.bring_all("copied")
            self._plan_anew()
            self._step_source("copying", "draining")
            state = "draining"
        if state == "draining":
            self._close()
        begun = time.monotonic()
        tables = self._copier.bring_all("compared")
        self._copier.check_counts(tables)
        with self._filling() as destination:
            set_next_order_id(destination, next_order_id(self._source))
        if state != "moved":
            self._step_source("closed", "moved")
        with _writing(self._destination) as destination:
            relocate(destination, "destination", self._run, "filling", "open", self._clock())
        return Moved(*names, tables, time.monotonic() - begun)

    # Which two they are.

    def _begin(self) -> State:
        """Makes this run the one that goes on. Says where the move stands: the source's state, or `open` when all is
        done."""
        _check_schema(self._source)
        self._prepare_destination()
        with _writing(self._source) as source:
            ours = relocation_of(source, "source")
        with _writing(self._destination) as destination:
            theirs = relocation_of(destination, "destination")
        if ours and theirs and ours.move == theirs.move:
            return self._go_on(ours, theirs)
        self._refuse_others(ours, theirs)
        self._check_empty()
        move = secrets.token_hex(16)
        with _writing(self._source) as source:
            self._begin_part(source, "source", "copying", move, self._destination.name)
        with _writing(self._destination) as destination:
            destination.exclude_lookers("relocation")
            self._check_empty()
            self._begin_part(destination, "destination", "filling", move, self._source.name)
        return "copying"

    def _go_on(self, ours: Relocation, theirs: Relocation) -> State:
        if theirs.state == "open":
            return "open"
        with _writing(self._destination) as destination:
            part = theirs._replace(run=self._run, peer=self._source.name)
            take_over(destination, "destination", part)
        with _writing(self._source) as source:
            take_over(source, "source", ours._replace(run=self._run, peer=self._destination.name))
            now = relocation_of(source, "source")
        assert now is not None
        return now.state

    def _begin_part(self, connection: Connection, role: Role, state: State, move: str, peer: str) -> None:
        part = Relocation(state, move, self._run, peer, int(self._clock()))
        begin_relocation(connection, role, part)

    def _refuse_others(self, ours: Relocation | None, theirs: Relocation | None) -> None:
        source, destination = self._source.name, self._destination.name
        if ours and ours.state == "moved":
            raise Refused(f"{source} was moved to {ours.peer}: it has nothing more to move")
        if ours and ours.state != "copying":
            raise Refused(
                f"{source} is being moved to {ours.peer}: finish that, or take it back with --cancel"
            )
        if theirs:
            raise Refused(f"{destination} holds what was moved from {theirs.peer}: take one that is empty")
        with _writing(self._source) as connection:
            arriving = relocation_of(connection, "destination")
        if arriving and arriving.state != "open":
            raise Refused(f"a move from {arriving.peer} into {source} is not finished")

    def _prepare_destination(self) -> None:
        if self._source.name == self._destination.name:
            raise Refused("that is one database, and not two")
        destination = self._destination
        if destination.dialect == "postgres" and destination.rows("SHOW server_encoding") != [("UTF8",)]:
            raise Refused(f"{destination.name} does not keep every letter: make it with ENCODING 'UTF8'")
        try:
            with _writing(destination):
                migrate(OpenTransaction(destination), destination.dialect)
        except (SchemaTooNew, StoreUnavailable):
            raise
        except Exception as error:
            if destination.unavailable(error) is not error:
                raise
            raise Refused(f"{destination.name} is used for something else: take one that is empty") from error

    def _check_empty(self) -> None:
        """Only what belongs to a shop counts: one that was opened before has a journal, and what it remembers."""
        for table in ("shops", "keys", "orders", "messages"):
            if self._destination.rows(f"SELECT 1 FROM {table} LIMIT 1"):  # noqa: S608
                raise Refused(f"{self._destination.name} has {table} already: take one that is empty")

    # From one state to the next.

    def _step_source(self, from_state: State, to_state: State) -> None:
        with _writing(self._source) as source:
            relocate(source, "source", self._run, from_state, to_state, self._clock())

    def _close(self) -> None:
        """Closes the source once nothing is in hand, or patience ends. Whoever has begun to write has ended then, and
        whoever begins later is refused; so what is in hand is counted once more in the closing transaction."""
        deadline = time.monotonic() + self._patience
        while True:
            self._wait_for_hands(deadline)
            with _writing(self._source) as source:
                source.exclude_lookers("relocation")
                if not self._in_hand() or time.monotonic() > deadline:
                    relocate(source, "source", self._run, "draining", "closed", self._clock())
                    return

    def _wait_for_hands(self, deadline: float) -> None:
        most = 0
        while (left := self._in_hand()) and time.monotonic() < deadline:
            most = max(most, left)
            self._progress("letters in hand settled", most - left, most)
            time.sleep(0.1)

    def _in_hand(self) -> int:
        now = int(self._clock())
        values = {"now": now, "latest": now + LONGEST_LEASE}
        held: int = self._source.rows(query("held_now"), values)[0][0]
        return held

    @contextmanager
    def _filling(self) -> Iterator[Connection]:
        """A transaction at the destination, which is this run's alone. Raises TakenOver."""
        with _writing(self._destination) as destination:
            relocate(destination, "destination", self._run, "filling", "filling", self._clock())
            yield destination

    def _plan_anew(self) -> None:
        """PostgreSQL plans by what it knows of the tables, and it knows nothing yet of rows that have just come."""
        if self._destination.dialect == "postgres":
            for table in TABLES:
                self._destination.run(f"ANALYZE {table.name}")


def next_order_id(connection: Connection) -> int:
    """The lowest number that no order of this database has or had."""
    if connection.dialect == "postgres":
        counted: int = connection.rows("SELECT last_value FROM order_ids")[0][0] + IDS_A_BLOCK
    else:
        counted = connection.rows("SELECT next_id FROM counters WHERE name = 'orders'")[0][0]
    last: int = connection.rows(query("last_order"))[0][0] or 0
    return max(counted, last + 1)


def set_next_order_id(connection: Connection, number: int) -> None:
    """Has new orders of this database get this number and those after it."""
    if connection.dialect == "postgres":
        connection.rows("SELECT setval('order_ids', :next, false)", {"next": number})
    else:
        connection.run("UPDATE counters SET next_id = :next WHERE name = 'orders'", {"next": number})


def _check_schema(source: Connection) -> None:
    """A source must be one of this version. Raises Refused, SchemaTooNew."""
    newest = migrations()[-1][0]
    try:
        schema = source.rows("SELECT max(version) FROM schema_versions")[0][0]
    except Exception as error:
        if source.unavailable(error) is not error:
            raise
        raise Refused(f"{source.name} is no database of Afterword") from error
    if schema > newest:
        raise SchemaTooNew(f"{source.name} has schema {schema}, but this version knows only {newest}")
    if schema < newest:
        raise Refused(
            f"{source.name} has schema {schema}: stop Afterword there, start it again in this version "
            f"(schema {newest}), and then move"
        )


@contextmanager
def _writing(connection: Connection) -> Iterator[Connection]:
    """A transaction of the move itself, which no shut database refuses."""
    try:
        connection.begin()
        yield connection
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


@contextmanager
def _telling(*connections: Connection) -> Iterator[None]:
    """The engines' own errors in the words of `database`."""
    try:
        yield
    except Exception as error:
        told: Exception = error
        for connection in connections:
            told = connection.unavailable(told)
        if told is error:
            raise
        raise told from error
