"""PgBouncer in transaction mode between Afterword and PostgreSQL, with fewer connections than there are processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from afterword.store.engine.migrate import migrations
from afterword.store.opening import open_postgres
from tests.conftest import closing_now
from tests.end_to_end.beside import Beside
from tests.end_to_end.mailing import (
    CONNECTIONS,
    LEASE_AND_ROUND,
    WatchedRelay,
    check_once,
    import_orders,
    invitations,
    is_settled,
    mailing_server,
)
from tests.needs import scale
from tests.pgbouncer import POOL, pgbouncer
from tests.postgres import PostgresServer, own_server
from tests.processes import moved_clock
from tests.server import PROJECT, SERVE, an_order

LETTERS = 600 * scale()


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """One of our own, whose default is to answer before anything is on the disk."""
    with own_server(synchronous_commit="off") as started:
        yield started


def test_orders_and_letters_go_through_three_connections_and_a_crash_of_the_server(
    server: PostgresServer, tmp_path: Path
) -> None:
    """Each order is stored once and a repeated one is told; each customer has one letter or is in doubt."""
    with (
        pgbouncer(server.url) as pooled,
        WatchedRelay(seconds=0.02) as relay,
        mailing_server(tmp_path, relay, AFTERWORD_DATABASE=server.url) as alba,
        ExitStack() as ending,
    ):
        alba.stop()
        alba.start((*SERVE, "--workers", "2"), AFTERWORD_DATABASE=pooled)
        dispatchers = [Beside(alba, "dispatch", AFTERWORD_DATABASE=pooled) for _ in range(2)]
        for one in dispatchers:
            ending.callback(one.close)
        ids = import_orders(alba, LETTERS)
        again = alba.post_orders([an_order(one) for one in ids[:50]], details=True)
        assert again.counts == (0, 50, 0)
        assert alba.post_orders([an_order(ids[0]), an_order("new")]).counts == (1, 2, 1)
        relay.wait_for(LETTERS // 3, 60)
        assert connections(server) <= POOL + 1, "PgBouncer does not pool"
        server.stop("immediate")
        server.start()
        alba.wait_until(lambda: "scheduled" not in alba.states().values(), 60)
        assert [one.stop() for one in dispatchers] == [0, 0]
        assert alba.stop() == 0
        alba.start((*SERVE, "--workers", "2"), AFTERWORD_DATABASE=pooled, **moved_clock(LEASE_AND_ROUND))
        alba.wait_until(lambda: is_settled(alba), 60)
        assert alba.stop() == 0
        check_once(alba, relay.taken, invitations(alba, [*ids, "new"]), CONNECTIONS * 3)


def connections(server: PostgresServer) -> int:
    """Connections to the server, this one too."""
    with psycopg.connect(server.url) as connection:
        [(count,)] = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        ).fetchall()
        return int(count)


def test_many_that_start_together_make_the_tables_once(server: PostgresServer, tmp_path: Path) -> None:
    """The lock of a migration is one transaction's, so that the pool gives it to nobody else."""
    with pgbouncer(server.url) as pooled:
        settings = os.environ | {"AFTERWORD_DATABASE": pooled, "AFTERWORD_DATA": str(tmp_path)}
        line = [sys.executable, "-m", "afterword", "migrate"]
        processes = [subprocess.Popen(line, cwd=PROJECT, env=settings) for _ in range(5)]
        assert [process.wait(60) for process in processes] == [0] * 5
        with psycopg.connect(server.url) as connection:
            found = connection.execute("SELECT version FROM schema_versions ORDER BY version").fetchall()
        assert found == [(number,) for number, _ in migrations()]


def test_what_is_set_for_a_transaction_stays_in_it(server: PostgresServer, tmp_path: Path) -> None:
    """Whichever connection to the server the pool gives: an answer comes after the fsync, and none keeps anything."""
    asked = "SELECT current_setting('synchronous_commit'), current_setting('statement_timeout')"
    with (
        pgbouncer(server.url) as pooled,
        closing_now(open_postgres(pooled, tmp_path / "send.journal")) as database,
    ):
        for _ in range(POOL * 3):
            with psycopg.connect(pooled) as holder:  # holds one, so that the next is given another
                holder.execute("SELECT 1")
                assert database.write_now(lambda tx: tx.rows(asked)) == [("on", "1min")]
            assert database.read_now(lambda tx: tx.rows(asked)) == [("off", "0")]
