"""Migrations that have landed are never edited: databases have them as they were, and an upgrade keeps every row."""

import hashlib
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from afterword.store.engine import migrate as migrating
from afterword.store.engine.committer import Committer
from afterword.store.engine.connection import Connection
from afterword.store.engine.migrate import migrate, migrations
from afterword.store.engine.postgres.connection import PostgresConnection
from afterword.store.engine.sqlite_connection import SqliteConnection
from afterword.store.engine.transaction import Keeper, Transaction
from tests.postgres import new_database

LANDED = {
    1: "9641646fc0fedad6eaaf9bcfdd1821a7bdd479888aff14e34b0d8224a35614c9",
    2: "bdd19d5f25881c91ea5d7bc7b37a4480747be1638a02387467f3b6c64fe1a2bf",
    3: "450799e367310b2b746dea636e9c7e35e71b2ee44217cf66f311500ed9e07aeb",
}
"""The SHA-256 of each."""

MANY = 3_000
"""Orders, and as many messages; of other tables there are fewer rows."""

BECOMES: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("orders", "store_id"): lambda number: None if number is None else str(number),
    ("review_counts", "scope"): lambda scope: "" if scope == "products" else scope,
}
"""What migration 2 makes of the values that are not kept as they are."""

SEQUENCE = ("counters", "name", "reviews")
"""The row that migration 4 makes a sequence, on PostgreSQL."""

RANDOM = ("number_keys",)
"""Whose rows each new database draws for itself."""

Connect = Callable[[], Connection]
Rows = dict[str, list[dict[str, Any]]]

_COLUMNS = {
    "sqlite": """SELECT m.name, c.name, c.type, c."notnull", c.pk FROM sqlite_schema m, pragma_table_info(m.name) c
        WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name <> 'schema_versions'""",
    "postgres": """SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
        WHERE table_schema = 'public' AND table_name <> 'schema_versions'""",
}
_INDEXES = {
    "sqlite": "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL",
    "postgres": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
}


def columns(connection: Connection) -> list[tuple[Any, ...]]:
    """Every table's columns, in any order, with their types."""
    return sorted(connection.rows(_COLUMNS[connection.dialect]))


def schema(connection: Connection) -> list[tuple[Any, ...]]:
    return [*columns(connection), *sorted(connection.rows(_INDEXES[connection.dialect]))]


def rows_of(connection: Connection) -> Rows:
    """All rows of all tables, by column, in an order that no migration changes."""
    names: dict[str, list[str]] = {}
    for table, column, *_ in columns(connection):
        names.setdefault(table, []).append(column)
    return {
        table: sorted(
            (
                dict(zip(own, row, strict=True))
                for row in connection.rows(f"SELECT {', '.join(own)} FROM {table}")
            ),
            key=lambda row: str(sorted(row.items())),
        )
        for table, own in names.items()
    }


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: str(sorted(row.items())))


def value(column: str, kind: str, number: int) -> object:
    if column == "store_id":
        return None if number % 3 == 0 else (number - 700) * 3_000_000_000_000_000
    if column == "scope":
        return "products" if number == 7 else f"{number}"
    if column == "live":
        return number % 2
    return f"{column} {number} é☃" if kind in ("TEXT", "text") else number


def fill(connection: Connection) -> None:
    """Rows in every table that has none, each value another one."""
    of_table: dict[str, list[tuple[str, str]]] = {}
    for table, column, kind, *_ in columns(connection):
        of_table.setdefault(table, []).append((column, kind))
    for table, own in of_table.items():
        if not connection.rows(f"SELECT 1 FROM {table} LIMIT 1"):
            amount = MANY if table in ("orders", "messages") else 20
            made = (tuple(value(*column, number) for column in own) for number in range(1, amount + 1))
            connection.insert_all(table, [name for name, _ in own], made)


def kept(before: Rows, number: int, engine: str) -> Rows:
    """The rows of a landed schema as they must be after the upgrade, in the columns that they had."""
    becomes = BECOMES if number < 2 else {}
    gone, column, name_of_it = SEQUENCE
    return {
        table: in_order(
            [
                {name: becomes.get((table, name), lambda same: same)(old) for name, old in row.items()}
                for row in rows
                if engine == "sqlite" or (table, row.get(column)) != (gone, name_of_it)
            ]
        )
        for table, rows in before.items()
    }


def within(after: Rows, before: Rows) -> Rows:
    """The rows after an upgrade in the columns that there were before it, without counters that it has added."""
    counters = {row["name"] for row in before["counters"]}
    return {
        table: in_order(
            [
                {name: row[name] for name in rows[0] if name in row}
                for row in after[table]
                if table != "counters" or row["name"] in counters
            ]
        )
        for table, rows in before.items()
    }


@pytest.fixture
def databases(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[list[Connect]]:
    """How to connect to each of three empty databases."""
    if engine == "sqlite":
        yield [partial(SqliteConnection, tmp_path / f"{n}.db") for n in range(3)]
        return
    server = request.getfixturevalue("postgres")
    with new_database(server) as one, new_database(server) as two, new_database(server) as three:
        yield [partial(PostgresConnection, url) for url in (one, two, three)]


def make_old(connect: Connect, number: int, monkeypatch: pytest.MonkeyPatch) -> Rows:
    """A database of a landed schema with rows in every table; the rows."""
    every = migrations()
    monkeypatch.setattr(migrating, "migrations", lambda: every[:number])
    with closing(Committer(connect, Keeper())) as committer:
        committer.commit_alone(lambda tx: fill(committer.connection))
        rows = rows_of(committer.connection)
    monkeypatch.undo()
    return rows


def upgrade(connect: Connect) -> tuple[list[int], list[tuple[Any, ...]], Rows]:
    """What was applied, and the schema and the rows then."""
    with closing(Committer(connect, Keeper())) as committer:
        return committer.migrated, schema(committer.connection), rows_of(committer.connection)


def upgrade_killed(connect: Connect, at: int) -> bool:
    """Opens the database in a process that is killed before its statement of this number, of which the last but one
    is COMMIT. Returns whether it came so far."""

    def connected() -> Connection:
        connection, done = connect(), 0

        def counted(work: Callable[..., Any]) -> Callable[..., Any]:
            def run(*values: Any, **named: Any) -> Any:
                nonlocal done
                done += 1
                if done == at:
                    os.kill(os.getpid(), signal.SIGKILL)
                return work(*values, **named)

            return run

        for name in ("run", "commit", "begin"):
            setattr(connection, name, counted(getattr(connection, name)))
        return connection

    child = os.fork()
    if child == 0:
        try:
            Committer(connected, Keeper())
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def test_a_migration_that_has_landed_is_as_it_was() -> None:
    found = {number: hashlib.sha256(sql.encode()).hexdigest() for number, sql in migrations()}
    assert {number: found[number] for number in LANDED} == LANDED


@pytest.mark.sqlite
@pytest.mark.postgres
@pytest.mark.parametrize("number", LANDED)
def test_an_upgrade_that_is_killed_at_any_statement_arrives_where_a_whole_one_does(
    databases: list[Connect], engine: str, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    new, whole, cut = databases
    before = make_old(cut, number, monkeypatch)
    make_old(whole, number, monkeypatch)
    applied, _, expected = upgrade(whole)
    assert applied == [n for n, _ in migrations()[number:]]

    kills = 0
    while upgrade_killed(cut, kills + 1):
        kills += 1
        with closing(cut()) as connection:
            versions = [version for (version,) in connection.rows("SELECT version FROM schema_versions")]
        if max(versions) > number:
            break  # killed after the commit
        assert max(versions) == number
    assert kills > len(applied) + 3

    applied, same, after = upgrade(cut)
    assert applied == [] and same == upgrade(new)[1]
    assert within(after, before) == kept(before, number, engine)
    assert len(after["orders"]) == len(after["messages"]) == MANY
    assert {type(row["store_id"]) for row in after["orders"]} == {str, type(None)}
    for table in after.keys() - RANDOM:
        assert after[table] == expected[table], table


@pytest.mark.postgres
def test_no_time_limit_stops_a_migration(databases: list[Connect], monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement about a large table takes longer than any other may."""
    sql = "CREATE TABLE seen AS SELECT current_setting('statement_timeout') AS allowed;"
    monkeypatch.setattr(migrating, "migrations", lambda: [(1, sql)])
    with closing(Committer(databases[0], Keeper())) as committer:
        assert committer.connection.rows("SELECT allowed FROM seen") == [("0",)]
        assert committer.commit_alone(lambda tx: tx.rows("SHOW statement_timeout")) != [("0",)]


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
            "VALUES (1, 1, :scope, 'published', '', 5, 3)",
            {"scope": "products" if number < 2 else ""},
        )
        old.run(
            "INSERT INTO keys (shop_id, key_id, kind, live, lang, secret, created_at) "
            "VALUES (1, 1, 'private', 1, 'fr', 'a', 0), (1, 2, 'public', 1, 'fr', 'b', 0)"
        )
        if number >= 2:
            old.run("UPDATE keys SET scopes = 'orders reviews' WHERE kind = 'private'")
        monkeypatch.undo()
        assert migrate(Transaction(old), old.dialect) == [n for n, _ in every[number:]]
        migrate(Transaction(new), new.dialect)
        assert schema(old) == schema(new)
        assert old.rows("SELECT orders FROM shops") == [("strict",)]
        assert old.rows("SELECT scopes FROM keys ORDER BY key_id") == [("orders reviews",), ("",)]
        assert old.rows("SELECT scope, amount FROM review_counts") == [("", 3)]
