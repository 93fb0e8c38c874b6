"""The Orders API, `POST /private/v3/orders` (docs/orders-api.md).

One direction: endpoint, payload, intake (in the process that writes), batch, store, answer.
"""

import asyncio
import uuid
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from starlette.types import Receive, Scope, Send

from afterword.base.clock import Clock
from afterword.base.errors import StoreUnavailable
from afterword.base.ids import shop_id_of
from afterword.base.log import log_for
from afterword.domain.orders.batch import BatchError, ManyRefused
from afterword.store.engine.database import Database
from afterword.web.authentication import KeyUses, Unauthorized, admit, log_refused, presented_key
from afterword.web.body import BodyTooLarge, SenderGone, Spool, SpooledBody, read_body
from afterword.web.forms import MalformedBody, UnknownMediaType, check_coding, media_type
from afterword.web.orders_api.answer import BatchResult, answer, refusal
from afterword.web.orders_api.intake import Posted, Slice, import_posted, import_slices, rules_of
from afterword.web.orders_api.payload import read_payload
from afterword.web.orders_api.reader import Readers
from afterword.web.outgoing import LARGEST_PIECE, NOSNIFF, give_large

SMALL_BODY = 24 * 1024
"""Bytes of a body that is read on the event loop. A larger one goes to a reader."""

SLICES_AT_ONCE = 4
"""Slices of one body that are on their way to the disk while the next one is read."""

RETRY_AFTER = b"5"
"""Seconds, when the store cannot import an order now."""

Headers = list[tuple[bytes, bytes]]
_HEADERS: Headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store"), NOSNIFF]

log = log_for("orders")


class NotPosted(Exception):
    """405."""


class _Head(NamedTuple):
    """What a request says before its body; `received_at` is epoch seconds."""

    kind: str
    content_type: bytes
    authorization: bytes
    received_at: float


class OrdersEndpoint:
    """An ASGI application for one path, ahead of the router, since it is the busiest."""

    def __init__(
        self, database: Database, readers: Readers, clock: Clock, *, body_limit: int, spool: Spool
    ) -> None:
        self._database = database
        self._readers = readers
        self._clock = clock
        self._limit = body_limit
        self._spool = spool
        self._uses = KeyUses(database)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            status, headers, body = 200, _HEADERS, await self._import(scope, receive)
        except SenderGone:
            return
        except Exception as error:
            status, headers, body = _refused(error)
        if len(body) > LARGEST_PIECE:
            await give_large(send, status, headers, body)
            return
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _import(self, scope: Scope, receive: Receive) -> bytes:
        """The order of the checks is the contract's."""
        received_at = self._clock()
        if scope["method"] != "POST":
            raise NotPosted("send orders with POST")
        header = dict(scope["headers"])
        content_type = header.get(b"content-type", b"")
        kind = media_type(content_type)
        if b"content-encoding" in header:
            check_coding(header[b"content-encoding"])
        length = int(header[b"content-length"]) if b"content-length" in header else None
        body = await read_body(receive, length, self._limit, self._spool)
        head = _Head(kind, content_type, header.get(b"authorization", b""), received_at)
        if isinstance(body, bytes) and len(body) <= SMALL_BODY:
            with suppress(ManyRefused):
                return await self._import_small(head, body)
        try:
            return await self._import_large(head, body.path if isinstance(body, SpooledBody) else body)
        finally:
            if isinstance(body, SpooledBody):
                body.remove()

    async def _import_small(self, head: _Head, body: bytes) -> bytes:
        """Raises ManyRefused."""
        payload = read_payload(head.kind, head.content_type, body)
        key = presented_key(payload.api_key, head.authorization)
        posted = Posted(key, payload.orders, payload.details, head.received_at)
        shop_id = shop_id_of(key) or 0
        written, imported, duplicates, refused, reasons = await self._database.write_together(
            import_posted, posted, shop_id
        )
        self._database.metrics.count_orders(imported, duplicates, refused, reasons)
        _report_refused(shop_id, refused, reasons)
        self._uses.note(key, shop_id, head.received_at)
        return written

    async def _import_large(self, head: _Head, body: bytes | Path) -> bytes:
        """A few slices are on their way to the disk while the next one is read."""
        under_way: deque[asyncio.Future[BatchResult]] = deque()
        try:
            async with self._readers.one() as reader:
                payload = await reader.read(head.content_type, body)
                key = presented_key(payload.api_key, head.authorization)
                sender = await self._database.read(lambda tx: admit(tx, key, "orders"))
                result = BatchResult(details=[] if payload.details else None)
                async for read in reader.slices(rules_of(sender.shop)):
                    posted = Slice(sender, read, head.received_at)
                    under_way.append(self._database.write_together(import_slices, posted, sender.shop.id))
                    under_way[-1].add_done_callback(self._count)
                    if len(under_way) > SLICES_AT_ONCE:
                        result += await under_way.popleft()
            while under_way:  # the reader has the next body by now
                result += await under_way.popleft()
        except StoreUnavailable:
            await asyncio.gather(*under_way, return_exceptions=True)
            raise
        _report_refused(sender.shop.id, result.refused, result.reasons)
        self._uses.note(key, sender.shop.id, head.received_at)
        return answer(result)

    def _count(self, importing: asyncio.Future[BatchResult]) -> None:
        """A slice is counted by itself: what it stored is stored, even when another one fails."""
        if not importing.cancelled() and importing.exception() is None:
            self._database.metrics.count_orders(*importing.result().counts)


def _report_refused(shop_id: int, refused: int, reasons: Mapping[str, int]) -> None:
    """One line a request, without anything that the shop sent."""
    if refused:
        told = ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items()))
        log.warning("orders refused", shop=shop_id, orders=refused, reasons=told)


def _refused(error: Exception) -> tuple[int, Headers, bytes]:
    """Every error has the four keys too."""
    match error:
        case NotPosted():
            return 405, [*_HEADERS, (b"allow", b"POST")], refusal(str(error))
        case UnknownMediaType():
            return 415, _HEADERS, refusal(str(error))
        case BodyTooLarge():
            return 413, [*_HEADERS, (b"connection", b"close")], refusal(str(error))
        case MalformedBody() | BatchError():
            return 400, _HEADERS, refusal(str(error))
        case Unauthorized():
            log_refused(error, "orders")
            return 401, [*_HEADERS, (b"www-authenticate", b"Bearer")], refusal(str(error))
        case StoreUnavailable() | OSError():
            log.error("order request rejected", error=str(error))
            message = "the server cannot store orders right now: please send them again later"
            return 503, [*_HEADERS, (b"retry-after", RETRY_AFTER)], refusal(message)
    request = uuid.uuid4().hex
    log.error("order request failed", request=request, exc_info=error)
    return 500, _HEADERS, refusal(f"internal server error, logged as request {request}")
