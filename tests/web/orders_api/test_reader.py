"""Large bodies are read in processes of their own, which are lost, replaced and ended."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from pathlib import Path

import msgspec
import pytest

from afterword.base.errors import StoreUnavailable
from afterword.domain.orders.batch import FEW_REFUSED, BatchError
from afterword.web.forms import JSON, MalformedBody
from afterword.web.orders_api.answer import Read
from afterword.web.orders_api.reader import DETAILED, LOAD, SLICE, Reader
from tests.domain.reading import RULES, claras
from tests.processes import spawned_by
from tests.server import Server, an_order

MANY = SLICE * LOAD * 2 + 1
"""Orders that cross in three loads."""


@pytest.fixture
def reader() -> Iterator[Reader]:
    reader = Reader()
    yield reader
    reader.close()


def body(first: int, count: int, *, details: int = 0) -> bytes:
    orders = [claras(id_order=number) for number in range(first, first + count)]
    return json.dumps({"api_key": f"key {first}", "details": details, "orders": orders}).encode()


def ids(sent: bytes) -> list[int]:
    return [int(order.id_order) for _, order in msgspec.msgpack.decode(sent, type=Read).batch.orders]


async def read(reader: Reader, sent: bytes | Path) -> AsyncIterator[bytes]:
    await reader.read(JSON.encode(), sent)
    return reader.slices(RULES)


async def read_all(reader: Reader, sent: bytes | Path) -> list[int]:
    return [number async for batch in await read(reader, sent) for number in ids(batch)]


@pytest.mark.parametrize("count", [0, 1, SLICE, SLICE * LOAD, MANY])
def test_every_order_crosses_once(reader: Reader, tmp_path: Path, count: int) -> None:
    (tmp_path / "spooled").write_bytes(body(0, count))
    assert asyncio.run(read_all(reader, tmp_path / "spooled")) == list(range(count))


def test_what_is_beside_the_orders_comes_first(reader: Reader) -> None:
    payload = asyncio.run(reader.read(JSON.encode(), body(3, 1, details=1)))
    assert (payload.api_key, payload.details, payload.orders) == ("key 3", True, b"")


def test_with_details_a_slice_is_smaller(reader: Reader) -> None:
    async def sizes() -> list[int]:
        return [len(ids(batch)) async for batch in await read(reader, body(0, 2 * DETAILED + 1, details=1))]

    assert asyncio.run(sizes()) == [DETAILED, DETAILED, 1]


def test_a_body_left_in_the_middle_does_not_touch_the_next(reader: Reader) -> None:
    async def leave_one() -> list[int]:
        async with aclosing(await read(reader, body(0, MANY))) as slices:
            assert ids(await anext(slices)) == list(range(SLICE))
        return await read_all(reader, body(9_000, 3))

    assert asyncio.run(leave_one()) == [9_000, 9_001, 9_002]


def test_what_is_wrong_with_a_body_crosses_too(reader: Reader) -> None:
    with pytest.raises(MalformedBody, match="the body is not JSON: expecting value"):
        asyncio.run(read_all(reader, b"{]"))
    with pytest.raises(BatchError, match="orders is not an array"):
        asyncio.run(read_all(reader, b'{"orders": 5}'))


def test_a_lost_process_refuses_its_body_and_is_replaced(reader: Reader) -> None:
    async def lose_one() -> list[int]:
        slices = await read(reader, body(0, MANY))
        await anext(slices)
        for child in spawned_by(os.getpid()):
            os.kill(child, signal.SIGKILL)
        with pytest.raises(StoreUnavailable, match="a process beside the server was lost"):
            async for _ in slices:
                pass
        return await read_all(reader, body(0, 3))

    assert asyncio.run(lose_one()) == [0, 1, 2]


@pytest.mark.parametrize("end", [Server.stop, Server.kill])
def test_the_processes_end_with_the_server_however_it_ends(
    tmp_path: Path, end: Callable[[Server], int]
) -> None:
    with Server(tmp_path) as alba:
        assert alba.post_orders([an_order(f"R-{n}") for n in range(1_000)]).counts == (1, 1_000, 1_000)
        assert alba.process is not None and spawned_by(alba.process.pid)
        end(alba)
        alba.wait_until_gone()


def test_a_small_body_is_read_in_a_process_too_if_many_of_its_orders_are_wrong(tmp_path: Path) -> None:
    """Guarantee 11: 24 KiB of empty orders took the writer 36 ms, for which the orders of all shops waited."""
    good = [an_order(name) for name in ("first", "last")]
    with Server(tmp_path) as alba:
        assert alba.process is not None
        few = [good[0], *[{}] * FEW_REFUSED]
        assert alba.post_orders(few, details=True).counts == (1, 1 + FEW_REFUSED, 1)
        assert not spawned_by(alba.process.pid)
        answer = alba.post_orders([good[0], *[{}] * (FEW_REFUSED + 1), good[1]], details=True)
        assert answer.counts == (1, 3 + FEW_REFUSED, 1) and len(spawned_by(alba.process.pid)) > 0
        told = [one["status"] for one in answer.body["orders"]]
        assert told == ["duplicate", *["refused"] * (FEW_REFUSED + 1), "imported"]
        assert (
            b'afterword_orders_refused_total{reason="email_missing"} 101.0\n' in alba.get("/metrics").content
        )


SCRIPT = str(Path(sys.executable).with_name("afterword"))
"""The command, which imports nothing from the current folder itself."""


def test_a_reading_process_imports_nothing_from_the_current_folder_and_gets_no_secret(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    for name in ("multipart.py", "pickle.py", "resource.py"):
        (tmp_path / "here" / name).write_text(f"open({str(tmp_path / 'imported')!r}, 'a').write(__name__)\n")
    secrets = {"AFTERWORD_SECRET": "s" * 40, "AFTERWORD_DATABASE": str(tmp_path / "the.db")}
    with Server(tmp_path, **secrets).start(("env", "-C", str(tmp_path / "here"), SCRIPT, "serve")) as alba:
        assert alba.post_orders([an_order(f"R-{n}") for n in range(300)]).counts == (1, 300, 300)
        assert alba.process is not None
        [child] = spawned_by(alba.process.pid)
        assert b"AFTERWORD_" not in Path(f"/proc/{child}/environ").read_bytes()
    assert not (tmp_path / "imported").exists()
