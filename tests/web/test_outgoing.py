"""Large answers go out in pieces, to clients that take them."""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import closing

import pytest
from starlette.types import Message, Receive, Scope, Send

from afterword.web import listening, outgoing
from afterword.web.outgoing import LARGEST_PIECE, Outgoing, give_large
from afterword.web.server import build_server
from tests.processes import free_port

LARGE = bytes(range(256)) * (5 * LARGEST_PIECE // 256) + b"the end"


class Client:
    """Takes an answer, `pause` seconds for each piece."""

    def __init__(self, pause: float = 0.0) -> None:
        self.got: list[Message] = []
        self._pause = pause

    async def __call__(self, message: Message) -> None:
        if "body" in message:
            await asyncio.sleep(self._pause)
        self.got.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.got)

    @property
    def status(self) -> int:
        return int(self.got[0]["status"])


def give(client: Client, body: bytes = LARGE) -> Client:
    asyncio.run(give_large(client, 200, [(b"x-a", b"1")], body))
    return client


@pytest.mark.parametrize("size", [1, LARGEST_PIECE, LARGEST_PIECE + 1, 3 * LARGEST_PIECE, len(LARGE)])
def test_an_answer_arrives_whole_in_pieces(size: int) -> None:
    client = give(Client(), LARGE[:size])
    assert client.body == LARGE[:size]
    assert client.got[0]["headers"] == [(b"x-a", b"1"), (b"content-length", b"%d" % size)]
    assert max(len(message.get("body", b"")) for message in client.got) <= LARGEST_PIECE
    assert [message["more_body"] for message in client.got[1:]] == [True] * (len(client.got) - 2) + [False]


def test_a_client_that_takes_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "TIME_TO_TAKE", 0.05)
    assert give(Client(pause=60.0)).body == b""
    assert Outgoing.under_way == 0


def test_a_client_that_takes_its_answer_too_slowly_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "TIME_TO_TAKE", 0.05)
    monkeypatch.setattr(outgoing, "LEAST_READING", 100 * LARGEST_PIECE)
    assert 0 < len(give(Client(pause=0.02)).body) < len(LARGE)
    assert Outgoing.under_way == 0


def test_what_makes_an_answer_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "TIME_TO_TAKE", 0.01)
    monkeypatch.setattr(outgoing, "LEAST_READING", 10**9)
    client = Client()

    async def stream() -> None:
        with outgoing.outgoing(client) as send:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for _ in range(3):
                await asyncio.sleep(0.02)
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
            await send({"type": "http.response.body"})

    asyncio.run(stream())
    assert client.body == b"xxx"


def test_beyond_the_most_at_once_a_large_answer_is_503(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "MOST_OUTGOING", 0)
    refused = give(Client())
    assert refused.status == 503
    assert (b"retry-after", b"5") in refused.got[0]["headers"] and len(refused.got) == 2
    assert give(Client(), b"small").status == 200
    assert Outgoing.under_way == 0


async def large(scope: Scope, receive: Receive, send: Send) -> None:
    await give_large(send, 200, [], LARGE * 100)


def test_a_connection_whose_client_takes_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the system, long before the answer is given up: a connection outlives its answer otherwise."""
    monkeypatch.setattr(listening, "READER_PATIENCE", 300)

    async def serve() -> None:
        port = free_port()
        server = build_server(large, "127.0.0.1", port)
        task = asyncio.create_task(server.serve())
        with closing(socket.socket()) as line:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            await until(lambda: line.connect_ex(("127.0.0.1", port)) == 0)
            line.sendall(b"GET / HTTP/1.1\r\nHost: alba.example\r\n\r\n")
            await until(lambda: Outgoing.under_way == 1)
            held = len(os.listdir("/proc/self/fd"))
            await until(lambda: len(os.listdir("/proc/self/fd")) == held - 1)
        server.stop()
        await task

    asyncio.run(serve())


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.01)
