"""A node of a cluster that does not answer costs its own shops and nothing else.

No cluster runs here: one PostgreSQL pretends that Bruno's shop is on another node than Alba's, and what reads the row
of his shop hangs while that node is frozen.
"""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from afterword.base.errors import NodeAway, StoreUnavailable
from afterword.domain.messages import Queue
from afterword.store.engine.database import Database, Transaction
from afterword.store.engine.postgres import nodes as module
from afterword.store.engine.postgres.database import PostgresDatabase
from afterword.store.messages.due import due_sources, next_due_on_cluster
from afterword.store.orders import Arrival, Stored, import_orders
from afterword.store.shops import find_public_key, find_shop
from tests.store.cast import DUE, NOW, Member, order
from tests.store.databases import execute, run
from tests.web.asking import ask_at_once, web_on

pytestmark = pytest.mark.postgres

PRETENDED = """
CREATE INDEX messages_by_next ON messages (next_try_at) WHERE state = 'scheduled';
CREATE TABLE pg_dist_placement (shardid BIGINT, groupid BIGINT);
CREATE TABLE frozen (shop_id BIGINT);
CREATE FUNCTION get_shard_id_for_distribution_column(text, BIGINT) RETURNS BIGINT LANGUAGE sql AS 'SELECT $2';
CREATE FUNCTION answers(shop_id BIGINT) RETURNS BOOLEAN LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    WHILE EXISTS (SELECT 1 FROM frozen f WHERE f.shop_id = answers.shop_id) LOOP
        PERFORM pg_sleep(0.05);
    END LOOP;
    RETURN true;
END $$;
ALTER TABLE shops RENAME TO rows_of_shops;
CREATE VIEW shops AS SELECT * FROM rows_of_shops WHERE answers(shop_id);
"""


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SUSPECT_AFTER", 0.5)
    monkeypatch.setattr(module, "ANSWER_WITHIN", 0.4)
    monkeypatch.setattr(module, "LOOK_EVERY", 0.2)
    monkeypatch.setattr(module, "PLACES_COUNT_FOR", 0.2)


@pytest.fixture
def cluster(database: PostgresDatabase, alba: Member, bruno: Member) -> PostgresDatabase:
    """Alba's shop is on node 1, Bruno's on node 2; both are known to be."""
    execute(database, PRETENDED)
    for node, member in enumerate((alba, bruno), 1):
        values = {"shop": member.shop.id, "node": node}
        execute(database, "INSERT INTO pg_dist_placement VALUES (:shop, :node)", values)
    run(shops_of(database, alba, bruno))
    until(lambda: [database._reading.node_of(each.shop.id) for each in (alba, bruno)] == [1, 2])
    return database


@contextmanager
def frozen(database: Database, member: Member) -> Iterator[None]:
    """While the node of this shop does not answer."""
    execute(database, "INSERT INTO frozen VALUES (:shop)", {"shop": member.shop.id})
    try:
        yield
    finally:
        execute(database, "DELETE FROM frozen WHERE shop_id > 0")


def until(holds: object, seconds: float = 10.0) -> None:
    assert callable(holds)
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)


async def shops_of(database: Database, *members: Member) -> list[object]:
    """What each shop's read gives, all at once."""
    reading = (database.read(lambda tx, m=each: find_shop(tx, str(m.shop.id))) for each in members)  # type: ignore[misc]
    return await asyncio.gather(*reading, return_exceptions=True)


def posted(tx: Transaction, arrivals: list[Arrival]) -> list[Stored | Exception]:
    """As an order is: its shop is read, and it is stored."""
    for arrival in arrivals:
        find_shop(tx, str(arrival.shop.id))
    return [*import_orders(tx, arrivals)]


async def post(database: Database, name: str, *members: Member) -> list[object]:
    """The answers to an order of each shop, which are sent at once."""
    posting = [
        database.write_together(posted, Arrival(each.shop, each.live, [(0, order(name))], NOW), each.shop.id)
        for each in members
    ]
    return await asyncio.gather(*posting, return_exceptions=True)


def kinds(answers: list[object]) -> list[type]:
    return [type(answer) for answer in answers]


def test_a_write_that_hangs_costs_its_own_shop_and_the_next_one_costs_nothing(
    cluster: PostgresDatabase, alba: Member, bruno: Member
) -> None:
    async def all_of_it() -> None:
        assert kinds(await post(cluster, "1", alba, bruno)) == [Stored, Stored]
        with frozen(cluster, bruno):
            assert kinds(await post(cluster, "2", alba, bruno)) == [Stored, NodeAway]
            began = time.monotonic()
            assert kinds(await post(cluster, "3", bruno, alba, bruno)) == [NodeAway, Stored, NodeAway]
            assert time.monotonic() - began < 0.4
            await asyncio.sleep(0.5)
            assert list(cluster.nodes_away) == [2]
        await asyncio.to_thread(until, lambda: not cluster.nodes_away)
        assert kinds(await post(cluster, "2", bruno)) == [Stored]

    run(all_of_it())
    assert sorted(alba.rows("SELECT id_order FROM orders WHERE shop_id = :s", {"s": alba.shop.id})) == [
        ("1",),
        ("2",),
        ("3",),
    ]


def test_reads_that_hang_are_given_up_and_those_of_other_shops_are_answered(
    cluster: PostgresDatabase, alba: Member, bruno: Member
) -> None:
    async def all_of_it() -> None:
        with frozen(cluster, bruno):
            answers = await shops_of(cluster, *4 * [bruno], alba)
            assert kinds(answers) == [*4 * [NodeAway], type(alba.shop)]
            began = time.monotonic()
            assert kinds(await shops_of(cluster, *8 * [bruno], alba))[-2:] == [NodeAway, type(alba.shop)]
            assert time.monotonic() - began < 0.4
            [health] = await ask_at_once(web_on(cluster), "/healthz")
            assert (health.status, json.loads(health.content)) == (
                200,
                {"status": "partly", "nodes_away": [2]},
            )
        await asyncio.to_thread(until, lambda: not cluster.nodes_away)
        assert kinds(await shops_of(cluster, bruno)) == [type(bruno.shop)]
        [health] = await ask_at_once(web_on(cluster), "/healthz")
        assert json.loads(health.content) == {"status": "ok"}

    run(all_of_it())


def test_looks_pass_over_the_shops_of_a_node_that_is_away(
    cluster: PostgresDatabase, alba: Member, bruno: Member
) -> None:
    bruno.sends(at=NOW - 60)
    alba.sends()

    def due() -> list[int]:
        sources = cluster.read_now(lambda tx: due_sources(tx, Queue.INVITATIONS, live=True, now=DUE))
        return [source.shop_id for source in sources]

    assert due() == [alba.shop.id, bruno.shop.id]
    assert cluster.read_now(next_due_on_cluster) == DUE - 60
    with frozen(cluster, bruno):
        with pytest.raises(NodeAway):
            run(cluster.write(lambda tx: find_shop(tx, str(bruno.shop.id)), bruno.shop.id))
        assert due() == [alba.shop.id]
        assert cluster.read_now(next_due_on_cluster) == DUE
        found = cluster.read_now(lambda tx: find_public_key(tx, alba.shown.public_key))
        assert found is not None and found[0].id == alba.shop.id
        with pytest.raises(NodeAway):  # it may be Bruno's
            cluster.read_now(lambda tx: find_public_key(tx, "unknown"))
    until(lambda: not cluster.nodes_away)
    assert due() == [alba.shop.id, bruno.shop.id]


def test_what_only_takes_long_is_waited_for(cluster: PostgresDatabase, alba: Member) -> None:
    asked = "SELECT pg_sleep(1.5) IS NULL FROM shops WHERE shop_id = :shop_id"
    assert alba.rows(asked, {"shop_id": alba.shop.id}) == [(False,)]
    assert not cluster.nodes_away


def sleeps(seconds: float) -> Callable[[Transaction], object]:
    return lambda tx: tx.rows("SELECT pg_sleep(:seconds) IS NULL", {"seconds": seconds})


def test_nothing_that_somebody_waits_for_waits_for_ever(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GIVE_UP_AFTER", 0.5)

    async def ask() -> None:
        for asking in (database.read, database.write):
            began = time.monotonic()
            with pytest.raises(StoreUnavailable):
                await asking(sleeps(20))
            assert time.monotonic() - began < 5
            assert await asking(sleeps(0)) == [(False,)]

    run(ask())


def test_what_has_no_time_limit_takes_as_long_as_it_takes(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GIVE_UP_AFTER", 0.5)

    def migrate(tx: Transaction) -> object:
        tx.run("SET LOCAL statement_timeout = 0")
        return sleeps(1.5)(tx)

    assert database.write_now(migrate) == [(False,)]
    assert database.read_now(sleeps(1.5)) == [(False,)]  # a command, such as doctor
    with pytest.raises(StoreUnavailable):
        database.write_now(sleeps(20))


def test_a_node_whose_schema_is_being_changed_answers(cluster: PostgresDatabase, alba: Member) -> None:
    with psycopg.connect(cluster.url) as changing:
        changing.execute("LOCK TABLE rows_of_shops, shops IN ACCESS EXCLUSIVE MODE")
        reading = threading.Thread(target=lambda: run(shops_of(cluster, alba)))
        reading.start()
        time.sleep(2)
        assert not cluster.nodes_away
        changing.rollback()
        reading.join(10)
    assert not cluster.nodes_away


def test_the_rows_of_one_node_share_a_transaction(
    cluster: PostgresDatabase, alba: Member, bruno: Member
) -> None:
    """So that one that hangs holds no row of another."""
    seen: list[set[int]] = []

    def note(tx: Transaction, shops: list[int]) -> list[int]:
        seen.append(set(shops))
        return shops

    async def write() -> None:
        ids = [alba.shop.id, bruno.shop.id]
        await asyncio.gather(*(cluster.write_together(note, one, one) for one in 4 * ids))

    run(write())
    assert all(len(shops) == 1 for shops in seen)
    parts = cluster.by_node([bruno.shop.id, alba.shop.id, bruno.shop.id], lambda one: one)
    assert parts == [(bruno.shop.id, 2 * [bruno.shop.id]), (alba.shop.id, [alba.shop.id])]


def test_marks_go_on_after_all_lines_were_lost(cluster: PostgresDatabase, alba: Member) -> None:
    """Also after that on which the journal's place is stored, beside the transaction of a node."""
    for number in range(2):
        alba.sends(f"{number}")
    first, second = alba.claims()
    assert alba.marks(first)
    with psycopg.connect(cluster.url, autocommit=True) as other:
        ours = "datname = current_database() AND pid <> pg_backend_pid()"
        other.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}")
    for _ in range(2):  # the line to the rows, and the one beside it
        with pytest.raises(StoreUnavailable):
            alba.marks(second)
    assert alba.marks(second)
    assert alba.records(second, "sent") == "sent"
