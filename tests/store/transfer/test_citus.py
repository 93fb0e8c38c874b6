"""Citus: each statement names its shop, or is known to ask all nodes; what is spread can be; `migrate --citus`.

No cluster runs here. The statements are read (see `shards`), and the spreading is tried against a plain PostgreSQL
that pretends (see `tests.citus`). With AFTERWORD_TEST_CITUS, the whole store is tried on a real one.
"""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from afterword.base.errors import Refused
from afterword.store.engine.database import Transaction
from afterword.store.engine.postgres.database import PostgresDatabase
from afterword.store.queries import all_queries, query_by_ids
from afterword.store.shops import change_shop, list_shops
from afterword.store.transfer.citus import distribute
from afterword.store.transfer.tables import tables
from tests.citus import pretend_citus
from tests.store.cast import add_member, new_member
from tests.store.databases import another, closing_now, execute, rows
from tests.store.journal.journals import OF_A_JOURNAL
from tests.store.transfer.shards import NotOnCitus, where_it_runs

pytestmark = pytest.mark.postgres

DOCUMENTED = Path(__file__).parents[3] / "docs/citus.md"

SPREAD = frozenset(table.name for table in tables() if "shop_id" in table.columns)

ASKS_ALL_NODES = {
    name
    for row in re.findall(r"^\| (`\w+`.*?) \|", DOCUMENTED.read_text("utf-8"), re.MULTILINE)
    for name in re.findall(r"`(\w+)`", row)
}
"""The reads that go to every shard, as the table of docs/citus.md says when. Nothing that is done for each order,
message or page is among them."""


OF_NO_ROW = ["next_due", "spare_nodes", *OF_A_JOURNAL]
"""What is not asked on a cluster, or is about no row of it."""


@pytest.mark.parametrize("name", [name for name in all_queries() if name not in OF_NO_ROW])
def test_a_statement_stays_on_one_node_or_is_known_to_ask_all(name: str) -> None:
    assert (where_it_runs(all_queries()[name], SPREAD) == "all nodes") == (name in ASKS_ALL_NODES)


OF_MANY = ("claimed_message", "mark_sending", "record_outcome", "release_claim", "renew_lease")


@pytest.mark.parametrize("name", OF_MANY)
def test_what_is_done_for_one_message_is_done_for_many_on_the_same_node(name: str) -> None:
    assert where_it_runs(query_by_ids(all_queries()[name]), SPREAD) == "one node"


def test_the_lists_name_statements_that_are_there() -> None:
    assert set(ASKS_ALL_NODES) <= set(all_queries())


REFUSED = {
    "UPDATE orders SET lang = 'fr' WHERE order_id = :order_id": "their shop is not named",
    "UPDATE orders SET lang = 'fr' WHERE shop_id = :s OR shop_id = :t": "one of several conditions",
    "UPDATE orders SET lang = 'fr' WHERE (shop_id = :s OR live = 1)": "their shop is not named",
    "UPDATE orders SET lang = 'fr' WHERE shop_id > :shop_id": "their shop is not named",
    "UPDATE orders SET lang = 'fr' WHERE CASE WHEN live = 1 AND shop_id = :s AND live = 1 THEN 1 END": "not named",
    "DELETE FROM orders": "their shop is not named",
    "INSERT INTO orders (order_id) VALUES (:order_id)": "their shop is not named",
    "INSERT INTO orders (shop_id) VALUES (:one), (:two)": "one row of values",
    "INSERT INTO orders (shop_id) SELECT shop_id FROM shops": "one row of values",
    "INSERT INTO keys (shop_id, live) VALUES (:s, (SELECT 1))": "a subquery among the values",
    "UPDATE orders SET shop_id = :to WHERE shop_id = :shop_id": "moved to another shop",
    "INSERT INTO keys (shop_id) VALUES (:s) ON CONFLICT (id) DO UPDATE SET shop_id = :t": "moved to another shop",
    "SELECT lang FROM orders WHERE order_id = :o FOR UPDATE": "locked and their shop is not named",
    "UPDATE keys SET revoked_at = now() WHERE shop_id = :shop_id": "does not know currenttimestamp",
    "UPDATE keys SET key_id = nextval('ids') WHERE shop_id = :shop_id": "not be the same each time: nextval",
    "SELECT 1 FROM orders o JOIN keys k ON k.live = o.live": "joined otherwise than by shop",
    "SELECT 1 FROM orders o JOIN keys k ON k.live = 1 OR k.live = 0 AND k.shop_id = o.shop_id": "one of several",
    "SELECT 1 FROM orders o, keys k WHERE o.shop_id = k.key_id": "joined otherwise than by shop",
    "SELECT 1 FROM orders o, keys k WHERE o.shop_id = :s AND k.shop_id = :t": "more than one shop",
    "SELECT 1 FROM orders o, keys k WHERE o.shop_id = :s AND k.live = 1": "otherwise than by shop",
    "UPDATE keys SET live = 0 WHERE shop_id = :s AND NOT EXISTS (SELECT 1 FROM orders)": "their shop is not named",
    "SELECT 1 FROM counters c WHERE EXISTS (SELECT 1 FROM orders o)": "a table of the coordinator",
    "SELECT 1 FROM orders WHERE shop_id IN (SELECT shop_id FROM shops)": "otherwise than by shop",
    "WITH a AS (SELECT shop_id FROM orders) SELECT 1 FROM a": "a CTE",
    "SELECT (SELECT 1 FROM keys k WHERE k.live = few.live) FROM (SELECT 1) AS few": "beside one in FROM",
    "SELECT 1 FROM orders o RIGHT JOIN keys k ON k.shop_id = o.shop_id": "does not know right",
    "SELECT 1 FROM public.orders": "does not know db",
    "SELECT 1 FROM orders o, keys k WHERE shop_id = :shop_id": "does not say of which table",
    "SELECT 1 FROM orders o WHERE a.shop_id = :shop_id": "does not find a",
    "TRUNCATE orders": "begins with truncate",
    "SELECT 1; SELECT 2": "more than one statement",
    'SELECT 1 FROM "orders"': "does not know quoted",
}


@pytest.mark.parametrize(("sql", "why"), REFUSED.items())
def test_the_reader_refuses_what_citus_would_refuse_or_what_it_does_not_know(sql: str, why: str) -> None:
    with pytest.raises(NotOnCitus, match=why):
        where_it_runs(sql, SPREAD)


RUNS_ON = {
    "SELECT 1 FROM orders o JOIN keys k ON k.shop_id = o.shop_id WHERE o.shop_id = :shop_id": "one node",
    "SELECT 1 FROM orders o WHERE o.shop_id = :s FOR UPDATE SKIP LOCKED": "one node",
    "SELECT 1 FROM orders o WHERE o.live = 1 AND :s = o.shop_id -- FOR UPDATE": "one node",
    "SELECT 1 FROM shops s WHERE EXISTS (SELECT 1 FROM keys k WHERE k.shop_id = s.shop_id)": "all nodes",
    "SELECT (SELECT k.lang FROM keys k WHERE k.shop_id = s.shop_id) FROM shops s WHERE s.shop_id = :s": "all nodes",
    "SELECT (SELECT k.lang FROM keys k WHERE k.shop_id = :s) FROM shops s WHERE s.shop_id = :s": "one node",
    "INSERT INTO orders (lang, shop_id) VALUES (lower('FR'), :shop_id) ON CONFLICT DO NOTHING": "one node",
    "UPDATE counters SET next_id = next_id + 1": "coordinator",
}


@pytest.mark.parametrize(("sql", "place"), RUNS_ON.items())
def test_the_reader_says_where_a_statement_runs(sql: str, place: str) -> None:
    assert where_it_runs(sql, SPREAD) == place


@pytest.fixture
def cluster(database: PostgresDatabase) -> PostgresDatabase:
    """An empty database that pretends to be a cluster."""
    pretend_citus(database.url)
    return database


def spread_tables(database: PostgresDatabase) -> dict[str, tuple[str, int]]:
    asked = "SELECT logicalrelid::text, partkey, colocationid FROM pg_dist_partition"
    return {name: (key, group) for name, key, group in rows(database, asked)}


def test_every_table_of_the_shops_is_spread_and_no_other(cluster: PostgresDatabase) -> None:
    assert set(distribute(cluster)) == SPREAD
    found = spread_tables(cluster)
    assert {key for key, _ in found.values()} == {"shop_id"}
    assert len({group for _, group in found.values()}) == 1
    assert set(found) == SPREAD
    assert {name for (name,) in rows(cluster, "SELECT * FROM truncated")} == SPREAD


def test_spreading_again_does_nothing_and_goes_on_with_what_is_not_spread_yet(
    cluster: PostgresDatabase,
) -> None:
    distribute(cluster)
    assert distribute(cluster) == []
    execute(cluster, "DELETE FROM pg_dist_partition WHERE logicalrelid = 'keys'::regclass")
    assert distribute(cluster) == ["keys"]
    assert sorted(spread_tables(cluster)) == sorted(SPREAD)


def test_what_citus_refuses_is_said_and_undoes_everything(cluster: PostgresDatabase) -> None:
    execute(cluster, "CREATE UNIQUE INDEX wrong ON suppressions (address)")
    with pytest.raises(Refused, match=r'^Citus refused: cannot create constraint on "suppressions": wrong$'):
        distribute(cluster)
    assert spread_tables(cluster) == {}
    named = "SELECT conname FROM pg_constraint WHERE conname = 'shops_name_key'"
    assert rows(cluster, named) == [("shops_name_key",)]


def test_a_node_that_acknowledges_before_the_disk_is_refused(database: PostgresDatabase) -> None:
    pretend_citus(database.url, synchronous_commit="off")
    with pytest.raises(Refused, match="synchronous_commit is off on the node worker-1:5432"):
        distribute(database)
    assert spread_tables(database) == {}


def test_names_stay_unique_where_no_key_can_hold_them(cluster: PostgresDatabase) -> None:
    distribute(cluster)
    new_member(cluster, "Bruno's books")
    has_added, may_commit = threading.Event(), threading.Event()

    def add_slowly(tx: Transaction) -> None:
        add_member(tx, "Alba's bakery")
        has_added.set()
        may_commit.wait(10)

    with closing_now(another(cluster)) as other, ThreadPoolExecutor() as threads:
        first = threads.submit(cluster.write_now, add_slowly)
        assert has_added.wait(10)
        second = threads.submit(new_member, other, "Alba's bakery")
        with pytest.raises(TimeoutError):
            second.result(0.3)
        may_commit.set()
        first.result()
        with pytest.raises(Refused, match=r'^there is already a shop named "Alba\'s bakery"$'):
            second.result()
    shops = cluster.read_now(list_shops)
    assert [shop.name for shop in shops] == ["Bruno's books", "Alba's bakery"]
    with pytest.raises(Refused, match="there is already a shop named"):
        cluster.write_now(lambda tx: change_shop(tx, shops[0], name="Alba's bakery"))
