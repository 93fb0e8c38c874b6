"""Citus: the rows of the shops, spread by shop over the nodes of a cluster. See `citus.sql`."""

import re
from collections.abc import Callable
from importlib import resources
from typing import TypeVar

import psycopg

from afterword.base.errors import Refused
from afterword.store.engine.database import Database, Transaction
from afterword.store.engine.migrate import statements

T = TypeVar("T")

_SPREAD = re.compile(r"create_distributed_table\('(\w+)'")


def citus_sql() -> str:
    return resources.files("afterword.store.transfer").joinpath("citus.sql").read_text("utf-8")


def distribute(database: Database) -> list[str]:
    """Spreads those tables that are not spread yet, all of them or none, and returns their names.

    Under the lock of the migrations. Raises Refused when the server has no Citus, or Citus refuses; then nothing
    has changed. The rows that Citus leaves behind on the coordinator are removed in a second transaction, for which
    calling this again makes up.
    """
    database.read_now(_check_cluster)
    done = database.write_now(_spread)
    database.write_now(_remove_what_is_left)
    return done


def _check_cluster(tx: Transaction) -> None:
    """Guarantee 1: what is committed on a node is on its disk. Our transactions see to that on the coordinator."""
    if not tx.rows("SELECT 1 FROM pg_extension WHERE extname = 'citus'"):
        raise Refused(
            "this PostgreSQL database has no Citus: make a cluster and CREATE EXTENSION citus first (docs/citus.md)"
        )
    asked = (
        "SELECT nodename, nodeport, success, result FROM run_command_on_workers('SHOW synchronous_commit')"
    )
    for name, port, success, result in _ask(tx.rows, asked):
        if not success:
            raise Refused(f"the node {name}:{port} does not answer: {result}")
        if result == "off":
            raise Refused(
                f"synchronous_commit is off on the node {name}:{port}: an acknowledged order could be lost there"
            )


def _spread(tx: Transaction) -> list[str]:
    tx.exclude_others()
    spread = _spread_before(tx)
    if set(_tables()) <= spread:
        return []
    done = []
    for statement in statements(citus_sql()):
        table = _SPREAD.search(statement)
        if table is None:
            _ask(tx.run, statement)
        elif table[1] not in spread:
            _ask(tx.run, statement)
            done.append(table[1])
    return done


def _tables() -> list[str]:
    return _SPREAD.findall(citus_sql())


def _spread_before(tx: Transaction) -> set[str]:
    rows = tx.rows(
        "SELECT c.relname FROM pg_dist_partition p JOIN pg_class c ON c.oid = p.logicalrelid "
        "WHERE p.partmethod = 'h' AND c.relnamespace = current_schema()::text::regnamespace"
    )
    return {name for (name,) in rows}


def _remove_what_is_left(tx: Transaction) -> None:
    for table in _tables():
        _ask(tx.run, f"SELECT truncate_local_data_after_distributing_table('{table}')")


def _ask(how: Callable[[str], T], sql: str) -> T:
    """Raises Refused with the server's words, and what psycopg raises when the server has none."""
    try:
        return how(sql)
    except psycopg.Error as error:
        if error.diag.message_primary is None:
            raise
        raise Refused(f"Citus refused: {error.diag.message_primary}") from error
