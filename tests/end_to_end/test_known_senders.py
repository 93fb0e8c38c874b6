"""Senders that are known from production, with their habits (docs/orders-api.md, "Known senders, for tests")."""

import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest

from tests.server import Answer, Server, an_order
from tests.web.customer.forms import raw_form


@pytest.fixture(scope="module")
def alba(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("alba")) as server:
        yield server


def test_a_sender_that_closes_without_reading_is_stored_all_the_same(alba: Server) -> None:
    order = an_order("never read")
    head, body = raw_form(alba, order, f"Content-Length: {len(raw_form(alba, order)[1])}")
    line = socket.create_connection(("127.0.0.1", alba.port), 10)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))
    line.sendall(head + body)
    time.sleep(0.05)  # the bytes are there; a reset takes away those that were not read yet
    line.close()
    alba.wait_until(lambda: "never read" in alba.states(), 5)


def test_half_a_request_stores_nothing(alba: Server) -> None:
    head, body = raw_form(alba, an_order("half"), "Content-Length: 100000")
    with socket.create_connection(("127.0.0.1", alba.port), 10) as line:
        line.sendall(head + body)
    assert alba.post_orders([an_order("after half")]).status == 200
    assert "half" not in alba.states()


def test_of_200_racing_requests_with_one_order_one_imports_it(alba: Server) -> None:
    answers: list[Answer] = []
    together = threading.Barrier(40)

    def send() -> None:
        together.wait()
        answers.extend(alba.post_orders([an_order("race", reference="R-race")]) for _ in range(5))

    threads = [threading.Thread(target=send) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.counts for answer in answers) == [(0, 1, 0)] * 199 + [(1, 1, 1)]
    assert sum(one.id_order == "race" for one in alba.invitations()) == 1
