"""The cast of the store's stories: two shops that never see each other, and what their customers order."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import apsw

from afterword.domain.invitations import Outcome, State
from afterword.domain.orders.order import Order
from afterword.domain.shops import DEFAULT_DELAY, Key, Shop
from afterword.store.engine.database import Transaction
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.engine.postgres import PostgresDatabase
from afterword.store.engine.sqlite import SqliteDatabase
from afterword.store.engine.sqlite_connection import SqliteConnection
from afterword.store.engine.writer import WriterThread
from afterword.store.invitations import (
    Claim,
    InvitationRow,
    Mark,
    Record,
    claim_due,
    find_invitation,
    take_steps,
)
from afterword.store.opening import open_postgres, open_sqlite
from afterword.store.orders import Arrival, import_orders
from afterword.store.shops import NewKeys, add_shop, authenticate, find_shop

T = TypeVar("T")
Opened = TypeVar("Opened", bound=EngineDatabase)

NOW = 1_772_374_326
"""2026-03-01 14:12:06 UTC, when these stories begin."""


def run(work: Coroutine[Any, Any, T], seconds: float = 30.0) -> T:
    """`asyncio.run` that fails a test which hangs, rather than the whole run."""
    return asyncio.run(asyncio.wait_for(work, seconds))


class MovableClock:
    """Tells the time that a test gave it."""

    def __init__(self, now: float = NOW) -> None:
        self.now = float(now)

    def __call__(self) -> float:
        return self.now

    def step(self, seconds: float) -> None:
        self.now += seconds


class Member(NamedTuple):
    """A shop, its private keys as rows, and all its keys as they are shown once."""

    shop: Shop
    live: Key
    test: Key
    shown: NewKeys

    def key(self, *, live: bool) -> Key:
        return self.live if live else self.test


def open_database(folder: Path) -> SqliteDatabase:
    return open_sqlite(folder / "afterword.db", folder / "send.journal")


@contextmanager
def closing_now(database: Opened) -> Iterator[Opened]:
    try:
        yield database
    finally:
        database.close_now()


def another(database: EngineDatabase) -> EngineDatabase:
    """The same rows and journal, opened once more, as another process does."""
    if isinstance(database, PostgresDatabase):
        return open_postgres(database.url, database.journal.address)
    return open_database(database.journal.address.parent)


def add_member(tx: Transaction, name: str, delay: int = DEFAULT_DELAY) -> Member:
    fields = {"lang": "en", "site": None, "timezone": "Europe/Paris", "email": None, "delay": delay}
    shop, shown = add_shop(tx, NOW, name=name, **fields)
    return Member(shop, _key(tx, shown.private_key), _key(tx, shown.test_key), shown)


def _key(tx: Transaction, shown: str) -> Key:
    found = authenticate(tx, shown)
    assert found is not None
    return found[1]


def same_member(tx: Transaction, member: Member) -> Member:
    """The member as this database has it, which may have been restored since."""
    shop = find_shop(tx, str(member.shop.id))
    assert shop is not None
    return member._replace(shop=shop)


def order(
    id_order: str = "1234", reference: str | None = None, email: str = "clara@nunez.example", **fields: Any
) -> Order:
    """Clara's order, but for what is said otherwise."""
    usual = {
        "order_date": "2019-01-01 12:00:00",
        "firstname": "Clara",
        "lastname": "Nunez",
        "phone": None,
        "store_id": None,
        "lines": '[{"id":100,"name":"Rye bread"}]',
    }
    return Order(id_order=id_order, reference=reference, email=email, **usual | fields)


class Imported(NamedTuple):
    """The invitation that an order has earned."""

    invitation_id: int
    due_at: int


def import_batch(
    tx: Transaction, member: Member, *orders: Order, live: bool = True, at: float = NOW
) -> list[Imported | None]:
    """What became of each order; None stands for a duplicate."""
    arrival = Arrival(member.shop, member.key(live=live), list(enumerate(orders)), at)
    [stored] = import_orders(tx, [arrival])
    return [Imported(number, stored.due_at) if number else None for number in stored.numbers]


def import_one(
    tx: Transaction, member: Member, one: Order | None = None, *, live: bool = True, at: float = NOW
) -> Imported:
    """An order that must not be a duplicate."""
    [imported] = import_batch(tx, member, one or order(), live=live, at=at)
    assert imported is not None
    return imported


def claim(
    tx: Transaction, member: Member, now: float, *, holder: str = "first", live: bool = True, most: int = 100
) -> list[Claim]:
    until = int(now) + 40
    return claim_due(tx, [member.shop.id], holder, live=live, now=now, lease_until=until, most=most)


def mark_sending(tx: Transaction, claim: Claim, *, now: float, lease_until: int) -> bool:
    """The mark of one letter."""
    [marked] = take_steps(tx, [Mark(claim, now, lease_until)])
    return marked is True


def record_outcome(
    tx: Transaction, claim: Claim, outcome: Outcome, *, now: float, next_try_at: int | None
) -> State | None:
    """The outcome of one letter, and the state that it leads to."""
    [state] = take_steps(tx, [Record(claim, outcome, now, next_try_at)])
    assert not isinstance(state, bool)
    return state


def seen(database: EngineDatabase, invitation_id: int) -> InvitationRow:
    return database.read_now(lambda tx: find_invitation(tx, invitation_id))


def state(database: EngineDatabase, invitation_id: int) -> str:
    return seen(database, invitation_id).state


def counted(database: EngineDatabase, table: str) -> int:
    """The rows of a table as anybody else sees them, through a connection of its own."""
    count: int = database.read_now(lambda tx: tx.rows(f"SELECT count(*) FROM {table}"))[0][0]
    return count


def writing(database: EngineDatabase) -> apsw.Connection:
    """The one connection that writes, for tests that hold it up or count what it does."""
    assert isinstance(database._writer, WriterThread)
    connection = database._writer.committer.connection
    assert isinstance(connection, SqliteConnection)
    return connection.raw


def count_commits(database: EngineDatabase) -> list[None]:
    """A list that from now on grows by one with each commit of the writer."""
    assert isinstance(database._writer, WriterThread)
    made: list[None] = []
    connection = database._writer.committer.connection
    commit = connection.commit

    def commit_and_count(*, awaited: bool = False) -> None:
        commit(awaited=awaited)
        made.append(None)

    connection.commit = commit_and_count  # type: ignore[method-assign]
    return made
