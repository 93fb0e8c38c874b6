"""Strangers who want a server to be slow, or to run out of memory: what each sends, over how many connections.

One process has all the connections of an attack. It runs at the lowest priority, since a stranger has another
machine, and each connection asks twice a second at most, which needs no fast line.
"""

import asyncio
import multiprocessing
import os
import resource
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple

from benchmarks.ground import BOUNDARY

HOST = "127.0.0.1"

MIB = 2**20
PACE = 0.5
"""Seconds between the requests of a connection, at least."""

URLENCODED, JSON = "application/x-www-form-urlencoded", "application/json"
WRONG_KEY = "1/en/" + 64 * "a"

Ask = Callable[[int, int], bytes]
"""The request of a connection, by the connection's number and how often it has asked before."""


class Attack(NamedTuple):
    """`ask` is repeated on each connection, or with `silently` sent once; then nothing is sent or read."""

    what: str
    connections: int
    ask: Ask
    silently: bool = False


class Known(NamedTuple):
    """What attackers hold: a private key, a public key, and the paths of links to forms."""

    key: str
    public_key: str
    links: list[str]


def attacks(known: Known, share: float = 1.0) -> list[Attack]:
    """All of them; with a `share` below 1, smaller ones. The first is none: it only keeps every processor busy,
    which costs the shop something on any machine."""
    return [Attack("busy neighbours", 0, lambda *_: b""), *_strangers(share), *_holders(known, share)]


def _strangers(share: float) -> list[Attack]:
    """What anyone can send who reaches the port."""
    size, orders = int(MIB * share), "/private/v3/orders"
    blanks = _get("/x", f"Accept-Language: aa{' ' * 16_000}!")
    form = _post(f"/r/1/{'A' * 31}", URLENCODED, b"a=" + b"%\xffa" * (size // 3))
    escapes = _post(orders, URLENCODED, b"orders=" + b"%\xffa" * (4 * size // 3))
    zeros = _post(orders, JSON, _zeros(WRONG_KEY, 2 * size))
    head = f"POST {orders} HTTP/1.1\r\nHost: alba.example\r\nContent-Type: {JSON}\r\n".encode()
    parked = head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (size, b" " * size)
    return [
        Attack("a header of blanks", 4, lambda *_: blanks),
        Attack("a form without a link", 4, lambda *_: form),
        Attack("escapes, wrong key", 6, lambda *_: escapes),
        Attack("zeros, wrong key", 6, lambda *_: zeros),
        Attack("parked bodies", int(200 * share), lambda *_: parked, silently=True),
        Attack("silent connections", int(1_100 * share), lambda *_: b"", silently=True),
    ]


def _holders(known: Known, share: float) -> list[Attack]:
    """What the holder of a key, of a link, or of a public key can send."""
    details = _post("/private/v3/orders", JSON, _zeros(known.key, int(MIB * share) // 2, b'"details":1,'))
    empty = _post("/private/v3/orders", JSON, _many(known.key, b"{}", 8_000, b'"details":1,'))
    unread = _get(f"/public/v3/reviews/{known.public_key}/site")
    lines = int(60 * share)

    def ligatures(one: int, times: int) -> bytes:
        return _ligatures(known.links[one], lines, times)

    return [
        Attack("zeros with details", 2, lambda *_: details),
        Attack("empty orders in small bodies", 6, lambda *_: empty),
        Attack("a form of ligatures", len(known.links), ligatures),
        Attack("answers left unread", int(200 * share), lambda *_: unread, silently=True),
    ]


def attack(number: int, known: Known, port: int, seconds: float, share: float) -> int:
    """Attacks for so many seconds, in a process of its own. Returns the number of requests."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.nice(19)
    chosen = attacks(known, share)[number]
    return asyncio.run(_attack(chosen, port, seconds)) if chosen.connections else _compute(seconds)


def _compute(seconds: float) -> int:
    """On every processor."""
    fork = multiprocessing.get_context("fork")
    others = [fork.Process(target=_count, args=(seconds,)) for _ in range((os.cpu_count() or 1) - 1)]
    for other in others:
        other.start()
    done = _count(seconds)
    for other in others:
        other.join()
    return done


def _count(seconds: float) -> int:
    end, done = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        done += len(bytes(MIB).split(b"x"))
    return done


async def _attack(chosen: Attack, port: int, seconds: float) -> int:
    asked, loop = 0, asyncio.get_running_loop()

    async def one(number: int) -> None:
        nonlocal asked
        act: Callable[[int, bytes], Awaitable[None]] = _hold if chosen.silently else _exchange
        await asyncio.sleep(PACE * number / chosen.connections)
        for times in range(1_000_000):
            began = loop.time()
            with suppress(OSError):
                asked += 1
                await act(port, chosen.ask(number, times))
            await asyncio.sleep(max(0.0, began + PACE - loop.time()))

    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.gather(*(one(number) for number in range(chosen.connections)))
    return asked


async def _exchange(port: int, request: bytes) -> None:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(request)
        await writer.drain()
        while await reader.read(2**16):
            pass
    finally:
        writer.close()


async def _hold(port: int, request: bytes) -> None:
    """Sends a request, and neither sends nor reads any more."""
    loop = asyncio.get_running_loop()
    with socket.socket() as line:
        line.setblocking(False)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        await loop.sock_connect(line, (HOST, port))
        await loop.sock_sendall(line, request)
        await asyncio.sleep(3_600)


def _get(path: str, *headers: str) -> bytes:
    lines = (f"GET {path} HTTP/1.1", "Host: alba.example", "Connection: close", *headers, "", "")
    return "\r\n".join(lines).encode()


def _post(path: str, content_type: str, body: bytes) -> bytes:
    lines = (
        f"POST {path} HTTP/1.1",
        "Host: alba.example",
        "Connection: close",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join((*lines, "", "")).encode() + body


def _zeros(key: str, count: int, more: bytes = b"") -> bytes:
    return _many(key, b"0", count, more)


def _many(key: str, element: bytes, count: int, more: bytes) -> bytes:
    return b'{"api_key":"%b",%b"orders":[%b]}' % (key.encode(), more, b",".join([element] * count))


def _ligatures(link: str, lines: int, version: int) -> bytes:
    """New versions of the longest reviews of an order, no two alike, of a character that is eighteen once folded."""
    fields = {"lived": "1"}
    for line in range(lines):
        text = f"{version} {line} " + "\ufdfa" * 4_900
        fields |= {f"stars-{line}": "5", f"text-{line}": text, f"seen-{line}": str(version)}
    parts = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    body = "".join((*parts, f"--{BOUNDARY}--\r\n")).encode()
    return _post(link, f"multipart/form-data; boundary={BOUNDARY}", body)
