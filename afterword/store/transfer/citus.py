"""Citus: the rows of the shops, spread by shop over the nodes of a cluster. See `citus.sql`."""

import re
from collections.abc import Callable
from importlib import resources
from typing import NamedTuple, TypeVar

import psycopg

from afterword.base.errors import Refused
from afterword.store.engine.database import Database, Transaction
from afterword.store.engine.migrate import statements

T = TypeVar("T")

_SPREAD = re.compile(r"create_distributed_table\('(\w+)'")


def citus_sql() -> str:
    return resources.files("afterword.store.transfer").joinpath("citus.sql").read_text("utf-8")


def distribute(database: Database, before: Callable[[int], None] = lambda rows: None) -> list[str]:
    """Spreads those tables that are not spread yet, all of them or none, and returns their names.

    `before` gets the number of rows, about, that are going to be copied; until that is done, everything that reads or
    writes them waits.

    Under the lock of the migrations. Raises Refused when the server has no Citus, or Citus refuses; then nothing
    has changed. The rows that Citus leaves behind on the coordinator are removed in a second transaction, for which
    calling this again makes up.
    """
    database.read_now(_check_cluster)
    if rows := database.read_now(_rows_to_copy):
        before(rows)
    done = database.write_now(_spread)
    database.write_now(_remove_what_is_left)
    return done


class Server(NamedTuple):
    """A server of a cluster: `settings` are those of its lines to the others, or None if it does not answer, and
    `trouble` says why."""

    name: str
    settings: str | None
    trouble: str = ""

    @property
    def is_patient(self) -> bool:
        """Whether it waits for others that have vanished as long as its system does, a quarter of an hour."""
        return self.settings is not None and "tcp_user_timeout" not in self.settings


def servers(tx: Transaction) -> list[Server]:
    """The coordinator and the nodes of a cluster."""
    asked = "current_setting('citus.node_conninfo')"
    [(ours,)] = tx.rows(f"SELECT {asked}")
    told = tx.rows(
        "SELECT nodename, nodeport, success, result FROM run_command_on_workers(:asked)",
        {"asked": f"SELECT {asked}"},
    )
    nodes = [
        Server(f"{name}:{port}", result if success else None, "" if success else result)
        for name, port, success, result in told
    ]
    return [Server("the coordinator", ours), *nodes]


def _rows_to_copy(tx: Transaction) -> int:
    """By PostgreSQL's own estimate."""
    tables = {"tables": sorted(set(_tables()) - _spread_before(tx))}
    [(rows,)] = tx.rows(
        "SELECT sum(greatest(c.reltuples, 0)) FROM pg_class c "
        "WHERE c.relname = ANY(:tables) AND c.relnamespace = current_schema()::text::regnamespace",
        tables,
    )
    return int(rows or 0)


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
    spread, done = _spread_before(tx), []
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
