"""Bodies: how much of them is held, where, and for how long."""

import asyncio
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message, Receive

from afterword.base.errors import StoreUnavailable
from afterword.domain.orders.json import pick
from afterword.store.engine.database import Database
from afterword.web import body as bodies
from afterword.web.body import IN_MEMORY, BodyTooLarge, SenderGone, Spool, SpooledBody, read_body
from afterword.web.forms import URLENCODED, read_fields
from tests.web.asking import web_on

MIB = 2**20


def sender(*pieces: bytes, pause: float = 0.0) -> Receive:
    """What a client sends, piece by piece."""
    left = list(pieces)

    async def receive() -> Message:
        await asyncio.sleep(pause)
        piece = left.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(left)}

    return receive


def taken(spool: Spool, *pieces: bytes, limit: int = 2**30, pause: float = 0.0) -> bytes | SpooledBody:
    return asyncio.run(read_body(sender(*pieces, pause=pause), None, limit, spool))


def test_a_large_body_goes_to_a_file_that_is_removed_with_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    assert taken(spool, b"x" * 1_000, b"y") == b"x" * 1_000 + b"y"
    body = taken(spool, *[b"x" * IN_MEMORY] * 3)
    assert isinstance(body, SpooledBody)
    assert body.path.read_bytes() == b"x" * 3 * IN_MEMORY and spool.taken == 3 * IN_MEMORY
    body.remove()
    assert (list(tmp_path.iterdir()), spool.taken) == ([], 0)


def test_all_files_together_have_a_budget(tmp_path: Path) -> None:
    spool = Spool(tmp_path, budget=5 * IN_MEMORY)
    first = taken(spool, *[b"x" * IN_MEMORY] * 3)
    assert isinstance(first, SpooledBody)
    with pytest.raises(StoreUnavailable, match="too many large bodies"):
        taken(spool, *[b"x" * IN_MEMORY] * 3)
    assert len(list(tmp_path.iterdir())) == 1 and spool.taken == 3 * IN_MEMORY
    first.remove()
    second = taken(spool, *[b"x" * IN_MEMORY] * 5)
    assert isinstance(second, SpooledBody)
    second.remove()


def test_a_body_above_the_limit_leaves_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    with pytest.raises(BodyTooLarge, match=str(2 * IN_MEMORY)):
        taken(spool, *[b"x" * IN_MEMORY] * 3, limit=2 * IN_MEMORY)
    assert (list(tmp_path.iterdir()), spool.taken) == ([], 0)


@pytest.mark.parametrize("size", [1_000, IN_MEMORY], ids=["in memory", "in files"])
def test_bodies_that_arrive_together_are_taken_a_chunk_at_a_time(tmp_path: Path, size: int) -> None:
    """What else the event loop has to do never waits for a chunk of each of them."""
    chunks: list[int] = []

    def watched(receive: Receive) -> Receive:
        async def watch() -> Message:
            message = await receive()
            chunks[-1] += 1
            return message

        return watch

    async def count_rounds() -> None:
        while True:
            chunks.append(0)
            await asyncio.sleep(0)

    async def take() -> list[bytes | SpooledBody]:
        counting = asyncio.create_task(count_rounds())
        spool = Spool(tmp_path)
        senders = [watched(sender(*[b"x" * size] * 4)) for _ in range(40)]
        found = await asyncio.gather(*(read_body(each, None, 2**30, spool) for each in senders))
        counting.cancel()
        return found

    for body in asyncio.run(take()):
        if isinstance(body, SpooledBody):
            body.remove()
    *others, second, first = sorted(chunks)  # of which two are held in memory in any case
    assert (first, second) == (40, 40) and sum(others) == 80
    assert max(others) <= bodies.MOST_UNPACED


def test_a_sender_that_trickles_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PATIENCE", 0.1)
    spool = Spool(tmp_path)
    with pytest.raises(SenderGone):
        taken(spool, *[b"x"] * 100, pause=0.01)
    assert taken(spool, *[b"x" * 1_000] * 30, pause=0.01) == b"x" * 30_000


def peak_of(work: Callable[[], object]) -> int:
    """The most bytes that were held at once."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("escape", [b"%41", b"%\xffa", b"%%%", b"+", b"a"])
def test_a_form_takes_a_few_times_its_size(escape: bytes) -> None:
    body = b"orders=" + escape * (MIB // len(escape))
    assert peak_of(lambda: read_fields(URLENCODED, b"", body)) < 5 * len(body)


@pytest.mark.parametrize("member", [b'"%d":0', b'"x%d":[0,0,0,0,0,0,0,0]'])
def test_what_is_not_asked_for_in_an_object_takes_nothing(member: bytes) -> None:
    body = b"{" + b",".join(member % n for n in range(50_000)) + b',"orders":[1]}'
    assert peak_of(lambda: pick(body, ("orders",))) < len(body)
    broken = body.replace(b'"orders"', b'"a":"\\ud800","b":1e999,"orders"')
    assert {name: bytes(piece) for name, piece in (pick(broken, ("orders",)) or {}).items()} == {
        "orders": b"[1]"
    }
    assert peak_of(lambda: pick(broken, ("orders",))) < 5 * len(body)


@pytest.mark.parametrize("cut", range(-4, 4))
def test_an_escape_is_decoded_wherever_it_is(cut: int) -> None:
    before = "a" * (2**12 + cut)
    assert read_fields(URLENCODED, b"", f"orders={before}%C3%A9+b".encode()) == {
        "orders": f"{before}é b".encode()
    }


def test_a_form_without_a_good_link_is_refused_before_its_body_is_read(database: Database) -> None:
    answers: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("the body was read")

    async def send(message: Message) -> None:
        answers.append(message)

    path = f"/r/1/{'A' * 31}"
    headers = [(b"content-type", URLENCODED.encode()), (b"content-length", b"1000000")]
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "headers": headers,
    }
    scope |= {"query_string": b"", "root_path": "", "scheme": "http", "server": ("test.example", 80)}
    asyncio.run(web_on(database)(scope, receive, send))
    assert answers[0]["status"] == 404
