"""The public pages of a shop's chain: what it is, whether its end is whole, what a receipt is about; and the chain.

A view of a page costs no more however long the chain is: the last entries alone are checked, in slices between which
others go on, and once in a while for all who look.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from afterword.base.clock import Clock
from afterword.base.errors import StoreUnavailable
from afterword.base.log import log_for
from afterword.domain.reviews.chain import Entry
from afterword.domain.reviews.verification import Finding, Position, check_head, read_entry, written_line
from afterword.domain.shops import Shop
from afterword.domain.values import shown
from afterword.i18n.catalogue import catalogues
from afterword.i18n.dates import day, time_of_day
from afterword.store.engine.database import Database
from afterword.store.reviews.chain import chain_head, entries_from
from afterword.store.reviews.receipts import FoundReceipt, find_receipt
from afterword.store.reviews.verification import Tail, last_entries
from afterword.store.shops import find_shop
from afterword.web.render import UNCACHED, page

LOOKED_AT = 1_000
"""Entries at the end of a chain that a view of its page is about."""

CACHED_FOR = 60
"""Seconds for which a look at a chain counts for all who come."""

MOST_CACHED = 1_000
"""Looks that are kept, of as many chains."""

A_SLICE = 16
"""Entries that are checked in one go: two to three milliseconds."""

A_PAGE = 200
"""Entries of a download that are read and written in one go."""

_RECEIPT = re.compile("[0-9a-f]{64}")

log = log_for("verification")


class ChainCheck(NamedTuple):
    """What was found at the end of a chain, and when (epoch seconds)."""

    at: float
    end: Position
    looked_at: int
    faults: list[Finding]


class VerificationPages:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._looks: OrderedDict[tuple[int, bool], ChainCheck] = OrderedDict()
        self._turn = asyncio.Lock()

    async def live(self, request: Request) -> Response:
        """`GET /s/{shop}/verify`."""
        return await self._show(request, live=True)

    async def test(self, request: Request) -> Response:
        """`GET /s/{shop}/test/verify`: the same for test reviews. Search engines are told to pass it over."""
        return await self._show(request, live=False)

    async def live_chain(self, request: Request) -> Response:
        """`GET /s/{shop}/chain.jsonl`."""
        return await self._download(request, live=True)

    async def test_chain(self, request: Request) -> Response:
        """`GET /s/{shop}/test/chain.jsonl`."""
        return await self._download(request, live=False)

    async def _show(self, request: Request, *, live: bool) -> Response:
        shop = await self._shop(request)
        look = await self._look(shop, live)
        receipt = request.query_params.get("receipt", "").strip().lower()
        is_receipt = bool(_RECEIPT.fullmatch(receipt))
        found = await self._find(shop, receipt, live) if is_receipt else None
        wanted = request.query_params.get("lang")
        lang = wanted if wanted in catalogues() else None
        view = _view(shop, live, look) | _view_of_receipt(receipt, is_receipt, found)
        answer = page(request, "verify.html", lang, **view, on=partial(_on, shop), asked_lang=lang)
        if live and not receipt:
            del answer.headers["X-Robots-Tag"]
            answer.headers.update(
                {"Cache-Control": f"public, max-age={CACHED_FOR}", "Vary": "Accept-Language"}
            )
        return answer

    async def _shop(self, request: Request) -> Shop:
        shop_id: str = request.path_params["shop"]
        if not (shop_id.isascii() and shop_id.isdecimal()):
            raise HTTPException(404)
        shop = await self._database.read(partial(find_shop, id_or_name=shop_id))
        if shop is None:
            raise HTTPException(404)
        return shop

    async def _find(self, shop: Shop, receipt: str, live: bool) -> FoundReceipt | None:
        return await self._database.read(partial(find_receipt, shop_id=shop.id, hashed=receipt, live=live))

    async def _look(self, shop: Shop, live: bool) -> ChainCheck:
        """One chain at a time is looked at, whoever asks."""
        which = shop.id, live
        async with self._turn:
            kept = self._looks.get(which)
            if kept is None or not 0 <= self._clock() - kept.at < CACHED_FOR:
                kept = self._looks[which] = await self._look_again(shop, live)
                while len(self._looks) > MOST_CACHED:
                    self._looks.popitem(last=False)
            self._looks.move_to_end(which)
        return kept

    async def _look_again(self, shop: Shop, live: bool) -> ChainCheck:
        now = self._clock()
        tail: Tail = await self._database.read(
            partial(last_entries, shop_id=shop.id, live=live, most=LOOKED_AT)
        )
        end, findings = tail.start, []
        for first in range(0, len(tail.entries), A_SLICE):
            await asyncio.sleep(0)
            for entry in tail.entries[first : first + A_SLICE]:
                end, found = read_entry(end, entry)
                findings += found
        findings += check_head(end, tail.seq, tail.hash, tail.public_key)
        return ChainCheck(now, end, len(tail.entries), [each for each in findings if each.is_fault])

    async def _download(self, request: Request, *, live: bool) -> Response:
        shop = await self._shop(request)
        headers = {**UNCACHED, "Content-Disposition": 'attachment; filename="chain.jsonl"'}
        kind = "application/jsonl"
        if request.method == "HEAD":
            return Response(media_type=kind, headers=headers)
        last = (await self._database.read(partial(chain_head, shop_id=shop.id, live=live)))[0]
        return StreamingResponse(self._lines(shop, live, last), media_type=kind, headers=headers)

    async def _lines(self, shop: Shop, live: bool, last: int) -> AsyncIterator[str]:
        """The entries up to this one, each page from a short read of its own."""
        seq = 1
        try:
            while seq <= last:
                read = partial(entries_from, shop_id=shop.id, live=live, seq=seq, most=A_PAGE)
                entries: list[Entry] = await self._database.read(read)
                if not entries:
                    break
                yield "".join(written_line(entry) for entry in entries if entry.seq <= last)
                seq = entries[-1].seq + 1
        except StoreUnavailable as error:
            log.error("download interrupted", shop=shop.id, live=live, error=str(error))
            raise


def _view(shop: Shop, live: bool, look: ChainCheck) -> dict[str, Any]:
    return {
        "shop": shown(shop.name),
        "shop_id": shop.id,
        "live": live,
        "entries": look.end.seq,
        "looked_at": look.looked_at,
        "head": shown(look.end.hash, 64),
        "key": shown(look.end.public_key, 64),
        "faults": len(look.faults),
        "first_fault": shown(str(look.faults[0]), 300) if look.faults else "",
        "at": partial(time_of_day, look.at, ZoneInfo(shop.timezone)),
    }


def _view_of_receipt(receipt: str, is_receipt: bool, found: FoundReceipt | None) -> dict[str, Any]:
    entry = found.entry if found else None
    return {
        "receipt": shown(receipt),
        "is_receipt": is_receipt,
        "receipt_status": found.status if found else None,
        "entry": entry.seq if entry else None,
        "version": entry.version if entry else None,
        "written_at": entry.happened_at if entry else None,
    }


def _on(shop: Shop, seconds: int, lang: str) -> str:
    """The day in the shop's time zone; nothing where the number is no time."""
    try:
        return day(f"{datetime.fromtimestamp(seconds, ZoneInfo(shop.timezone)):%Y-%m-%d}", lang)
    except (OSError, OverflowError, TypeError, ValueError):
        return ""
