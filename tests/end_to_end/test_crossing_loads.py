"""Many at once want the same rows, in other orders: nobody waits for one that waits for them."""

import http.client
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode

import psycopg
import pytest

from afterword.base.ids import sign_token
from afterword.base.settings import read_settings
from afterword.domain.messages import order_fingerprint
from afterword.store.engine.transaction import Transaction
from afterword.store.shops import find_shop
from tests.needs import scale
from tests.server import SERVE, Server, an_order, ask

pytestmark = [pytest.mark.postgres, pytest.mark.alone]

SHOPS = 8
SENDERS = 16
"""Of forms, and of each stream of orders."""

FORMS = 160 * scale()
BATCHES = 32 * scale()
"""Requests of each stream to each shop."""

A_REQUEST = 20
"""Orders."""


@pytest.fixture
def alba(place: dict[str, str], tmp_path: Path) -> Server:
    return Server(tmp_path, **place)


def at_once(jobs: Iterable[Callable[[], None]], senders: int) -> float:
    """All of these by so many threads, and how many seconds it took."""
    began = time.monotonic()
    with ThreadPoolExecutor(senders) as threads:
        for done in [threads.submit(job) for job in jobs]:
            done.result(120)
    return time.monotonic() - began


def deadlocks(server: Server) -> int:
    with psycopg.connect(server.settings["AFTERWORD_DATABASE"], autocommit=True) as connection:
        connection.execute("SELECT pg_stat_force_next_flush()")
        time.sleep(1.5)  # what other processes know of is counted within a second
        [(found,)] = connection.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        ).fetchall()
    return int(found)


def test_two_streams_of_the_same_orders_never_wait_for_each_other(alba: Server) -> None:
    keys = [alba.keys, *(alba.add_shop(f"Shop {number}") for number in range(1, SHOPS))]

    def send(key: str, numbers: Sequence[int]) -> None:
        answer = alba.post_orders([an_order(f"C{number:07}") for number in numbers], key=key)
        assert answer.status == 200 and answer.body["orders_count"] == len(numbers)

    forth: list[Callable[[], None]] = []
    back: list[Callable[[], None]] = []
    for batch in range(BATCHES):
        numbers = range(batch * A_REQUEST, (batch + 1) * A_REQUEST)
        for here, there in zip(keys, reversed(keys), strict=True):
            forth.append(lambda key=here.private_key, them=numbers: send(key, them))  # type: ignore[misc]
            back.append(lambda key=there.private_key, them=numbers[::-1]: send(key, them))  # type: ignore[misc]
    with alba.start((*SERVE, "--workers", "2", "--no-dispatch")):
        jobs = [job for pair in zip(forth, back, strict=True) for job in pair]
        seconds = at_once(jobs, 2 * SENDERS)
        found = deadlocks(alba)
    stored = alba.read(lambda tx: tx.rows("SELECT count(*), count(DISTINCT order_id) FROM orders")[0])
    sent = len(jobs) * A_REQUEST
    print(f"\n{sent} orders of two streams in {seconds:.1f} s, {sent / seconds:.0f} a second")
    assert stored == (sent // 2, sent // 2)
    assert found == 0


def test_forms_about_the_same_shops_never_wait_for_each_other(alba: Server) -> None:
    keys = [alba.keys, *(alba.add_shop(f"Shop {number}") for number in range(1, SHOPS))]
    secret = read_settings(alba.environment()).link_secret()

    def links(tx: Transaction) -> list[str]:
        found = []
        for shop_id, order_id, id_order in tx.rows("SELECT shop_id, order_id, id_order FROM orders"):
            shop = find_shop(tx, str(shop_id))
            assert shop is not None
            subject = order_fingerprint(shop.salt, live=True, id_order=id_order)
            found.append(f"/r/{shop_id}/{sign_token(secret, 'r', order_id, subject)}")
        return found

    def write(path: str, number: int) -> None:
        words = {"stars-0": "5", "text-0": f"Words {number} of the shop.", "seen-0": "0"}
        words |= {"stars-1": "4", "text-1": f"Words {number} of the bread.", "seen-1": "0", "lived": "1"}
        with closing(http.client.HTTPConnection("127.0.0.1", alba.port, timeout=60)) as connection:
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            answer = ask(connection, "POST", path, urlencode(words), headers)
        assert answer.status == 303, answer

    with alba.start((*SERVE, "--workers", "2", "--no-dispatch")):
        for key in keys:
            orders = [an_order(f"F{number}") for number in range(FORMS // SHOPS)]
            assert alba.post_orders(orders, key=key.private_key).status == 200
        # Of one shop after the other, so that each group of writes has several.
        paths = alba.read(links)
        mixed = [path for first in range(FORMS // SHOPS) for path in paths[first :: FORMS // SHOPS]]
        jobs = [lambda path=path, n=n: write(path, n) for n, path in enumerate(mixed)]  # type: ignore[misc]
        seconds = at_once(jobs, SENDERS)
        found = deadlocks(alba)
    [(reviews,)] = alba.read(lambda tx: tx.rows("SELECT count(*) FROM reviews"))
    print(f"\n{len(jobs)} forms in {seconds:.1f} s, {len(jobs) / seconds:.0f} a second")
    assert reviews == 2 * FORMS
    assert found == 0
