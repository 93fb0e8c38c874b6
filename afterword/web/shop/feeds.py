"""`GET /public/v3/feeds/{public_key}/google.xml`: all published product reviews in Google's feed format.

Feeds are streamed in pages and never held in memory. All feeds together take at most half of this process's time,
since anyone can request one with the public key from the shop's pages.
"""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from time import perf_counter

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from afterword.base.errors import StoreUnavailable
from afterword.base.log import log_for
from afterword.domain.reviews.google_feed import Feed
from afterword.domain.shops import Key, Shop
from afterword.store.engine.database import Database
from afterword.store.reviews.walking import all_reviews
from afterword.store.shops import find_public_key
from afterword.web.render import UNCACHED, page

XML = "application/xml; charset=utf-8"

log = log_for("feeds")


class Feeds:
    def __init__(self, database: Database, url: str) -> None:
        self._database = database
        self._url = url
        self._turn = asyncio.Lock()

    async def google(self, request: Request) -> Response:
        """The feed for the shop and mode of the public key; 404 if the key is unknown or revoked."""
        presented: str = request.path_params["public_key"]
        found = await self._database.read(lambda tx: find_public_key(tx, presented))
        if found is None:
            return page(request, "unknown.html", status=404)
        if request.method == "HEAD":
            return Response(media_type=XML, headers=UNCACHED)
        return StreamingResponse(self._parts(*found), media_type=XML, headers=UNCACHED)

    async def _parts(self, shop: Shop, key: Key) -> AsyncIterator[str]:
        """Guarantees that a feed is complete or not well-formed: if the store fails, the stream breaks off before the
        closing tag."""
        feed = Feed(shop.id, shop.name, self._url, live=key.live)
        yield feed.start()
        behind = 0
        try:
            while part := await self._next_part(feed, shop, key, behind):
                text, behind = part
                if text:
                    yield text
        except StoreUnavailable as error:
            log.error("feed interrupted", shop=shop.id, live=key.live, error=str(error))
            raise
        yield feed.end()

    async def _next_part(self, feed: Feed, shop: Shop, key: Key, behind: int) -> tuple[str, int] | None:
        """The text of the next page and the id of its last review; None at the end."""
        async with self._turn:
            begun = perf_counter()
            rows = await self._database.read(partial(all_reviews, shop=shop, live=key.live, behind=behind))
            text = feed.add((row.review, row.product) for row in rows)
            await asyncio.sleep(perf_counter() - begun)
        return (text, rows[-1].review.number) if rows else None
