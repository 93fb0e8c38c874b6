"""Migrations that have landed are never edited: databases have them as they were."""

import hashlib
from contextlib import closing
from pathlib import Path

import pytest

from afterword.store.engine import migrate as migrating
from afterword.store.engine.migrate import migrate, migrations
from afterword.store.engine.sqlite_connection import SqliteConnection
from afterword.store.engine.transaction import Transaction

LANDED = {1: "9641646fc0fedad6eaaf9bcfdd1821a7bdd479888aff14e34b0d8224a35614c9"}
"""The SHA-256 of each."""


def schema(connection: SqliteConnection) -> list[tuple[object, ...]]:
    """Every table and index, with its columns in any order."""
    tables = """SELECT m.name, c.name, c.type, c."notnull", c.pk FROM sqlite_schema m, pragma_table_info(m.name) c
    WHERE m.type = 'table'"""
    return sorted(connection.rows(tables)) + sorted(
        connection.rows("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")
    )


def test_a_migration_that_has_landed_is_as_it_was() -> None:
    found = {number: hashlib.sha256(sql.encode()).hexdigest() for number, sql in migrations()}
    assert {number: found[number] for number in LANDED} == LANDED


@pytest.mark.parametrize("number", LANDED)
def test_a_database_of_each_landed_schema_gets_the_newest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    every = migrations()
    with (
        closing(SqliteConnection(tmp_path / "old.db")) as old,
        closing(SqliteConnection(Path(":memory:"))) as new,
    ):
        monkeypatch.setattr(migrating, "migrations", lambda: every[:number])
        migrate(Transaction(old), old.dialect)
        old.run(
            "INSERT INTO shops (shop_id, name, lang, timezone, delay, salt, moderation, publish_after, created_at) "
            "VALUES (1, 'Alba', 'fr', 'UTC', 60, '00', 'checks', 60, 0)"
        )
        old.run(
            "INSERT INTO review_counts (shop_id, live, scope, state, reason, rating, amount) "
            "VALUES (1, 1, 'products', 'published', '', 5, 3)"
        )
        old.run(
            "INSERT INTO keys (shop_id, key_id, kind, live, lang, secret, created_at) "
            "VALUES (1, 1, 'private', 1, 'fr', 'a', 0), (1, 2, 'public', 1, 'fr', 'b', 0)"
        )
        monkeypatch.undo()
        assert migrate(Transaction(old), old.dialect) == [n for n, _ in every[number:]]
        migrate(Transaction(new), new.dialect)
        assert schema(old) == schema(new)
        assert old.rows("SELECT orders FROM shops") == [("strict",)]
        assert old.rows("SELECT scopes FROM keys ORDER BY key_id") == [("orders reviews",), ("",)]
        assert old.rows("SELECT scope, amount FROM review_counts") == [("", 3)]
