"""SIGTERM while requests are under way: they are finished, and no slow stranger keeps the server."""

import json
import socket
import threading
import time
from pathlib import Path

from afterword.app import FINISH_WITHIN
from tests.server import ORDERS, Server, an_order

HEAD = f"POST {ORDERS} HTTP/1.1\r\nHost: alba.example\r\nContent-Type: application/json\r\n"


def begin(alba: Server, length: int) -> socket.socket:
    """A connection that has sent the head of a request, and the first half of its body."""
    line = socket.create_connection(("127.0.0.1", alba.port))
    line.sendall(f"{HEAD}Content-Length: {length}\r\n\r\n".encode() + b" " * (length // 2))
    return line


def trickle(line: socket.socket, until: threading.Event) -> None:
    """Sends byte after byte."""
    while not until.wait(0.05):
        try:
            line.sendall(b" ")
        except OSError:
            return


def test_what_comes_to_an_end_is_finished_and_a_slow_stranger_is_given_up(tmp_path: Path) -> None:
    alba, over = Server(tmp_path), threading.Event()
    body = json.dumps({"api_key": alba.keys.private_key, "orders": [an_order("A-1")]}).encode()
    with alba, begin(alba, 10_000_000) as stranger, begin(alba, 2 * len(body)) as shop:
        slow = threading.Thread(target=trickle, args=(stranger, over))
        slow.start()
        time.sleep(0.5)  # until it has read the heads
        begun = time.monotonic()
        stopping = threading.Thread(target=alba.stop)
        stopping.start()
        time.sleep(1)
        shop.sendall(body)
        assert b'"orders_imported": 1' in shop.recv(4_096)
        stopping.join()
        over.set()
        slow.join()
    assert FINISH_WITHIN - 1 < time.monotonic() - begun < FINISH_WITHIN + 10
    assert 'event="requests cut off"' in alba.log and 'event="server stopped"' in alba.log
