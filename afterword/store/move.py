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
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from afterword.base.clock import Clock
from afterword.store.connection import IDS_A_BLOCK, Connection
from afterword.store.database import SchemaTooNew, StoreUnavailable
from afterword.store.invitations import LONGEST_LEASE
from afterword.store.migrate import migrate, migrations
from afterword.store.queries import query
from afterword.store.relocation import (
    Relocation,
    Role,
    State,
    begin_relocation,
    relocate,
    relocation_of,
    take_over,
)
from afterword.store.shops import Refused
from afterword.store.transaction import OpenTransaction

CHUNK = 10_000
"""Order numbers in one piece of work."""

PATIENCE = 180.0
"""Seconds to wait for what is in hand: a letter is settled at most 60 s after its mark."""

MOST_TRIES = 3
"""Of a chunk that differs after it was copied."""

LAST = 2**62
"""Above every order number."""

POSTGRES = ("postgresql://", "postgres://")

Progress = Callable[[str, int, int], None]
"""Is told what is being done, how much of it is done, and how much there is."""


class Table(NamedTuple):
    """A table, its columns, and which of its rows stand in which order."""

    name: str
    columns: tuple[str, ...]
    rows: str

    @property
    def select(self) -> str:
        return f"SELECT {', '.join(self.columns)} FROM {self.name} WHERE {self.rows}"  # noqa: S608

    @property
    def delete(self) -> str:
        return f"DELETE FROM {self.name} WHERE {self.rows.partition(' ORDER BY ')[0]}"  # noqa: S608


def _table(name: str, columns: str, rows: str) -> Table:
    return Table(name, tuple(columns.split()), rows)


_EACH_SHOP = "/* postgres: shop_id = ANY (ARRAY(SELECT s.shop_id FROM shops s)) AND */"
"""PostgreSQL finds a range of numbers in the index of each shop."""

_TEXT = '/* postgres: COLLATE "C" */'
"""The order of the bytes, as SQLite has it."""

SMALL_TABLES = (
    _table(
        "shops", "shop_id name lang site timezone email delay salt created_at", "shop_id > 0 ORDER BY shop_id"
    ),
    _table(
        "keys",
        "shop_id key_id kind live lang secret created_at revoked_at",
        "shop_id > 0 ORDER BY shop_id, key_id",
    ),
    _table(
        "suppressions",
        "shop_id live address_hash address reason created_at",
        f"shop_id > 0 ORDER BY shop_id, live, address_hash {_TEXT}",
    ),
    _table(
        "remembered",
        "shop_id fingerprint outcome happened_at",
        f"shop_id > 0 ORDER BY shop_id, fingerprint {_TEXT}",
    ),
    _table("journals", "journal position", f"journal IS NOT NULL ORDER BY journal {_TEXT}"),
    _table("counters", "name next_id", f"name <> 'orders' ORDER BY name {_TEXT}"),
)
"""Those that are copied in one piece, the shops first."""

LARGE_TABLES = (
    _table(
        "orders",
        "shop_id order_id live id_order reference order_date received_at firstname lastname email lang phone "
        "store_id lines",
        f"{_EACH_SHOP} order_id BETWEEN :first AND :last ORDER BY order_id",
    ),
    _table(
        "invitations",
        "shop_id order_id live state due_at next_try_at tries first_try_at claim lease_until sent_at reason",
        f"{_EACH_SHOP} shop_id IN (SELECT s.shop_id FROM shops s) "  # noqa: S608
        "AND order_id BETWEEN :first AND :last ORDER BY order_id",
    ),
)
"""Those that are copied chunk by chunk."""

TABLES = SMALL_TABLES + LARGE_TABLES


class Digest(NamedTuple):
    """Rows that were read, in their order: how many, and the SHA-256 of their values, the same for every engine."""

    rows: int
    sha256: bytes


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
        from afterword.store.postgres_connection import PostgresConnection

        return PostgresConnection(address)
    if "://" in address:
        raise Refused("a database is the path of a SQLite file, or postgresql://…")
    if not is_new and not Path(address).is_file():
        raise Refused(f"there is no database {address}")
    from afterword.store.sqlite_connection import SqliteConnection

    return SqliteConnection(Path(address))


def cancel(source: Connection) -> str:
    """Has a source that is not closed for good work again, and returns where it was to go. A run that still goes on
    finds out before its next step. Raises Refused, StoreUnavailable."""
    with _telling(source), _writing(source):
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
        self._chunk = chunk
        self._patience = patience
        self._run = secrets.token_hex(8)
        self._theirs: dict[tuple[str, int, int], Digest] = {}

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
            self._bring_all("copied")
            self._plan_anew()
            self._step_source("copying", "draining")
            state = "draining"
        if state == "draining":
            self._close()
        begun = time.monotonic()
        tables = self._bring_all("compared")
        self._check_counts(tables)
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
        self._check_source()
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

    def _check_source(self) -> None:
        newest = migrations()[-1][0]
        try:
            schema = self._source.rows("SELECT max(version) FROM schema_versions")[0][0]
        except Exception as error:
            if self._source.unavailable(error) is not error:
                raise
            raise Refused(f"{self._source.name} is no database of Afterword") from error
        if schema > newest:
            raise SchemaTooNew(
                f"{self._source.name} has schema {schema}, but this version knows only {newest}"
            )
        if schema < newest:
            raise Refused(
                f"{self._source.name} has schema {schema}: stop Afterword there, start it again in this version "
                f"(schema {newest}), and then move"
            )

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
        for table in ("shops", "keys", "orders", "invitations"):
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
        count: int = self._source.rows(query("held_now"), values)[0][0]
        return count

    def _plan_anew(self) -> None:
        """PostgreSQL plans by what it knows of the tables, and it knows nothing yet of rows that have just come."""
        if self._destination.dialect == "postgres":
            for table in TABLES:
                self._destination.run(f"ANALYZE {table.name}")

    # The rows.

    def _bring_all(self, doing: str) -> dict[str, tuple[int, str]]:
        """Makes every chunk of the destination equal to the source's; the rows of each table, and their hash."""
        counted = [self._source.rows(f"SELECT count(*) FROM {table.name}")[0][0] for table in TABLES]  # noqa: S608
        total, done = sum(counted), 0
        found: dict[str, list[Digest]] = {table.name: [] for table in TABLES}
        for table, first, last in self._chunks():
            digest = self._bring(table, first, last)
            found[table.name].append(digest)
            done += digest.rows
            self._progress(f"rows {doing}", min(done, total), total)
        self._progress(f"rows {doing}", total, total)
        return {name: _together(digests) for name, digests in found.items()}

    def _chunks(self) -> Iterator[tuple[Table, int, int]]:
        """Each small table, then the large ones over every number that there is; the last chunk has no end."""
        for table in SMALL_TABLES:
            yield table, 0, 0
        last_order = self._source.rows(query("last_order"))[0][0] or 0
        first = 1
        while first <= last_order:
            for table in LARGE_TABLES:
                yield table, first, first + self._chunk - 1
            first += self._chunk
        for table in LARGE_TABLES:
            yield table, first, LAST

    def _bring(self, table: Table, first: int, last: int) -> Digest:
        """Copies the chunk unless both sides have it already. What the destination has was read back from it: in this
        run, in which nobody else writes there (`_filling`)."""
        key = table.name, first, last
        theirs = self._theirs.get(key) or _read(self._destination, table, first, last)
        ours = _read(self._source, table, first, last) if theirs.rows else None
        for tries in range(MOST_TRIES):
            if ours == theirs:
                break
            if tries:
                # PostgreSQL finds orders by their shops, one of which may have come after they were copied.
                self._bring(SMALL_TABLES[0], 0, 0)
            ours = self._copy(table, first, last)
            theirs = _read(self._destination, table, first, last)
        if ours != theirs:
            raise Refused(f"{table.name} {first} to {last} are not the same after they were copied")
        self._theirs[key] = theirs
        return theirs

    def _copy(self, table: Table, first: int, last: int) -> Digest:
        """Replaces a chunk of the destination; what was read at the source."""
        summing = _Summing()
        bounds = _bounds(table, first, last)
        with self._filling() as destination:
            destination.run(table.delete, bounds)
            rows = summing.watch(self._source.stream(table.select, bounds))
            destination.insert_all(table.name, table.columns, rows)
        return summing.digest

    @contextmanager
    def _filling(self) -> Iterator[Connection]:
        """A transaction at the destination, which is this run's alone. Raises TakenOver."""
        with _writing(self._destination) as destination:
            relocate(destination, "destination", self._run, "filling", "filling", self._clock())
            yield destination

    def _check_counts(self, tables: dict[str, tuple[int, str]]) -> None:
        """Nothing stands beside the chunks, on either side. Raises Refused."""
        for table in LARGE_TABLES:
            brought = tables[table.name][0]
            for connection in (self._source, self._destination):
                there = connection.rows(f"SELECT count(*) FROM {table.name}")[0][0]  # noqa: S608
                if there != brought:
                    raise Refused(
                        f"{connection.name} has {there:,} {table.name}, of which {brought:,} belong to a shop: "
                        "it is damaged"
                    )


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


class _Summing:
    """Counts and hashes rows while they pass by."""

    def __init__(self) -> None:
        self._hash = sha256()
        self._rows = 0

    def watch(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        """Each row is hashed as MessagePack, which says where a value ends and of which kind it is."""
        encode = msgspec.msgpack.Encoder().encode
        for row in rows:
            self._hash.update(encode(row))
            self._rows += 1
            yield row

    @property
    def digest(self) -> Digest:
        return Digest(self._rows, self._hash.digest())


def _read(connection: Connection, table: Table, first: int, last: int) -> Digest:
    summing = _Summing()
    for _ in summing.watch(connection.stream(table.select, _bounds(table, first, last))):
        pass
    return summing.digest


def _bounds(table: Table, first: int, last: int) -> dict[str, int]:
    return {"first": first, "last": last} if table in LARGE_TABLES else {}


def _together(digests: list[Digest]) -> tuple[int, str]:
    """The rows of a table, and the hash of its chunks' hashes."""
    hashed = sha256(b"".join(digest.sha256 for digest in digests)).hexdigest()
    return sum(digest.rows for digest in digests), hashed


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
