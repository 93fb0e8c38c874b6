"""A shop's public verification page, which explains the chain, verifies its end and checks receipts; and the download
of the chain.

The cost of the page does not depend on the length of the chain: only the last entries are verified, in slices between
which other requests are served, and the result is cached for all visitors.
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
from afterword.i18n.dates import day, time_of_day
from afterword.store.engine.database import Database
from afterword.store.reviews.chain import chain_head, entries_from
from afterword.store.reviews.receipts import find_receipt
from afterword.store.reviews.verification import Tail, last_entries
from afterword.store.shops import find_shop
from afterword.web.render import UNCACHED, page
from afterword.web.shop.page import cached_for_a_minute
from afterword.web.shop.reading import chosen_language, read_shop_id

ENTRIES_CHECKED = 1_000
"""Entries at the end of a chain that are verified for its page."""

CACHED_FOR = 60
"""Seconds for which the result is cached."""

MOST_CACHED = 1_000
"""Maximum cached results, one per chain."""

A_SLICE = 16
"""Entries verified without a pause: two to three milliseconds."""

A_PAGE = 200
"""Entries of a download per read."""

_RECEIPT = re.compile("[0-9a-f]{64}")

log = log_for("verification")


class ChainCheck(NamedTuple):
    """The result of verifying the end of a chain: when (epoch seconds), where it ends, the number of entries,
    faults."""

    at: float
    end: Position
    checked: int
    faults: list[Finding]


class VerificationPages:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._checks: OrderedDict[tuple[int, bool], ChainCheck] = OrderedDict()
        self._turn = asyncio.Lock()

    async def show(self, request: Request, *, live: bool = True) -> Response:
        """`GET /s/{shop}/verify`, and `GET /s/{shop}/test/verify`, which search engines are asked not to index."""
        shop = await self._shop(request)
        check = await self._check(shop, live)
        receipt = request.query_params.get("receipt", "").strip().lower()
        is_receipt = bool(_RECEIPT.fullmatch(receipt))
        find = partial(find_receipt, shop_id=shop.id, hashed=receipt, live=live)
        found = await self._database.read(find) if is_receipt else None
        lang = chosen_language(request)
        view = _view(shop, live, check)
        view |= {"receipt": shown(receipt), "is_receipt": is_receipt, "found": found, "asked_lang": lang}
        answer = page(request, "verify.html", lang, **view)
        return cached_for_a_minute(request, answer, is_public=True) if live and not receipt else answer

    async def _shop(self, request: Request) -> Shop:
        shop_id = read_shop_id(request)
        shop = await self._database.read(partial(find_shop, id_or_name=shop_id))
        if shop is None:
            raise HTTPException(404)
        return shop

    async def _check(self, shop: Shop, live: bool) -> ChainCheck:
        """The cached result, or a new one. Only one chain is verified at a time."""
        chain = shop.id, live
        async with self._turn:
            check = self._checks.get(chain)
            if check is None or not 0 <= self._clock() - check.at < CACHED_FOR:
                check = self._checks[chain] = await self._check_again(shop, live)
                while len(self._checks) > MOST_CACHED:
                    self._checks.popitem(last=False)
            self._checks.move_to_end(chain)
        return check

    async def _check_again(self, shop: Shop, live: bool) -> ChainCheck:
        now = self._clock()
        read = partial(last_entries, shop_id=shop.id, live=live, most=ENTRIES_CHECKED)
        tail: Tail = await self._database.read(read)
        end, findings = tail.start, []
        for first in range(0, len(tail.entries), A_SLICE):
            await asyncio.sleep(0)
            for entry in tail.entries[first : first + A_SLICE]:
                end, found = read_entry(end, entry)
                findings += found
        findings += check_head(end, tail.seq, tail.hash, tail.public_key)
        return ChainCheck(now, end, len(tail.entries), [each for each in findings if each.is_fault])

    async def download(self, request: Request, *, live: bool = True) -> Response:
        """`GET /s/{shop}/chain.jsonl`, and `GET /s/{shop}/test/chain.jsonl`."""
        shop = await self._shop(request)
        headers = {**UNCACHED, "Content-Disposition": 'attachment; filename="chain.jsonl"'}
        kind = "application/jsonl"
        if request.method == "HEAD":
            return Response(media_type=kind, headers=headers)
        last = (await self._database.read(partial(chain_head, shop_id=shop.id, live=live)))[0]
        return StreamingResponse(self._lines(shop, live, last), media_type=kind, headers=headers)

    async def _lines(self, shop: Shop, live: bool, last: int) -> AsyncIterator[str]:
        """The entries up to `last`, in short reads."""
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


def _view(shop: Shop, live: bool, check: ChainCheck) -> dict[str, Any]:
    return {
        "shop": shown(shop.name),
        "shop_id": shop.id,
        "live": live,
        "entries": check.end.seq,
        "looked_at": check.checked,
        "head": shown(check.end.hash, 64),
        "key": shown(check.end.public_key, 64),
        "faults": len(check.faults),
        "first_fault": shown(str(check.faults[0]), 300) if check.faults else "",
        "at": partial(time_of_day, check.at, ZoneInfo(shop.timezone)),
        "on": partial(_on, shop),
    }


def _on(shop: Shop, seconds: int, lang: str) -> str:
    """The day in the shop's time zone; empty if the number is not a valid time."""
    try:
        return day(f"{datetime.fromtimestamp(seconds, ZoneInfo(shop.timezone)):%Y-%m-%d}", lang)
    except (OSError, OverflowError, TypeError, ValueError):
        return ""
