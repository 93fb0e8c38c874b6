"""The Orders API, `POST /private/v3/orders` (docs/orders-api.md): the main job's first half."""

import asyncio
import uuid
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.types import Receive, Scope, Send

from afterword.base.clock import Clock
from afterword.base.errors import StoreUnavailable
from afterword.base.ids import shop_id_of
from afterword.base.log import log_for
from afterword.base.metrics import Metrics
from afterword.domain.orders.batch import BatchError, Outcome, Report, refusal
from afterword.store.engine.database import Database
from afterword.web.authentication import Unauthorized, admit, presented_key
from afterword.web.body import BodyTooLarge, SenderGone, read_body
from afterword.web.orders_api.intake import Posted, PostedSlice, import_posted, import_slices
from afterword.web.orders_api.reader import Readers
from afterword.web.payload import MalformedBody, UnknownMediaType, media_type, read_payload

AT_THE_DOOR = 24 * 1024
"""Bytes of a body that is read on the event loop; a larger one goes to a reader."""

SLICES_AT_ONCE = 4
"""Slices of one body that are on their way to the disk while the next one is read."""

RETRY_AFTER = b"5"
"""Seconds, when the store cannot take an order now."""

Headers = list[tuple[bytes, bytes]]
_PLAIN: Headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]

log = log_for("orders")


class NotPosted(Exception):
    """405."""


class OrdersEndpoint:
    """An ASGI application for one path, ahead of the router: this is the busiest door."""

    def __init__(
        self, database: Database, readers: Readers, clock: Clock, *, body_limit: int, spool: Path
    ) -> None:
        self._database = database
        self._readers = readers
        self._clock = clock
        self._limit = body_limit
        self._spool = spool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            status, headers, body = 200, _PLAIN, await self._take(scope, receive)
        except SenderGone:
            return
        except Exception as error:
            status, headers, body = _refused(error)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _take(self, scope: Scope, receive: Receive) -> bytes:
        """The order of the checks is the contract's."""
        received_at = self._clock()
        if scope["method"] != "POST":
            raise NotPosted("send orders with POST")
        header = dict(scope["headers"])
        content_type = header.get(b"content-type", b"")
        kind = media_type(content_type)
        length = int(header[b"content-length"]) if b"content-length" in header else None
        body = await read_body(receive, length, self._limit, self._spool)
        authorization = header.get(b"authorization", b"")
        if isinstance(body, bytes) and len(body) <= AT_THE_DOOR:
            payload = read_payload(kind, content_type, body)
            key = presented_key(payload.api_key, authorization)
            posted = Posted(key, payload.orders, payload.details, received_at)
            answer, imported, duplicates, refused = await self._database.write_together(
                import_posted, posted, shop_id_of(key) or 0
            )
            self._database.metrics.count_orders(imported, duplicates, refused)
            return answer
        async with _removed(body):
            return await self._take_large(content_type, body, authorization, received_at)

    async def _take_large(
        self, content_type: bytes, body: bytes | Path, authorization: bytes, received_at: float
    ) -> bytes:
        async with self._readers.one() as reader:
            said = await reader.ask(content_type, body)
            key = presented_key(said.api_key, authorization)
            sender = await self._database.read(lambda tx: admit(tx, key))
            importing = _Importing(Report(details=said.details), self._database.metrics)
            async for batch in reader.slices(sender.shop.timezone):
                posted = PostedSlice(sender, batch, said.details, received_at)
                await importing.add(self._database.write_together(import_slices, posted, sender.shop.id))
        return await importing.answer()


def _refused(error: Exception) -> tuple[int, Headers, bytes]:
    """Whatever goes wrong has the four keys too."""
    match error:
        case NotPosted():
            return 405, [*_PLAIN, (b"allow", b"POST")], refusal(str(error))
        case UnknownMediaType():
            return 415, _PLAIN, refusal(str(error))
        case BodyTooLarge():
            return 413, [*_PLAIN, (b"connection", b"close")], refusal(str(error))
        case MalformedBody() | BatchError():
            return 400, _PLAIN, refusal(str(error))
        case Unauthorized():
            return 401, [*_PLAIN, (b"www-authenticate", b"Bearer")], refusal(str(error))
        case StoreUnavailable() | OSError():
            log.error("orders turned away", error=str(error))
            message = "the server cannot store orders at the moment: send them again later"
            return 503, [*_PLAIN, (b"retry-after", RETRY_AFTER)], refusal(message)
    request = uuid.uuid4().hex
    log.error("an order met an error of ours", request=request, exc_info=error)
    return 500, _PLAIN, refusal(f"an unexpected error, logged as {request}")


class _Importing:
    """The slices of one body: a few are on their way to the disk while the next one is read."""

    def __init__(self, report: Report, metrics: Metrics) -> None:
        self._report = report
        self._metrics = metrics
        self._slices: deque[asyncio.Future[Outcome]] = deque()

    async def add(self, importing: asyncio.Future[Outcome]) -> None:
        importing.add_done_callback(self._count)
        self._slices.append(importing)
        if len(self._slices) > SLICES_AT_ONCE:
            await self._report_oldest()

    async def answer(self) -> bytes:
        while self._slices:
            await self._report_oldest()
        return self._report.answer()

    def _count(self, importing: asyncio.Future[Outcome]) -> None:
        """A slice is counted by itself: what it stored stays, whatever becomes of the others and of the sender."""
        if not importing.cancelled() and importing.exception() is None:
            became = importing.result()
            self._metrics.count_orders(became.imported, became.duplicates, became.refused)

    async def _report_oldest(self) -> None:
        try:
            self._report.add(await self._slices[0])
        except StoreUnavailable:
            await asyncio.gather(*self._slices, return_exceptions=True)
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
