"""A real Afterword in its own process, used over real HTTP, for tests to kill, stop and restart.

    with Server(tmp_path, delay=2, AFTERWORD_SMTP=peer.url, AFTERWORD_FROM="…") as alba:
        answer = alba.post_orders([an_order("A-1")])
        alba.kill()                                     # SIGKILL
        alba.start(**moved_clock(864_000))              # the same folder and port, ten days later
        [invitation] = alba.invitations()

Alba's bakery exists from the start. `alba.url` is the address, `alba.log` the output on stderr.
"""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

from afterword.base.settings import Settings, read_settings
from afterword.store.engine.postgres.connection import PostgresConnection
from afterword.store.engine.sqlite_connection import SqliteConnection
from afterword.store.engine.transaction import Transaction
from afterword.store.messages.invitations import InvitationRow, list_invitations
from afterword.store.opening import open_database
from afterword.store.shops import NewKeys, add_shop, find_shop
from tests.processes import children_of, free_port, is_alive

T = TypeVar("T")

PROJECT = Path(__file__).parents[1]
ORDERS = "/private/v3/orders"
SERVE = (sys.executable, "-m", "afterword", "serve")
TEN_DAYS = 10 * 86_400
FOUR_KEYS = {"success", "orders_count", "orders_imported", "message"}


class Answer(NamedTuple):
    """An answer of the server; header names are in lower case."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object, which must have the API's four keys."""
        found: dict[str, Any] = json.loads(self.content)
        assert found.keys() >= FOUR_KEYS, found
        return found

    @property
    def counts(self) -> tuple[int, int, int]:
        """`success`, `orders_count` and `orders_imported`."""
        return self.body["success"], self.body["orders_count"], self.body["orders_imported"]


def an_order(id_order: str | int, **changes: object) -> dict[str, Any]:
    """An order of Clara's at Alba's bakery. By default each order has its own e-mail address."""
    return {
        "id_order": id_order,
        "order_date": "2026-03-01 14:05:26",
        "firstname": "Clara",
        "lastname": "Núñez",
        "email": address_of(id_order),
        "products": [{"id": 100, "name": "Rye bread", "qty": 2, "unit_price": "4.20"}],
        **changes,
    }


def address_of(id_order: str | int) -> str:
    return f"customer-{re.sub('[^a-z0-9]+', '-', str(id_order).lower()).strip('-')}@mail.example"


class Server:
    """Alba's server: a folder, a port, and at most one process at a time.

    `delay` is the shop's, in seconds; other keywords are settings (`AFTERWORD_…`). `data` is the folder.
    """

    def __init__(self, folder: Path, *, delay: int = TEN_DAYS, **settings: str) -> None:
        self.data = folder / "data"
        self.port = free_port()
        self.settings = settings
        self.process: subprocess.Popen[bytes] | None = None
        self._left: list[int] = []
        self._log = folder / "log"
        self.keys = self.add_shop("Alba's bakery", delay)
        read_settings(self.environment()).link_secret()  # as the first start makes it

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def database(self) -> Path:
        return Path(self.settings.get("AFTERWORD_DATABASE", self.data / "afterword.db"))

    @property
    def journal(self) -> Path:
        return Path(self.settings.get("AFTERWORD_JOURNAL", self.data / "send.journal"))

    @property
    def log(self) -> str:
        return self._log.read_text()

    # The process.

    def __enter__(self) -> Self:
        return self if self.process else self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.wait_until_gone()

    def start(self, command: Sequence[str] = SERVE, **more: str) -> Self:
        """Starts it with `more` settings, and returns when it answers. Fails after 20 seconds."""
        assert self.process is None, "it runs already"
        with self._log.open("ab") as log:
            environment = self.environment(**more)
            self.process = subprocess.Popen(
                command, cwd=PROJECT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.wait_until(self._is_healthy)
        return self

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of a process that works on the same data."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AFTERWORD_")}
        ours = {"DATA": str(self.data), "PORT": str(self.port), "SMTP": "outbox:"}
        return inherited | {f"AFTERWORD_{name}": value for name, value in ours.items()} | self.settings | more

    def _is_healthy(self) -> bool:
        with suppress(OSError):
            return self.get("/healthz").status == 200
        return False

    def stop(self) -> int:
        """Sends SIGTERM, waits, and returns the exit status."""
        return self._end(signal.SIGTERM)

    def kill(self, *, all_at_once: bool = False) -> int:
        """Sends SIGKILL to the server, or also to the processes that it started. Does nothing the second time."""
        return self._end(signal.SIGKILL, all_at_once)

    def _end(self, how: signal.Signals, all_at_once: bool = False) -> int:
        process, self.process = self.process, None
        if process is None:
            return 0
        self._left = children_of(process.pid)
        for pid in [process.pid, *(self._left if all_at_once else [])]:
            with suppress(ProcessLookupError):
                os.kill(pid, how)
        return process.wait(30)

    def wait_until_gone(self) -> None:
        """Waits until the processes that the server started have ended by themselves. Fails after ten seconds."""
        deadline = time.monotonic() + 10
        while any(map(is_alive, self._left)):
            assert time.monotonic() < deadline, f"{self._left} outlive their server"
            time.sleep(0.01)

    def restart(self) -> None:
        """Stops it with SIGTERM and starts it again."""
        self.stop()
        self.start()

    # Over HTTP.

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, None, headers)

    def post_orders(
        self, orders: object, *, key: str | None = None, details: bool = False, timeout: float = 60.0
    ) -> Answer:
        """Posts orders as JSON, by default with Alba's live key. Raises OSError if the connection breaks."""
        body: dict[str, object] = {"api_key": key or self.keys.private_key, "orders": orders}
        if details:
            body["details"] = 1
        return self.request("POST", ORDERS, json.dumps(body), {"Content-Type": "application/json"}, timeout)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        timeout: float = 60.0,
    ) -> Answer:
        """Sends a request on a new connection. Raises OSError if the connection breaks."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)) as connection:
            return ask(connection, method, path, body, headers)

    def send_raw(self, request: bytes, timeout: float = 20.0) -> bytes:
        """Sends these bytes, and returns what the server sends until it closes the connection or the answer ends."""
        with socket.create_connection(("127.0.0.1", self.port), timeout) as line:
            line.sendall(request)
            return read_answer(line)

    # In the database.

    def add_shop(self, name: str, delay: int = TEN_DAYS, lang: str = "en") -> NewKeys:
        fields = {"lang": lang, "site": None, "timezone": "Europe/Paris", "email": None, "delay": delay}
        database = open_database(read_settings(self.environment()))
        try:
            return database.write_now(lambda tx: add_shop(tx, time.time(), name=name, **fields))[1]
        finally:
            database.close_now()

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Runs `work` on a separate connection, whether the server runs or not."""
        with opened(read_settings(self.environment())) as tx:
            return work(tx)

    def invitations(self) -> list[InvitationRow]:
        """All invitations of Alba's bakery, in the order of import."""

        def read(tx: Transaction) -> list[InvitationRow]:
            alba = find_shop(tx, "Alba's bakery")
            assert alba is not None
            return list_invitations(tx, alba, most=10_000_000)[::-1]

        return self.read(read)

    def states(self) -> dict[str, str]:
        """The state of each invitation, by `id_order`."""
        return {one.id_order: one.state for one in self.invitations()}

    def wait_until(self, holds: Callable[[], bool], seconds: float = 20.0) -> None:
        """Waits for a condition. Fails if that takes longer, or the server has ended."""
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"the condition does not become true: {self.log[-2_000:]}"
            assert self.process is not None and self.process.poll() is None, self.log
            time.sleep(0.02)

    def put_back(self, backup: Path) -> None:
        """Replaces the database with a copy, as an operator restores a backup."""
        assert self.process is None, "it runs"
        for end in ("", "-wal", "-shm"):
            self.database.with_name(self.database.name + end).unlink(missing_ok=True)
        shutil.copy(backup, self.database)


@contextmanager
def opened(settings: Settings) -> Iterator[Transaction]:
    """A read-only transaction on a new connection."""
    path = settings.database_path
    connection = PostgresConnection(settings.database) if path is None else SqliteConnection(path)
    if path is None:
        connection.run("BEGIN READ ONLY")
    else:
        connection.run("PRAGMA query_only = ON; BEGIN")
    try:
        yield Transaction(connection)
    finally:
        connection.close()


def ask(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """Sends a request on a connection. Raises OSError if the connection breaks."""
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        content = response.read()
    except http.client.HTTPException as error:
        raise ConnectionError(repr(error)) from error
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, content)


def read_answer(line: socket.socket) -> bytes:
    """Reads until the other side closes the connection, or an answer with a Content-Length is complete."""
    received = b""
    while piece := line.recv(65_536):
        received += piece
        head, blank, body = received.partition(b"\r\n\r\n")
        if head.startswith(b"HTTP/1.1 100"):
            head, blank, body = body.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if blank and length and len(body) >= int(length):
            break
    return received
