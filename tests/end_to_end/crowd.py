"""Shops that send orders all at once, to a server that dies under them, and remember what it acknowledged."""

import http.client
import json
import math
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from tests.server import ORDERS, Answer, Server, an_order, ask

LARGE = 120
"""Orders of a batch that goes to a reading process."""


class Acknowledged(NamedTuple):
    """One order that the server said it has: imported by this request, or before. `at` is `monotonic_ns`."""

    id_order: str
    imported: bool
    at: int


class Crowd:
    """Clients of one server. Each sends its requests again until it has an answer, as shops do.

    `acknowledged` is in the order of the answers; `sent` are all orders that ever left; `turned_away` counts the
    requests that had to be sent again.
    """

    def __init__(self, server: Server, *, singles: int = 4, batches: int = 2) -> None:
        self._server = server
        self._ended = threading.Event()
        self.sent: set[str] = set()
        self.acknowledged: list[Acknowledged] = []
        self.failures: list[str] = []
        self.answers = self.turned_away = 0
        sizes = [(1,)] * singles + [(5, 30, LARGE)] * batches
        self._threads = [threading.Thread(target=self._send, args=each) for each in enumerate(sizes)]

    @contextmanager
    def sending(self) -> Iterator["Crowd"]:
        """The clients at work; in the end each waits for the answer to its last request."""
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            for thread in self._threads:
                thread.join(60)
                assert not thread.is_alive(), "a client waits in vain"

    def _send(self, client: int, sizes: tuple[int, ...]) -> None:
        draw = random.Random(client)
        count = 0
        while not self._ended.is_set():
            size = draw.choice(sizes)
            ids = [f"C{client}-{count + n}" for n in range(size)]
            count += size
            self.sent.update(ids)
            self._send_until_answered(ids)

    def _send_until_answered(self, ids: list[str]) -> None:
        """While a server is killed again and again, a large body may not find the moment that it takes. Once it is
        left in peace, it is answered within 50 seconds."""
        orders = [an_order(one, reference=f"R-{one}") for one in ids]
        body = json.dumps({"api_key": self._server.keys.private_key, "orders": orders, "details": 1})
        given_up_at = math.inf
        while time.monotonic() < given_up_at:
            if self._ended.is_set():
                given_up_at = min(given_up_at, time.monotonic() + 50)
            connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=30)
            try:
                answer = ask(connection, "POST", ORDERS, body, {"Content-Type": "application/json"})
                if answer.status != 503:
                    self._remember(answer, ids)
                    return
            except OSError:
                pass  # the server is down, or broke the connection
            finally:
                connection.close()
            self.turned_away += 1
            time.sleep(0.02)
        self.failures.append(f"{ids} got no answer")

    def _remember(self, answer: Answer, ids: list[str]) -> None:
        at = time.monotonic_ns()
        told = answer.body.get("orders", [])
        statuses = [one["status"] for one in told]
        if [one["id_order"] for one in told] != ids or not set(statuses) <= {"imported", "duplicate"}:
            self.failures.append(f"{ids}: {answer}")
        if answer.body["orders_imported"] != statuses.count("imported"):
            self.failures.append(f"a wrong count: {answer}")
        self.answers += 1
        self.acknowledged += [Acknowledged(one["id_order"], one["status"] == "imported", at) for one in told]


def check_kept(server: Server, crowd: Crowd) -> None:
    """Guarantees 1 to 3: each acknowledged order is there once, with one invitation, and nothing else is."""
    assert not crowd.failures, crowd.failures[:3]
    if "AFTERWORD_DATABASE" not in server.settings:
        assert server.read(lambda tx: tx.rows("PRAGMA integrity_check")) == [("ok",)]
    stored = Counter(
        id_order for (id_order,) in server.read(lambda tx: tx.rows("SELECT id_order FROM orders"))
    )
    invited = Counter(one.id_order for one in server.invitations())
    assert {one.id_order for one in crowd.acknowledged} <= stored.keys() <= crowd.sent
    assert set(stored.values()) <= {1}
    assert invited == stored
    assert server.read(lambda tx: tx.rows("SELECT count(*) FROM messages")) == [(len(stored),)]
    imports = Counter(one.id_order for one in crowd.acknowledged if one.imported)
    assert set(imports.values()) <= {1}, "an order was imported twice"
