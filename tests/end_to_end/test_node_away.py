"""A node of a cluster is frozen, or crashes: its shops wait, and nobody else notices."""

import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from afterword.domain.messages import order_fingerprint
from tests.citus import CLUSTER
from tests.end_to_end.mailing import WatchedRelay, mailing_server
from tests.needs import scale
from tests.processes import children_of
from tests.server import SERVE, Server, an_order

pytestmark = [pytest.mark.citus, pytest.mark.alone]

FROZEN_FOR = 20 * scale()
"""Seconds; with AFTERWORD_TEST_SCALE=6 two minutes."""

SHOPS = 8
NOTICED = 5.0
"""Seconds within which it is noticed that a node is away, or back."""


class Sent(NamedTuple):
    """An order, and how it was answered (`monotonic`)."""

    id_order: str
    at: float
    status: int
    took: float


class Sender(threading.Thread):
    """A shop that sends one order after the other."""

    def __init__(self, server: Server, shop_id: int, key: str) -> None:
        super().__init__(daemon=True)
        self.shop_id = shop_id
        self.sent: list[Sent] = []
        self.stops = threading.Event()
        self._server, self._key = server, key

    def run(self) -> None:
        while not self.stops.wait(0.05):
            name, began = f"{self.shop_id}-{len(self.sent)}", time.monotonic()
            try:
                status = self._server.post_orders([an_order(name)], key=self._key).status
            except OSError:
                status = 0
            self.sent.append(Sent(name, began, status, time.monotonic() - began))

    def during(self, first: float, last: float) -> list[Sent]:
        return [each for each in self.sent if first <= each.at < last]


class Node(NamedTuple):
    """A server, which must be on this machine, and its first process."""

    host: str
    port: int
    postmaster: int


def node_of(number: int) -> Node:
    with psycopg.connect(CLUSTER) as coordinator:
        asked = "SELECT nodename, nodeport FROM pg_dist_node WHERE groupid = %s"
        [(host, port)] = coordinator.execute(asked, [number]).fetchall()
    with psycopg.connect(CLUSTER, host=host, port=port) as connection:
        stat = Path(f"/proc/{connection.info.backend_pid}/stat").read_text()
    found = int(stat.rpartition(")")[2].split()[1])
    assert b"postgres" in Path(f"/proc/{found}/cmdline").read_bytes()
    return Node(host, port, found)


@contextmanager
def frozen(node: Node) -> Iterator[None]:
    """While no process of this server runs."""
    os.kill(node.postmaster, signal.SIGSTOP)
    processes = [node.postmaster, *children_of(node.postmaster)]
    try:
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        yield
    finally:
        for process in reversed(processes):
            os.kill(process, signal.SIGCONT)


@contextmanager
def down(node: Node) -> Iterator[None]:
    """After a crash of this server, until it is started again and answers."""
    place = Path(f"/proc/{node.postmaster}")
    command, owner = place.joinpath("cmdline").read_bytes().rstrip(b"\0").split(b"\0"), place.stat()
    os.kill(node.postmaster, signal.SIGQUIT)
    while place.exists():
        time.sleep(0.1)
    try:
        yield
    finally:
        subprocess.Popen(
            command,
            user=owner.st_uid,
            group=owner.st_gid,
            extra_groups=[],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        while True:
            with suppress(psycopg.OperationalError), psycopg.connect(CLUSTER, host=node.host, port=node.port):
                break


@pytest.mark.parametrize("trouble", [frozen, down])
def test_the_shops_of_other_nodes_send_and_are_sent_for(
    place: dict[str, str], tmp_path: Path, trouble: Callable[[Node], AbstractContextManager[None]]
) -> None:
    with WatchedRelay(0.01) as relay:
        server = mailing_server(tmp_path, relay, **place)
        keys = [server.keys, *(server.add_shop(f"Shop {n}", delay=1) for n in range(1, SHOPS))]
        senders = [Sender(server, n, each.private_key) for n, each in enumerate(keys, 1)]
        on = where(place, SHOPS)
        away = min(on.values())
        theirs = [each for each in senders if on[each.shop_id] == away]
        others = [each for each in senders if on[each.shop_id] != away]
        assert theirs and others, on
        with server.start((*SERVE, "--workers", "2")):
            for sender in senders:
                sender.start()
            time.sleep(5)
            with trouble(node_of(away)):
                first = time.monotonic()
                time.sleep(FROZEN_FOR)
                last = time.monotonic()
            time.sleep(2 * NOTICED)
            for sender in senders:
                sender.stops.set()
            for sender in senders:
                sender.join(30)
            settle(server)
        report(senders, on, first, last)
        check(senders, theirs, others, first, last, relay, server)


def where(place: dict[str, str], shops: int) -> dict[int, int]:
    asked = (
        "SELECT n, p.groupid FROM generate_series(1, %s) n JOIN pg_dist_placement p "
        "ON p.shardid = get_shard_id_for_distribution_column('shops', n)"
    )
    with psycopg.connect(place["AFTERWORD_DATABASE"]) as connection:
        return dict(connection.execute(asked, [shops]).fetchall())


def settle(server: Server) -> None:
    """Until nothing waits or is in hand any more."""
    asked = "SELECT count(*) FROM messages WHERE state IN ('scheduled', 'claimed', 'sending')"
    server.wait_until(lambda: server.read(lambda tx: tx.rows(asked)) == [(0,)], 240)


def report(senders: list[Sender], on: dict[int, int], first: float, last: float) -> None:
    for sender in senders:
        found = sender.during(first, last)
        print(
            f"shop {sender.shop_id} on node {on[sender.shop_id]}: {Counter(each.status for each in found)}, slowest "
            f"{max((each.took for each in found), default=0):.1f} s"
        )


def check(
    senders: list[Sender],
    theirs: list[Sender],
    others: list[Sender],
    first: float,
    last: float,
    relay: WatchedRelay,
    server: Server,
) -> None:
    answers = [each for sender in others for each in sender.during(first, last)]
    well = sum(each.status == 200 for each in answers) / len(answers)
    print(f"other shops: {len(answers)} orders, {well:.2%} of them 200")
    acknowledged = {each.id_order: sender for sender in senders for each in sender.sent if each.status == 200}
    salts = dict(server.read(lambda tx: tx.rows("SELECT shop_id, salt FROM shops")))
    names = {
        order_fingerprint(salts[sender.shop_id], live=True, id_order=name): name
        for name, sender in acknowledged.items()
    }
    taken = {names.get(one.fingerprint, one.fingerprint): one.at / 1e9 for one in relay.taken}
    times = Counter(one.fingerprint for one in relay.taken)
    steady = [
        each.id_order
        for sender in others
        for each in sender.during(first + 2 * NOTICED, last - NOTICED)
        if each.status == 200
    ]
    in_time = sum(taken.get(name, float("inf")) < last for name in steady)
    print(f"e-mails of theirs that went while it was frozen: {in_time} of {len(steady)}")
    back = [
        min(each.at + each.took for each in sender.sent if each.status == 200 and each.at + each.took > last)
        - last
        for sender in theirs
    ]
    print(f"its own shops were well after {max(back):.1f} s")
    refused = [each.took for sender in theirs for each in sender.during(first + 2 * NOTICED, last - 1)]
    print(f"its own shops were refused {len(refused)} times, the slowest after {max(refused):.2f} s")
    stored = server.read(lambda tx: tx.rows("SELECT id_order, count(*) FROM orders GROUP BY id_order"))
    states = server.read(
        lambda tx: tx.rows(
            "SELECT o.id_order, m.state FROM orders o "
            "JOIN messages m ON m.shop_id = o.shop_id AND m.message_id = o.order_id"
        )
    )
    print(f"{len(acknowledged)} acknowledged, {len(stored)} stored, {Counter(state for _, state in states)}")
    assert acknowledged.keys() <= dict(stored).keys() and set(dict(stored).values()) == {1}
    assert max(times.values()) == 1, "an e-mail went twice"
    assert all(name in taken for name, state in states if state == "sent" and name in acknowledged)
    assert well >= 0.97
    assert in_time >= 0.97 * len(steady)
    assert max(back) < NOTICED
    assert max(refused) < 1.0
