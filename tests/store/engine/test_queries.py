"""The named SQL: every piece fits the schema, is used, and stays quick however much waits."""

import re
from importlib import resources
from pathlib import Path

import pytest

import afterword
from afterword.store import queries
from afterword.store.engine.database import Database
from afterword.store.engine.postgres.database import PostgresDatabase
from afterword.store.journal.rows import RowsPlace
from afterword.store.queries import all_queries, query, query_by_ids
from tests.store.databases import execute, rows
from tests.store.journal.journals import OF_A_JOURNAL

PACKAGE = Path(afterword.__file__).parent
CODE = "\n".join(file.read_text() for file in PACKAGE.rglob("*.py"))

MAY_SCAN = (
    "all_heads",
    "all_suppressions",
    "any_entry",
    "any_journal",
    "count_invitations",
    "count_orders",
    "doubtful_invitations",
    "due_webhooks",
    "forget_journals",
    "key_by_id",
    "list_shops",
    "shops_of_old_refused",
    "stopped_webhooks",
    "unsent_messages",
    "webhook_by_id",
)
"""What is asked on the command line alone, or of a table of few rows. All the rest is asked while orders come in or
messages go out, or by a person who waits: an index gives it what it reads."""

SMALL = (
    "SCAN s USING",
    "SCAN due",
    "SCAN behind",
    "CONSTANT ROW",
    "INDEX messages_held",
    "INDEX reviews_waiting",
)
"""What may be read from end to end: the shops, and the indexes of what is in hand just now, and of what waits."""


def sql_files() -> list[str]:
    files = resources.files(queries).iterdir()
    return [file.read_text("utf-8") for file in files if file.name.endswith(".sql")]


def plan(database: Database, name: str, **values: object) -> list[str]:
    """The steps in which the engine does what a query of that name says."""
    how = "EXPLAIN" if isinstance(database, PostgresDatabase) else "EXPLAIN QUERY PLAN"
    sql = query(name)
    wanted = {each: values.get(each) for each in re.findall(r":([a-z]\w*)", sql)}
    return [str(row[-1]) for row in rows(database, f"{how} {sql}", wanted)]


OF_POSTGRESQL = [
    "announce",
    "announced",
    "next_due_on_cluster",
    "next_order_ids",
    "next_review_number",
    "spare_nodes",
    *OF_A_JOURNAL,
]
"""What has no meaning elsewhere."""


NOT_ON_A_CLUSTER = ["next_due"]


@pytest.mark.parametrize("name", [name for name in all_queries() if name not in OF_POSTGRESQL])
def test_every_query_fits_the_schema(database: Database, engine: str, name: str) -> None:
    if engine != "citus" or name not in NOT_ON_A_CLUSTER:
        plan(database, name, shop_id=1)


@pytest.mark.postgres
def test_every_query_of_postgresql_fits_its_schema(database: PostgresDatabase) -> None:
    assert RowsPlace(database.url).find() is None  # which makes its tables
    for name in OF_POSTGRESQL:
        if not name.startswith("create_"):
            assert plan(database, name)


def test_every_piece_of_the_files_is_found_and_no_two_have_one_name() -> None:
    names = [name for text in sql_files() for name in re.findall(r"^-- name: *(\S*)", text, re.MULTILINE)]
    assert sorted(names) == sorted(all_queries())


def test_every_query_is_used_and_every_used_one_is_there() -> None:
    asked = set(re.findall(r"\bquery(?:_of_rows)?\(\s*\"(\w+)\"", CODE))
    assert asked <= set(all_queries())
    unused = [name for name in all_queries() if f'"{name}"' not in CODE]
    assert unused == []


LISTS = {
    "sent_orders": "messages_of_shop",
    "sent_test_orders": "messages_of_test",
    "ended_orders": "messages_ended",
    "newest_suppressions": "suppressions_newest",
    "waiting_reviews": "reviews_waiting",
    "changed_reviews": "reviews_changed",
    "changed_unpublished": "reviews_unpublished_changed",
    "newest_refused": "",
    "refused_by_day": "",
    "team_of_shop": "roles_of_shop",
    "roles_of_user": "",
    "session_by_secret": "",
    "sessions_of_user": "sessions_of_user",
    "user_by_email": "",
}
"""What the dashboard reads, and the index that it needs; where that is empty, a key."""

OF_FEW = ("refused_by_day", "team_of_shop", "sessions_of_user")
"""Lists that are sorted after they were read, since they are short: days, people, browsers."""


@pytest.mark.sqlite
@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_the_dashboard_reads_no_table_from_end_to_end(database: Database, name: str) -> None:
    found = plan(database, name, shop_id=1, live=1, most=25)
    assert not [line for line in found if line.startswith("SCAN")], found
    assert "USE TEMP B-TREE FOR ORDER BY" not in found or name in OF_FEW, found
    assert LISTS[name] in " ".join(found), found


def fill(database: Database, sql: str, *, is_analyzed: bool) -> None:
    execute(database, sql)
    if is_analyzed:
        execute(database, "ANALYZE")


ONE_BY_ONE = """
INSERT INTO orders (shop_id, order_id, live, id_order, order_date, received_at, firstname, lastname, email, lang,
                    lines)
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000)
SELECT 7, n, 1, CAST(n AS TEXT), '2019-01-01 12:00:00', 1, 'Clara', 'Nunez', 'clara@nunez.example', 'en', '[]'
FROM numbers
"""


@pytest.mark.parametrize("is_analyzed", [False, True])
def test_which_orders_are_new_is_asked_by_their_numbers(
    database: Database, engine: str, is_analyzed: bool
) -> None:
    """Not by the shop, whose orders may be millions: one duplicate would hold up everybody's orders."""
    fill(database, ONE_BY_ONE, is_analyzed=is_analyzed)
    found = " ".join(plan(database, "which_orders", shop_id=7, first=15_000, last=15_010))
    wanted = "INTEGER PRIMARY KEY (rowid>? AND rowid<?)" if engine == "sqlite" else "order_id <= 15010"
    assert wanted in found, found
    assert engine == "sqlite" or "Index Cond" in found, found


@pytest.mark.sqlite
@pytest.mark.parametrize("is_analyzed", [False, True])
def test_what_is_claimed_is_found_by_its_numbers(database: Database, is_analyzed: bool) -> None:
    """Not by the shop: a claim would read all that waits there."""
    fill(database, WAITING, is_analyzed=is_analyzed)
    found = plan(database, "claim_due", **OF_ALBA)
    assert "SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)" in found, found


@pytest.mark.sqlite
def test_what_is_asked_all_the_time_reads_no_whole_table(database: Database) -> None:
    scanning = []
    for name in sorted(all_queries().keys() - set(OF_POSTGRESQL)):
        steps = plan(database, name)
        if any(step.startswith("SCAN") and not any(map(step.__contains__, SMALL)) for step in steps):
            scanning.append(name)
    assert scanning == sorted(MAY_SCAN)


IN_THE_ORDER_OF = {
    "claim_due": "messages_due",
    "count_due": "messages_by_time",
    "first_due": "messages_by_time",
    "oldest_due": "messages_by_time",
}
"""The index that gives a query its rows, the oldest first, so that no more are read than are wanted."""

WAITING = """
INSERT INTO messages (shop_id, message_id, live, kind, queue, due_at, next_try_at, state, tries)
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000)
SELECT n - n / 10 * 10, n, 1, 'invitation', 0, n, n, 'scheduled', 0 FROM numbers
"""
"""Of ten shops in turn, a second apart."""

OF_ALBA = {
    "shop_id": 7,
    "queue": 0,
    "webhook_id": 0,
    "live": 1,
    "now": 15_000,
    "most": 64,
    "claim": "c",
    "lease_until": 1,
}


@pytest.mark.sqlite
@pytest.mark.postgres
def test_the_front_of_each_queue_is_all_that_is_read_of_it(database: Database) -> None:
    fill(database, WAITING, is_analyzed=True)
    steps = plan(database, "next_due")
    assert any("messages_by_time" in step for step in steps), steps
    assert not any("TEMP B-TREE" in step or "Sort" in step or "Seq Scan" in step for step in steps), steps


def test_the_oldest_due_are_found_without_sorting(database: Database, engine: str) -> None:
    """On a cluster each shard finds its own so, and they are sorted. Where a shard has few shops and one kind of
    message, any index of due times will do."""
    fill(database, WAITING, is_analyzed=True)
    for name, index in IN_THE_ORDER_OF.items():
        steps = plan(database, name, **OF_ALBA)
        if engine == "citus":
            steps = steps[next(n for n, step in enumerate(steps) if step.endswith("->  Task")) :]
            index = "messages_"
        assert not any("TEMP B-TREE" in step or "Sort" in step for step in steps), steps
        assert any(index in step for step in steps), steps


@pytest.mark.parametrize("name", ["find_suppression", "claim_due", "insert_orders"])
def test_what_is_not_about_one_order_is_not_made_to_be_of_many(name: str) -> None:
    with pytest.raises(ValueError, match="not about the row of one order"):
        query_by_ids(all_queries()[name])
