"""What pages of reviews cost: no review is read but those that are shown, and none is sorted."""

import re
from collections.abc import Callable

import pytest

from afterword.store.engine.database import Database
from afterword.store.queries import query
from tests.store.databases import execute, rows

MANY = """
INSERT INTO reviews (shop_id, review_id, number, order_id, line, live, scope, state, version, rating, text, author,
                     lang, experience_date, salt, written_at, changed_at, published_at, flags, wants_reply, text_hash,
                     address_hash)
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000)
SELECT n - n / 2 * 2, n * 1024, n, n, 0, 1, CASE WHEN n - n / 4 * 4 < 2 THEN 'site' ELSE '100' END,
       CASE WHEN n - n / 20 * 20 = 1 THEN 'waiting' WHEN n - n / 20 * 20 = 3 THEN 'rejected' ELSE 'published' END,
       1, 1 + n - n / 5 * 5, 'Words ' || n, 'Clara N.', 'en', '2026-01-01', '', n, n, n, '', 0, '', ''
FROM numbers
"""
"""Of two shops in turn, a second apart; of twenty one waits and one is rejected."""

IN_THE_ORDER_OF = {
    "newest_reviews": "reviews_newest",
    "oldest_reviews": "reviews_newest",
    "shown_reviews": "reviews_newest",
    "reviews_of_rating": "reviews_by_rating",
    "waiting_reviews": "reviews_waiting",
    "changed_reviews": "reviews_changed",
    "cursors_newest": "reviews_dated",
    "cursors_oldest": "reviews_dated",
    "cursors_of_scope_newest": "reviews_dated_of_scope",
    "cursors_of_scope_oldest": "reviews_dated_of_scope",
    "cursors_unpublished_newest": "reviews_unpublished",
    "cursors_unpublished_oldest": "reviews_unpublished",
}
"""The index that gives a query its reviews in their order, so that no more are read than are given."""

FROM_AN_INDEX_ALONE = {
    name: index for name, index in IN_THE_ORDER_OF.items() if name.startswith("cursors")
} | {
    "cursors_changed_newest": "reviews_changed",
    "cursors_changed_oldest": "reviews_changed",
    "count_changed": "reviews_changed",
    "longest_unchanged": "reviews_changed",
}
"""What skips reviews without reading their rows."""

VALUES = {
    "shop_id": 1,
    "live": 1,
    "scope": "100",
    "left_out": "",
    "rating": 3,
    "state": None,
    "one": "rejected",
    "two": "waiting",
    "three": "published",
    "four": "withdrawn",
    "published_at": 10_000,
    "written_at": 10_000,
    "changed_at": 10_000,
    "changed_from": 19_000,
    "review_id": 10_000 * 1024,
    "most": 10,
    "skipped": 50,
}


@pytest.fixture
def plan_of(database: Database, engine: str) -> Callable[[str], str]:
    """How the engine would answer a query, when there is much and it knows how much."""
    how = "EXPLAIN QUERY PLAN" if engine == "sqlite" else "EXPLAIN"
    execute(database, MANY)
    database.read_now(lambda tx: tx.run("ANALYZE" if engine == "sqlite" else "VACUUM ANALYZE reviews"))
    return lambda name: "\n".join(str(row[-1]) for row in rows(database, f"{how} {query(name)}", VALUES))


def is_named(index: str, plan: str) -> bool:
    """On a cluster, with the number of a shard behind it."""
    return re.search(rf"\b{index}(_\d+)? ", plan) is not None


def test_reviews_are_read_in_their_order_without_sorting(plan_of: Callable[[str], str]) -> None:
    for name, index in IN_THE_ORDER_OF.items():
        plan = plan_of(name)
        assert not any(word in plan for word in ("TEMP B-TREE", "Sort", "Seq Scan", "Bitmap")), (name, plan)
        assert is_named(index, plan), (name, plan)


@pytest.mark.alone  # where others read from the same cluster, no row counts as seen by all
def test_reviews_are_passed_over_in_an_index_alone(plan_of: Callable[[str], str]) -> None:
    for name, index in FROM_AN_INDEX_ALONE.items():
        plan = plan_of(name)
        covered = f"COVERING INDEX {index} " in plan
        assert covered or ("Index Only Scan" in plan and is_named(index, plan)), (name, plan)
