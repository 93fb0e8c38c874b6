"""How PostgreSQL is reached: several hosts, a connection that falls silent, a password that is never shown; and what
each transaction asks of it."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import urlsplit

import psycopg
import pytest

from afterword.base.errors import SettingsError, StoreUnavailable
from afterword.store.engine.database import Database
from afterword.store.engine.postgres.address import read_address
from afterword.store.engine.postgres.connection import PostgresConnection
from afterword.store.journal.rows import RowsPlace
from afterword.store.opening import open_postgres
from tests.cli.command import Command
from tests.postgres import PostgresServer, new_database
from tests.processes import free_port
from tests.store.databases import rows


@pytest.fixture(scope="module")
def read_only() -> Iterator[str]:
    """Host and port of a server that takes no writes, as a standby or one that is being replaced."""
    folder = Path(mkdtemp(prefix="afterword-postgres-"))
    folder.chmod(0o755)
    server = PostgresServer(folder, default_transaction_read_only="on")
    try:
        yield urlsplit(server.url).netloc.rpartition("@")[2]
    finally:
        server.remove()


def hosts(first: str, url: str, query: str = "") -> str:
    """The address of a server, with another host before its own."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    return f"postgresql://{user}@{first},{host}{parts.path}{query}"


def port_of(connection: PostgresConnection) -> int:
    [(port,)] = connection.rows("SELECT inet_server_port()")
    return int(port)


def test_of_two_hosts_the_one_that_takes_writes_is_taken(postgres: str, read_only: str) -> None:
    with closing(PostgresConnection(hosts(read_only, postgres))) as connection:
        assert port_of(connection) == int(read_only.rpartition(":")[2])
    asked = hosts(read_only, postgres, "?target_session_attrs=read-write")
    with closing(PostgresConnection(asked)) as connection:
        assert port_of(connection) == urlsplit(postgres).port


def test_a_connection_that_falls_silent_is_given_up_in_half_a_minute_unless_the_address_says_otherwise(
    postgres: str,
) -> None:
    wanted = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)

    def found(url: str) -> list[int]:
        address = read_address(url)
        with psycopg.connect(**address) as raw, socket.socket(fileno=raw.fileno()) as line:
            options = [line.getsockopt(socket.IPPROTO_TCP, one) for one in wanted]
            line.detach()
            return options

    assert found(postgres) == [15, 5, 3, 30_000]
    assert found(f"{postgres}?keepalives_idle=60&tcp_user_timeout=90000") == [60, 5, 3, 90_000]


@pytest.mark.parametrize(
    "written", ["hush/word@", "word@hush@", "hush%zzword@", "5432/hush@", "hush/1?x@", "1/hush?x@"]
)
def test_of_a_password_that_is_wrongly_written_nothing_is_shown(written: str, tmp_path: Path) -> None:
    url = f"postgresql://afterword:{written}127.0.0.1:1/name"
    with pytest.raises(SettingsError) as raised:
        PostgresConnection(url)
    ran = Command(tmp_path).run("doctor", AFTERWORD_DATABASE=url)
    for shown in (str(raised.value), ran.out, ran.err):
        assert "hush" not in shown
    assert "(AFTERWORD_DATABASE, AFTERWORD_JOURNAL) cannot be read: write postgresql://" in ran.out


def test_a_password_is_not_shown_when_no_host_answers() -> None:
    dead = f"127.0.0.1:{free_port()}"
    with pytest.raises(StoreUnavailable) as raised:
        PostgresConnection(f"postgresql://afterword:hushword@{dead},{dead}/name")
    assert "hushword" not in str(raised.value)
    assert "refused" in str(raised.value)


def test_an_answer_comes_after_the_fsync_whatever_the_default_is_and_becomes(postgres: str) -> None:
    asked = "SELECT current_setting('synchronous_commit')"
    with new_database(postgres) as url, closing(PostgresConnection(url)) as connection:
        name = urlsplit(url).path.removeprefix("/")
        connection.run(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
        connection.run("SET synchronous_commit = off")  # as a reload of the server's settings does
        with closing(PostgresConnection(url)) as another:
            for each in (connection, another):
                assert each.rows(asked) == [("off",)]
                each.begin()
                assert each.rows(asked) == [("on",)]
                each.commit()
        connection.run("SET synchronous_commit = remote_apply")
        connection.begin()
        assert connection.rows(asked) == [("remote_apply",)], "a stricter one is left as it is"
        connection.rollback()


def test_doctor_looks_at_the_one_of_two_hosts_that_lives_and_shows_no_password(
    postgres: str, tmp_path: Path
) -> None:
    with new_database(postgres) as url:
        two = hosts(f"127.0.0.1:{free_port()}", url, "?target_session_attrs=read-write")
        ran = Command(tmp_path).run("doctor", AFTERWORD_DATABASE=two.replace("@", ":hushword@"))
    assert ran.err == ""
    assert "The PostgreSQL database is intact." in ran.out
    assert "hushword" not in ran.out


def test_a_database_that_cannot_store_every_character_is_refused(postgres: str, tmp_path: Path) -> None:
    """As `initdb` makes them without a locale: the first order with an accent would be answered 500."""
    with new_database(postgres, "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'") as url:
        says = (
            r"/afterword_test_\w+ is in SQL_ASCII, which cannot store every character: make another one with "
        )
        for place in (lambda: open_postgres(url, tmp_path / "send.journal"), RowsPlace(url).find):
            with pytest.raises(SettingsError, match=says):
                place()


@pytest.mark.postgres
def test_the_table_that_changes_most_is_vacuumed_before_a_fifth_of_it_is_dead(database: Database) -> None:
    asked = "SELECT reloptions FROM pg_class WHERE relname = 'messages'"
    assert rows(database, asked) == [(["autovacuum_vacuum_scale_factor=0.02"],)]


@pytest.mark.postgres
def test_after_a_connection_broke_in_the_middle_of_a_write_the_next_write_has_another(
    database: Database,
) -> None:
    with pytest.raises(StoreUnavailable):
        database.write_now(lambda tx: tx.rows("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert database.write_now(lambda tx: tx.rows("SELECT 1")) == [(1,)]


def test_a_commit_that_lets_go_of_its_locks_early_is_durable_when_it_returns(postgres: str) -> None:
    """Guarantee 1: its first COMMIT does not wait for the disk, and its second one writes something that does."""
    with (
        new_database(postgres) as url,
        closing(PostgresConnection(url)) as connection,
        closing(PostgresConnection(url)) as other,
    ):
        connection.run("CREATE TABLE written (number BIGINT)")
        for number in range(20):
            connection.begin()
            connection.run("INSERT INTO written VALUES (:number)", {"number": number})
            [(written,)] = connection.rows("SELECT pg_current_wal_insert_lsn()::text")
            connection.commit(awaited=True)
            [(is_flushed,)] = other.rows("SELECT pg_current_wal_flush_lsn() > :lsn::pg_lsn", {"lsn": written})
            assert is_flushed
