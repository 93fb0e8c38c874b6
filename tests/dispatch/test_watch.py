"""On a cluster one look tells all workers of a process when the next message is due; elsewhere each looks itself."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

import pytest

from afterword.dispatch import watch as module
from afterword.dispatch.watch import Watch
from afterword.domain.messages import MessageKind
from afterword.store.engine.database import Database, Transaction
from afterword.store.messages.due import is_spread, next_due
from tests.dispatch.running import dispatching, imported, until
from tests.peers import RelayPeer, run
from tests.store.cast import DUE, NOW, Customer, Member, MovableClock
from tests.store.databases import execute
from tests.store.kinds import KINDS, cause

T = TypeVar("T")


@pytest.fixture
def spread(database: Database, engine: str) -> Database:
    """A cluster, or a PostgreSQL that has the index by which a cluster is known."""
    if engine == "postgres":
        execute(database, "CREATE INDEX messages_by_next ON messages (next_try_at) WHERE state = 'scheduled'")
    assert database.read_now(is_spread)
    return database


@pytest.fixture
def looks(spread: Database, monkeypatch: pytest.MonkeyPatch) -> list[Callable[[Transaction], object]]:
    """What was read."""
    read, found = spread.read, list[Callable[[Transaction], object]]()

    async def watched(work: Callable[[Transaction], T]) -> T:
        found.append(work)
        return await read(work)

    monkeypatch.setattr(spread, "read", watched)
    return found


@pytest.mark.sqlite
@pytest.mark.postgres
def test_elsewhere_than_on_a_cluster_every_worker_looks_itself(database: Database) -> None:
    watch = Watch(database)
    assert run(watch.is_anything_due(NOW)) and not watch.is_spread


@pytest.mark.postgres
@pytest.mark.citus
@pytest.mark.parametrize("kind", KINDS)
def test_a_message_of_each_kind_is_seen_when_it_is_due(
    spread: Database, alba: Member, clara: Customer, kind: MessageKind
) -> None:
    assert not run(Watch(spread).is_anything_due(2 * DUE))
    cause(kind, alba, clara)
    [(first,)] = alba.rows("SELECT min(next_try_at) FROM messages WHERE state = 'scheduled'")
    watch = Watch(spread)
    assert [run(watch.is_anything_due(now)) for now in (first - 1, first)] == [False, True]


@pytest.mark.postgres
@pytest.mark.citus
def test_all_workers_of_a_process_ask_once(
    alba: Member, spread: Database, looks: list[Callable[[Transaction], object]]
) -> None:
    imported(alba)
    watch = Watch(spread)

    async def ask() -> list[bool]:
        return await asyncio.gather(*(watch.is_anything_due(now) for now in (NOW, DUE, DUE, NOW, DUE, NOW)))

    assert run(ask()) == [False, True, True, False, True, False]
    assert looks == [is_spread, next_due]


@pytest.mark.postgres
@pytest.mark.citus
def test_it_is_asked_again_after_a_while(
    spread: Database, alba: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EVERY", 0.2)
    watch = Watch(spread)
    assert not run(watch.is_anything_due(DUE))
    imported(alba)
    assert not run(watch.is_anything_due(DUE))
    time.sleep(0.3)
    assert run(watch.is_anything_due(DUE))


@pytest.mark.postgres
@pytest.mark.citus
@pytest.mark.usefixtures("spread", "reachable")
def test_what_is_new_and_due_at_once_is_sent_within_two_seconds(alba: Member, clock: MovableClock) -> None:
    """And what waits for its time, when that has come, however long ago the last look was."""
    clock.now = DUE

    async def send() -> None:
        async with dispatching(alba, clock, peer):
            await asyncio.sleep(0.5)
            imported(alba)
            began = time.monotonic()
            await until(lambda: len(peer.messages) == 1)
            assert time.monotonic() - began < 2.0

    with RelayPeer() as peer:
        run(send())
