"""One look tells all workers of a process when the next message is due. On a cluster, where it asks every shard, it
is rare, and what is due sooner is announced."""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from afterword.base.errors import Refused
from afterword.dispatch import watch as module
from afterword.dispatch.watch import Watch
from afterword.domain.messages import MessageKind
from afterword.store.engine.database import Database, Transaction
from afterword.store.messages.doubts import settle_doubts
from afterword.store.messages.due import announced, is_spread, next_due, next_due_on_cluster
from afterword.store.messages.invitations import move_invitation, send_invitation
from afterword.store.messages.steps import LONGEST_LEASE, rescue_lapsed
from tests.dispatch.running import dispatching, imported, until
from tests.peers import RelayPeer, run
from tests.store.cast import DUE, NOW, Customer, Member, MovableClock
from tests.store.databases import execute
from tests.store.kinds import KINDS, cause

T = TypeVar("T")

Looks = list[Callable[[Transaction], object]]


@pytest.fixture
def spread(database: Database, engine: str) -> Database:
    """A cluster, or a PostgreSQL that has the index by which a cluster is known."""
    if engine == "postgres":
        execute(database, "CREATE INDEX messages_by_next ON messages (next_try_at) WHERE state = 'scheduled'")
    assert database.read_now(is_spread)
    return database


@pytest.fixture
def looks(database: Database, monkeypatch: pytest.MonkeyPatch) -> Looks:
    """What was read."""
    read, found = database.read, Looks()

    async def watched(work: Callable[[Transaction], T]) -> T:
        found.append(work)
        return await read(work)

    monkeypatch.setattr(database, "read", watched)
    return found


async def ask(watch: Watch) -> list[bool]:
    """Six workers at once."""
    return await asyncio.gather(*(watch.is_anything_due(now) for now in (NOW, DUE, DUE, NOW, DUE, NOW)))


@pytest.mark.sqlite
@pytest.mark.postgres
@pytest.mark.parametrize("kind", KINDS)
def test_a_message_of_each_kind_is_seen_when_it_is_due(
    database: Database, alba: Member, clara: Customer, kind: MessageKind
) -> None:
    assert_seen_when_due(database, alba, clara, kind)


@pytest.mark.postgres
@pytest.mark.citus
@pytest.mark.parametrize("kind", KINDS)
def test_a_message_of_each_kind_is_seen_on_a_cluster_when_it_is_due(
    spread: Database, alba: Member, clara: Customer, kind: MessageKind
) -> None:
    assert_seen_when_due(spread, alba, clara, kind)


def assert_seen_when_due(database: Database, alba: Member, clara: Customer, kind: MessageKind) -> None:
    assert not run(Watch(database).is_anything_due(2 * DUE))
    cause(kind, alba, clara)
    [(first,)] = alba.rows("SELECT min(next_try_at) FROM messages WHERE state = 'scheduled'")
    watch = Watch(database)
    assert [run(watch.is_anything_due(now)) for now in (first - 1, first)] == [False, True]


@pytest.mark.sqlite
@pytest.mark.postgres
def test_all_workers_of_a_process_ask_once(alba: Member, database: Database, looks: Looks) -> None:
    imported(alba)
    watch = Watch(database)

    async def ask_twice() -> None:
        assert await ask(watch) == [False, True, True, False, True, False]
        assert looks == [is_spread, next_due] and not watch.is_spread
        await asyncio.sleep(module.EVERY)
        assert (await ask(watch))[1] and looks == [is_spread, next_due, next_due]

    run(ask_twice())


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ASK_EVERY", 0.1)
    monkeypatch.setattr(module, "SPREAD_EVERY", 0.2)


@pytest.mark.postgres
@pytest.mark.citus
@pytest.mark.usefixtures("quickly")
def test_on_a_cluster_a_look_follows_an_announcement_alone(
    spread: Database, alba: Member, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(spread)

    async def after_a_while() -> list[bool]:
        await asyncio.sleep(0.25)
        return await ask(watch)

    async def ask_again_and_again() -> None:
        assert await ask(watch) == 6 * [False]
        assert looks == [is_spread, announced, next_due_on_cluster] and watch.is_spread
        imported(alba)  # due in ten days, and this test is over before
        assert await after_a_while() == await after_a_while() == 6 * [False]
        assert looks[3:] == [announced, announced]
        alba.changes(delay=60).sends("2", at=DUE - 60)
        assert await after_a_while() == [False, True, True, False, True, False]
        assert looks[5:] == [announced, next_due_on_cluster]
        assert (await after_a_while())[0] is False and looks[7:] == [announced]  # its time is known
        monkeypatch.setattr(module, "SPREAD_AT_LEAST_EVERY", 0.1)
        assert (await after_a_while())[1] and looks[8:] == [announced, next_due_on_cluster]

    run(ask_again_and_again())


def importing(alba: Member, clara: Customer) -> Iterator[None]:
    yield
    alba.sends("1", live=False)


def causing(kind: MessageKind) -> Callable[[Member, Customer], Iterator[None]]:
    def deed(alba: Member, clara: Customer) -> Iterator[None]:
        yield
        cause(kind, alba, clara)

    return deed


def releasing(alba: Member, clara: Customer) -> Iterator[None]:
    imported(alba)
    one = alba.claims_one()
    yield
    assert alba.releases(one) == 1


def deferring(alba: Member, clara: Customer) -> Iterator[None]:
    imported(alba)
    one = alba.claims_one()
    yield
    assert alba.records(one, "deferred", again=DUE + 5) == "scheduled"


def rescuing(alba: Member, clara: Customer) -> Iterator[None]:
    imported(alba)
    alba.claims_one()
    yield
    assert alba.acts(rescue_lapsed, frozenset(), now=DUE + LONGEST_LEASE) == (1, 0)


def moving(alba: Member, clara: Customer) -> Iterator[None]:
    one = alba.sees(imported(alba))
    yield
    alba.acts(move_invitation, one.id, NOW)


def sending_now(alba: Member, clara: Customer) -> Iterator[None]:
    one = alba.sees(imported(alba))
    yield
    alba.acts(send_invitation, one.id, NOW)


def settling(alba: Member, clara: Customer) -> Iterator[None]:
    imported(alba)
    one = alba.claims_one()
    assert alba.marks(one) and alba.records(one, "in_doubt") == "in_doubt"
    yield
    assert alba.acts(settle_doubts, alba.shop, arrived=False, after=0, now=DUE) == [one.message.id]


ANNOUNCED = {
    "a test order": importing,
    **{f"a {kind}": causing(kind) for kind in KINDS if kind != "invitation"},
    "what is put back": releasing,
    "what is to be tried again": deferring,
    "what a crash left": rescuing,
    "what the shop moved": moving,
    "what the shop sends now": sending_now,
    "what did not arrive": settling,
}


@pytest.mark.postgres
@pytest.mark.citus
@pytest.mark.parametrize("deed", ANNOUNCED.values(), ids=ANNOUNCED)
def test_what_is_due_soon_is_announced_on_a_cluster(
    spread: Database,
    alba: Member,
    clara: Customer,
    deed: Callable[[Member, Customer], Iterator[None]],
) -> None:
    doing = deed(alba, clara)
    next(doing)
    before = spread.read_now(announced)
    assert [*doing] == []
    assert spread.read_now(announced) != before


@pytest.mark.postgres
@pytest.mark.citus
def test_what_is_due_in_ten_days_is_sent_or_is_rolled_back_is_not_announced(
    spread: Database, alba: Member
) -> None:
    def fail(tx: Transaction) -> None:
        tx.announce()
        raise Refused("it did not happen")

    before = spread.read_now(announced)
    one = alba.sees(imported(alba))
    with pytest.raises(Refused):
        alba.acts(fail)
    assert alba.sends_due() == [one.id_order]
    assert spread.read_now(announced) == before


@pytest.mark.postgres
def test_elsewhere_than_on_a_cluster_nothing_is_announced(database: Database, alba: Member) -> None:
    before = database.read_now(announced)
    alba.sends("1", live=False)
    assert database.read_now(announced) == before


@pytest.mark.postgres
@pytest.mark.citus
@pytest.mark.usefixtures("spread", "reachable")
def test_what_is_new_and_due_at_once_is_sent_within_two_seconds(alba: Member, clock: MovableClock) -> None:
    """And what waits for its time, when that has come, however long ago the last look was."""
    clock.now = DUE

    async def send() -> None:
        async with dispatching(alba, clock, peer):
            await asyncio.sleep(0.5)
            alba.changes(delay=1).sends(at=DUE - 1)
            began = time.monotonic()
            await until(lambda: len(peer.messages) == 1)
            assert time.monotonic() - began < 2.0

    with RelayPeer() as peer:
        run(send())
