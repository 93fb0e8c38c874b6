"""Verified TLS to a PostgreSQL server on another machine, unless its address says otherwise."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from afterword.actions.operating.health import examine
from afterword.app import warn_about_servers
from afterword.base.errors import StoreUnavailable
from afterword.base.settings import read_settings
from afterword.store.engine.postgres.address import read_address
from afterword.store.engine.postgres.connection import PostgresConnection
from afterword.store.engine.postgres.tls import unverified
from afterword.store.opening import unverified_servers

SSL_REQUEST = bytes.fromhex("0000000804d2162f")
"""How a client asks for TLS (PostgreSQL's documentation, "Message Formats", SSLRequest)."""


@pytest.fixture(autouse=True)
def _own_roots_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("PGHOST", "PGSSLMODE", "PGSSLROOTCERT"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "place",
    [
        "db.example",
        "10.0.0.7:5433",
        "[2001:db8::7]",
        "127.0.0.1,db.example",
        "localhost.evil.example",
        "0.0.0.0",
    ],
)
def test_a_server_on_another_machine_must_show_who_it_is(place: str) -> None:
    address = read_address(f"postgresql://afterword@{place}/name")
    assert address["sslmode"] == "verify-full"
    assert address["sslrootcert"] == "system" or Path(address["sslrootcert"]).is_file()
    assert unverified(address) is None


@pytest.mark.parametrize(
    "rest",
    [
        "/name",
        "127.0.0.1:5432/name",
        "localhost/name",
        "[::1]/name",
        "127.0.0.1,localhost/name",
        "%2Frun%2Fpg/name",
    ],
)
def test_nothing_is_asked_of_a_server_on_this_machine(rest: str) -> None:
    address = read_address(f"postgresql://{rest}" if rest.startswith("/") else f"postgresql://a@{rest}")
    assert not {"sslmode", "sslrootcert"} & set(address)
    assert unverified(address) is None


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require", "verify-ca"])
def test_a_weaker_mode_is_respected_and_named(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written = read_address(f"postgresql://a@db.example/name?sslmode={mode}")
    assert (written["sslmode"], unverified(written)) == (mode, mode)
    assert unverified(read_address(f"postgresql://a@localhost/name?sslmode={mode}")) is None
    monkeypatch.setenv("PGSSLMODE", mode)
    inherited = read_address("postgresql://a@db.example/name")
    assert "sslmode" not in inherited and unverified(inherited) == mode


def test_named_roots_are_taken_and_libpqs_own_file_comes_before_the_machines(tmp_path: Path) -> None:
    named = read_address("postgresql://a@db.example/name?sslrootcert=/etc/ca.crt")
    assert (named["sslmode"], named["sslrootcert"]) == ("verify-full", "/etc/ca.crt")
    (tmp_path / ".postgresql").mkdir()
    (tmp_path / ".postgresql/root.crt").touch()
    assert "sslrootcert" not in read_address("postgresql://a@db.example/name")


def test_the_log_and_doctor_name_the_setting_and_never_the_address(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = {
        "AFTERWORD_DATA": str(tmp_path),
        "AFTERWORD_JOURNAL": "postgresql://a:hush@0.0.0.0:1/journal?sslmode=require",
    }
    settings = read_settings(environment)
    assert unverified_servers(settings) == [("AFTERWORD_JOURNAL", "require")]
    warn_about_servers(settings)
    said = capsys.readouterr().out
    assert "database server unverified" in said and "sslmode=require" in said and "AFTERWORD_JOURNAL" in said
    found = [
        finding for finding in examine(settings, lambda *_: None, 0.0).findings if finding.check == "tls"
    ]
    assert [finding.level for finding in found] == ["note"]
    assert "THE SERVER THAT AFTERWORD_JOURNAL NAMES IS NOT VERIFIED: with sslmode=require" in found[0].says
    assert "hush" not in said + found[0].says
    assert unverified_servers(read_settings({"AFTERWORD_DATA": str(tmp_path)})) == []


@pytest.fixture
def authority(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> trustme.CA:
    """Whom this machine trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "trusted.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
    return authority


@pytest.fixture
def behind_tls(postgres: str, authority: trustme.CA) -> Iterator[str]:
    """The address of a server that speaks TLS as 127.0.0.1, and nothing else."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(
            target=serve, args=(listening, context, urlsplit(postgres).port), daemon=True
        ).start()
        yield f"postgresql://afterword@127.0.0.1:{listening.getsockname()[1]}/postgres"


def serve(listening: socket.socket, context: ssl.SSLContext, port: int) -> None:
    with suppress(OSError):
        while True:
            line, _ = listening.accept()
            assert line.recv(8) == SSL_REQUEST
            line.sendall(b"S")
            with suppress(ssl.SSLError):
                client = context.wrap_socket(line, server_side=True)
                server = socket.create_connection(("127.0.0.1", port))
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=relay, args=pair, daemon=True).start()


def relay(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65_536):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_RDWR)


def test_a_certificate_that_this_machine_trusts_is_enough_and_nothing_less_is(
    behind_tls: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = f"{behind_tls}?sslmode=verify-full"
    with closing(PostgresConnection(url)) as connection:
        assert connection.rows("SELECT 1") == [(1,)]
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "other.pem"))
    with pytest.raises(
        StoreUnavailable, match=r"certificate verify failed \(a server on another machine must"
    ):
        PostgresConnection(url)


def test_a_server_without_tls_is_refused_with_what_to_write(postgres: str) -> None:
    with pytest.raises(StoreUnavailable, match=r"does not support SSL.* or choose another sslmode"):
        PostgresConnection(f"{postgres}?sslmode=verify-full")
