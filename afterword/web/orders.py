"""The Orders API, `POST /private/v3/orders` (contract/orders-api): the main job's first half."""

import asyncio
import uuid
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from afterword.base.clock import Clock
from afterword.base.log import log_for
from afterword.domain.batches import Batch, BatchError, Report, answer, parse_batch, refusal
from afterword.store.database import Database, StoreUnavailable
from afterword.store.orders import Arrival, Outcomes, import_orders, outcomes_of
from afterword.web.authentication import Gate, Sender, Unauthorized
from afterword.web.body import BodyTooLarge, SenderGone, read_body
from afterword.web.edge import Receive, Scope, Send
from afterword.web.payload import MalformedBody, UnknownMediaType, media_type, read_payload
from afterword.web.reader import Readers

AT_THE_DOOR = 24 * 1024
"""Bytes of a body that is read on the event loop; a larger one goes to a reader."""

SLICES_AT_ONCE = 4
"""Slices of one body that are on their way to the disk while the next one is read."""

RETRY_AFTER = b"5"
"""Seconds, when the store cannot take an order now."""

Headers = list[tuple[bytes, bytes]]
_PLAIN: Headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]

log = log_for("orders")
_zone = lru_cache(maxsize=None)(ZoneInfo)


class OrdersEndpoint:
    """An ASGI application for one path, ahead of the router: this is the busiest door."""

    def __init__(
        self, database: Database, gate: Gate, readers: Readers, clock: Clock, *, body_limit: int, spool: Path
    ) -> None:
        self._database = database
        self._gate = gate
        self._readers = readers
        self._clock = clock
        self._limit = body_limit
        self._spool = spool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            status, headers, body = await self._answer(scope, receive)
        except SenderGone:
            return
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, Headers, bytes]:
        """Whatever goes wrong has the four keys too. The order of the checks is the contract's."""
        try:
            if scope["method"] != "POST":
                return 405, [*_PLAIN, (b"allow", b"POST")], refusal("send orders with POST")
            return 200, _PLAIN, await self._take(dict(scope["headers"]), receive)
        except UnknownMediaType as error:
            return 415, _PLAIN, refusal(str(error))
        except BodyTooLarge as error:
            return 413, [*_PLAIN, (b"connection", b"close")], refusal(str(error))
        except (MalformedBody, BatchError) as error:
            return 400, _PLAIN, refusal(str(error))
        except Unauthorized as error:
            return 401, [*_PLAIN, (b"www-authenticate", b"Bearer")], refusal(str(error))
        except (StoreUnavailable, OSError) as error:
            log.error("orders turned away", error=str(error))
            message = "the server cannot store orders at the moment: send them again later"
            return 503, [*_PLAIN, (b"retry-after", RETRY_AFTER)], refusal(message)
        except Exception:
            request = uuid.uuid4().hex
            log.exception("an order met an error of ours", request=request)
            return 500, _PLAIN, refusal(f"an error of the server's own, logged as {request}")

    async def _take(self, header: dict[bytes, bytes], receive: Receive) -> bytes:
        received_at = self._clock()
        content_type = header.get(b"content-type", b"")
        media_type(content_type)
        length = int(header[b"content-length"]) if b"content-length" in header else None
        body = await read_body(receive, length, self._limit, self._spool)
        authorization = header.get(b"authorization", b"")
        if isinstance(body, bytes) and len(body) <= AT_THE_DOOR:
            return await self._take_small(content_type, body, authorization, received_at)
        async with _removed(body):
            return await self._take_large(content_type, body, authorization, received_at)

    async def _take_small(
        self, content_type: bytes, body: bytes, authorization: bytes, received_at: float
    ) -> bytes:
        payload = read_payload(content_type, body)
        sender = await self._gate.admit(payload.api_key, authorization)
        batch = parse_batch(payload.orders, _zone(sender.shop.timezone))
        outcomes = await self._import(sender, batch, received_at)
        return answer(batch, outcomes, details=payload.details)

    async def _take_large(
        self, content_type: bytes, body: bytes | Path, authorization: bytes, received_at: float
    ) -> bytes:
        async with self._readers.one() as reader:
            said = await reader.ask(content_type, body)
            sender = await self._gate.admit(said.api_key, authorization)
            importing = _Importing(Report(details=said.details))
            async for batch in reader.batches(sender.shop.timezone):
                await importing.add(batch, self._import(sender, batch, received_at))
        return await importing.answer()

    async def _import(self, sender: Sender, batch: Batch, received_at: float) -> Outcomes:
        """Stores a batch, or a slice of one. Guarantee 1: this returns after the fsync."""
        if not batch.orders:
            return []
        arrival = Arrival(*sender, batch.orders, received_at)
        return outcomes_of(arrival, await self._database.write_together(import_orders, arrival))


class _Importing:
    """The slices of one body: a few are on their way to the disk while the next one is read."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._slices: deque[tuple[Batch, asyncio.Task[Outcomes]]] = deque()

    async def add(self, batch: Batch, importing: Coroutine[Any, Any, Outcomes]) -> None:
        self._slices.append((batch, asyncio.create_task(importing)))
        if len(self._slices) > SLICES_AT_ONCE:
            await self._report_oldest()

    async def answer(self) -> bytes:
        while self._slices:
            await self._report_oldest()
        return self._report.answer()

    async def _report_oldest(self) -> None:
        batch, importing = self._slices[0]
        try:
            self._report.add(batch, await importing)
        except StoreUnavailable:
            await asyncio.gather(*(task for _, task in self._slices), return_exceptions=True)
            raise
        self._slices.popleft()


@asynccontextmanager
async def _removed(body: bytes | Path) -> AsyncIterator[None]:
    """Removes the file of a spooled body in the end."""
    try:
        yield
    finally:
        if isinstance(body, Path):
            body.unlink(missing_ok=True)
