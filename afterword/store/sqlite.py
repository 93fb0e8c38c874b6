"""SQLite through apsw: one writing connection with group commit, one reading connection beside it.

Guarantee 1 is kept here: `write` returns after COMMIT with `synchronous=FULL`, that is, after the fsync.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import apsw

from afterword.store.database import Params, StoreUnavailable, Transaction
from afterword.store.journal import JournalMissing
from afterword.store.keeper import JournalKeeper
from afterword.store.migrate import migrate
from afterword.store.queries import query

T = TypeVar("T")

IDS_A_BLOCK = 1_000
LONGEST_GROUP = 0.010
"""Seconds of the event loop that one shared transaction may take before it is committed."""

MOST_WAITING = 4_096
"""Writes that may wait for their turn; more than that and the machine cannot keep up."""

BUSY_FOR = 10.0
"""Seconds to wait for another process that writes to the same file."""

_UNAVAILABLE = (
    apsw.BusyError,
    apsw.FullError,
    apsw.IOError,
    apsw.CantOpenError,
    apsw.ReadOnlyError,
    apsw.CorruptError,
    OSError,
)


class SqliteTransaction:
    """See `database.Transaction`."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._execute = connection.cursor().execute
        self._next_id = self._last_id = 0
        self.has_journal = False
        self.lines: list[str] = []

    def rows(self, sql: str, params: Params = ()) -> list[tuple[Any, ...]]:
        return self._execute(sql, params).fetchall()

    def run(self, sql: str, params: Params = ()) -> int:
        self._execute(sql, params)
        return self._connection.changes()

    def new_order_id(self) -> int:
        if self._next_id == self._last_id:
            block = {"name": "orders", "size": IDS_A_BLOCK}
            self._last_id = self.rows(query("next_ids"), block)[0][0]
            self._next_id = self._last_id - IDS_A_BLOCK
        self._next_id += 1
        return self._next_id - 1

    def journal(self, line: str) -> None:
        if not self.has_journal:
            raise JournalMissing("this database has sent before, and its send journal is not there")
        self.lines.append(line)

    def forget(self) -> None:
        """After a rollback: the block of ids was taken in what was undone."""
        self._next_id = self._last_id = 0
        self.lines.clear()


class SqliteDatabase:
    """See `database.Database`. Two processes may open the same file; each waits for the other's commit."""

    def __init__(self, path: Path, journal: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path
        self._writer = _connect(path)
        self._reader = _connect(path)
        self._tx = SqliteTransaction(self._writer)
        self._snapshot = SqliteTransaction(self._reader)
        self._keeper = JournalKeeper(journal)
        self._waiting: deque[tuple[Callable[[Transaction], Any], asyncio.Future[Any]]] = deque()
        self._committer = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._groups: asyncio.Task[None] | None = None
        with self._alone():
            migrate(self._tx)
            self._keeper.open(self._tx)

    # Writing, for the event loop.

    async def write(self, work: Callable[[Transaction], T]) -> T:
        if len(self._waiting) >= MOST_WAITING:
            raise StoreUnavailable("too many requests are waiting to be stored")
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, done))
        if self._groups is None or self._groups.done():
            self._groups = asyncio.create_task(self._commit_groups())
        return await done

    async def _commit_groups(self) -> None:
        while self._waiting:
            try:
                await self._begin_soon()
            except Exception as error:
                _fail(self._take_all_waiting(), _unavailable(error))
                continue
            group: list[tuple[asyncio.Future[Any], Any]] = []
            try:
                if self._run_group(group):
                    await asyncio.get_running_loop().run_in_executor(self._committer, self._commit)
            except Exception as error:
                self._undo()
                self._keeper.failed()
                _fail(group, _unavailable(error))
            else:
                for done, result in group:
                    if not done.done():
                        done.set_result(result)

    def _take_all_waiting(self) -> list[tuple[asyncio.Future[Any], Any]]:
        taken = [(done, None) for _, done in self._waiting]
        self._waiting.clear()
        return taken

    async def _begin_soon(self) -> None:
        deadline = time.monotonic() + BUSY_FOR
        while True:
            try:
                self._begin()
                return
            except apsw.BusyError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.002)

    def _run_group(self, group: list[tuple[asyncio.Future[Any], Any]]) -> bool:
        """Runs what waits, in one transaction; `group` gets what is to be answered after its commit.

        When one fails, only that one fails: the transaction is undone, its neighbours wait again, and the
        answer is False: there is nothing to commit.
        """
        ran: list[tuple[Callable[[Transaction], Any], asyncio.Future[Any]]] = []
        deadline = time.perf_counter() + LONGEST_GROUP
        while self._waiting and (not ran or time.perf_counter() < deadline):
            work, done = self._waiting.popleft()
            try:
                group.append((done, work(self._tx)))
            except Exception as error:
                self._undo()
                _fail([(done, None)], _unavailable(error))
                self._waiting.extendleft(reversed(ran))
                group.clear()
                return False
            ran.append((work, done))
        self._keeper.prepare(self._tx)
        return True

    def _begin(self) -> None:
        self._writer.execute("BEGIN IMMEDIATE")
        self._tx.has_journal = self._keeper.is_kept

    def _commit(self) -> None:
        self._keeper.write(self._tx)
        self._writer.execute("COMMIT")

    def _undo(self) -> None:
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK")
        self._tx.forget()

    # Writing, for the command line.

    def write_now(self, work: Callable[[Transaction], T]) -> T:
        with self._alone():
            result = work(self._tx)
            self._keeper.prepare(self._tx)
            self._keeper.write(self._tx)
        return result

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            self._begin_waiting()
            yield
            self._writer.execute("COMMIT")
        except BaseException as error:
            self._undo()
            if isinstance(error, _UNAVAILABLE):
                raise _unavailable(error) from error
            raise

    def _begin_waiting(self) -> None:
        deadline = time.monotonic() + BUSY_FOR
        while True:
            try:
                self._begin()
                return
            except apsw.BusyError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.0005)

    # Reading.

    async def read(self, work: Callable[[Transaction], T]) -> T:
        return self.read_now(work)

    def read_now(self, work: Callable[[Transaction], T]) -> T:
        try:
            return work(cast(Transaction, self._snapshot))
        except _UNAVAILABLE as error:
            raise _unavailable(error) from error

    def version(self) -> int:
        return self._snapshot.rows("PRAGMA data_version")[0][0]  # type: ignore[no-any-return]

    # The whole file.

    @property
    def is_held(self) -> bool:
        """Whether nothing may be sent because the journal of what was sent is not there (guarantee 9)."""
        return not self._keeper.is_kept

    async def look_for_journal(self) -> None:
        await self.write(lambda _: self._keeper.open(self._tx))

    def accept_journal_loss(self) -> None:
        """The operator's word that what is due may be sent although the journal is gone."""
        with self._alone():
            self._keeper.start_anew(self._tx)

    def backup(self, target: Path, progress: Callable[[int, int], None]) -> None:
        """A consistent copy while everything goes on; `progress` is told pages done and pages in all."""
        copy = apsw.Connection(str(target))
        try:
            with copy.backup("main", self._reader, "main") as backup:
                while not backup.done:
                    backup.step(1_000)
                    progress(backup.page_count - backup.remaining, backup.page_count)
            copy.execute("PRAGMA journal_mode = DELETE")
        finally:
            copy.close()

    async def close(self) -> None:
        if self._groups is not None:
            await asyncio.wait([self._groups])
        self.close_now()

    def close_now(self) -> None:
        self._committer.shutdown()
        self._reader.close()
        self._writer.close()
        self._keeper.close()


def _connect(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(int(BUSY_FOR * 1_000))
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "fullfsync = ON",
        "checkpoint_fullfsync = ON",
        "cache_size = -65536",
        "wal_autocheckpoint = 4000",
        "journal_size_limit = 67108864",
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")
    connection.set_busy_timeout(0)
    return connection


def _unavailable(error: BaseException) -> Exception:
    """The store's own errors in the words of `database`; any other error as it is."""
    if isinstance(error, _UNAVAILABLE):
        return StoreUnavailable(f"the store cannot take this now ({type(error).__name__})")
    return error if isinstance(error, Exception) else StoreUnavailable("the store is stopping")


def _fail(group: list[tuple[asyncio.Future[Any], Any]], error: Exception) -> None:
    for done, _ in group:
        if not done.done():
            done.set_exception(error)
