"""`GET /public/v3/reviews/{public_key}/{scope}`: the published reviews of a shop, or of one product
(docs/reviews-api.md).

A cached answer is used for a second without a check. After that its cache key, which changes with every change of a
review, is compared: one read of a few rows. Reviews are read again only if it has changed. So every process shows a
change within a second, and reading costs the database next to nothing.
"""

import asyncio
import re
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from starlette.types import Receive, Scope, Send

from afterword.base.clock import Clock
from afterword.domain.orders.fields import UnfitError
from afterword.domain.reviews.review import read_scope
from afterword.store.engine.database import Database, Transaction
from afterword.store.reviews.counts import ratings
from afterword.store.reviews.rows import PublicReview, shown_reviews
from afterword.store.shops import CacheKey, cache_key_of, find_public_key
from afterword.web.reviews_api.answers import (
    JSON,
    Answer,
    RawHeaders,
    Refusal,
    give,
    local_time,
    refused,
    stars_of,
)
from afterword.web.reviews_api.cache import AnswerCache, CachedAnswer

PUBLIC_REVIEWS = "/public/v3/reviews/"

MOST_REVIEWS = 1_000

FRESH_FOR = 1.0
"""Seconds for which a cached answer is used without a check."""

METHODS = b"GET, HEAD, OPTIONS"

_OPEN: RawHeaders = [(b"access-control-allow-origin", b"*")]
_PREFLIGHT = Answer(
    204,
    [
        *JSON[1:],
        *_OPEN,
        (b"access-control-allow-methods", METHODS),
        (b"access-control-allow-headers", b"*"),
        (b"access-control-max-age", b"86400"),
        (b"cache-control", b"public, max-age=86400"),
    ],
    b"",
)

_ADDRESS = re.compile(re.escape(PUBLIC_REVIEWS) + r"([0-9a-fA-F]{32})/([^\n]{1,1000})(?:\n([0-9]{1,3}))?")
_LIMIT = re.compile(rb"(?:^|&)limit=([0-9]{1,3})(?:&|$)")

_zone = lru_cache(maxsize=None)(ZoneInfo)


class PublicAddress(NamedTuple):
    """What a URL names, and the maximum number of reviews."""

    public_key: str
    scope: str
    most: int


class _Review(msgspec.Struct, omit_defaults=True):
    """A review by the API's names; the last two are there where it is imported, and so not verified here. An answer
    has up to a thousand, which as dictionaries take a third longer."""

    id: int
    c: str
    r: int
    txt: str
    date: str
    odate: str
    reply: str
    rdate: str
    transl: int
    lang: str
    imported: int = 0
    source: str = ""


class PublicReviews:
    """The ASGI application for all paths below PUBLIC_REVIEWS."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._cache = AnswerCache()
        self._checks: dict[PublicAddress, asyncio.Task[CachedAnswer]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._answer(scope)
        except Exception as error:
            refusal = refused(error)
            answer = refusal._replace(headers=[*refusal.headers, *_OPEN])
        await give(send, answer, scope["method"])

    async def _answer(self, scope: Scope) -> Answer:
        method, now = scope["method"], self._clock()
        if method == "OPTIONS":
            return _PREFLIGHT
        if method not in ("GET", "HEAD"):
            raise Refusal(405, "method_not_allowed", "read reviews with GET", [(b"allow", METHODS)])
        address = read_address(_address(scope))
        entry = self._cache.get(address)
        if entry is None or not 0 <= now - entry.checked_at < FRESH_FOR:
            entry = await self._check_once(address, now)
        return entry.unchanged if _has(scope, entry.etag) else entry.answer

    async def _check_once(self, address: PublicAddress, now: float) -> CachedAnswer:
        """Concurrent requests for the same URL share one read."""
        check = self._checks.get(address)
        if check is None:
            check = self._checks[address] = asyncio.create_task(self._check(address, now))
            check.add_done_callback(lambda done: self._end(address, done))
        return await asyncio.shield(check)

    def _end(self, address: PublicAddress, check: asyncio.Task[CachedAnswer]) -> None:
        del self._checks[address]
        if not check.cancelled():
            check.exception()  # avoids asyncio's warning if all clients have disconnected

    async def _check(self, address: PublicAddress, now: float) -> CachedAnswer:
        old = self._cache.get(address)
        known = old.cache_key if old else None
        entry = await self._database.read(lambda tx: look(tx, address, known))
        if isinstance(entry, CachedAnswer):
            self._cache.put(address, entry)
        elif entry is None or old is None:
            self._cache.drop(address)
            raise Refusal(
                404, "unknown_key", "there are no reviews here: this public key is wrong or was revoked"
            )
        else:
            entry = old
        entry.checked_at = now
        return entry


def _address(scope: Scope) -> str:
    """The path, and `limit` if the query has one: clients that show a few reviews need not fetch a thousand."""
    path: str = scope["path"]
    query: bytes = scope.get("query_string", b"")
    found = _LIMIT.search(query) if query else None
    return f"{path}\n{int(found[1])}" if found else path


@lru_cache(maxsize=4_096)
def read_address(address: str) -> PublicAddress:
    """Parses a URL, so that one answer is cached however it is spelled. Raises Refusal (404)."""
    found = _ADDRESS.fullmatch(address)
    try:
        if found is None:
            raise UnfitError("not an address of reviews")
        key, scope, most = found.groups()
        return PublicAddress(key.lower(), read_scope(scope), int(most or MOST_REVIEWS))
    except UnfitError:
        raise Refusal(404, "unknown_address", "write the public key, then site or a product's id") from None


def look(tx: Transaction, wanted: PublicAddress, known: CacheKey | None) -> CachedAnswer | CacheKey | None:
    """The current answer, or only the cache key if it is the known one; None if the public key is unknown or revoked.

    The cache key is read before the reviews, so a change in between can only make the answer newer than its key,
    which the next check notices.
    """
    shop_id = known.shop_id if known else _shop_of(tx, wanted.public_key)
    cache_key = None if shop_id is None else cache_key_of(tx, shop_id, wanted.public_key)
    if cache_key is None or cache_key == known:
        return cache_key
    stars = ratings(tx, cache_key.shop_id, wanted.scope, live=cache_key.live)
    reviews = shown_reviews(tx, cache_key.shop_id, wanted.scope, live=cache_key.live, most=wanted.most)
    zone = _zone(cache_key.timezone)
    shown = {"ratings": stars_of(stars), "reviews": [_review(each, zone) for each in reviews]}
    return _entry(cache_key, msgspec.json.encode(shown))


def _shop_of(tx: Transaction, public_key: str) -> int | None:
    found = find_public_key(tx, public_key)
    return found[0].id if found else None


def _review(review: PublicReview, zone: ZoneInfo) -> _Review:
    """Times are in the shop's time zone."""
    return _Review(
        review.id,
        review.author,
        review.rating,
        review.text,
        local_time(review.published_at, zone),
        review.experience_date,
        review.reply or "",
        local_time(review.replied_at, zone)[:10],
        0,
        review.lang,
        int(review.imported_from is not None),
        review.imported_from or "",
    )


def _entry(cache_key: CacheKey, body: bytes) -> CachedAnswer:
    etag = b'"%s"' % blake2b(body, digest_size=16).hexdigest().encode()
    headers = [*_OPEN, (b"etag", etag), (b"cache-control", b"public, max-age=60")]
    return CachedAnswer(
        cache_key, etag, Answer(200, JSON + headers, body), Answer(304, JSON[1:] + headers, b"")
    )


def _has(scope: Scope, etag: bytes) -> bool:
    """Whether the client has this answer (RFC 9110 13.1.2). Compares weakly, since compressing proxies weaken
    ETags."""
    for name, value in scope["headers"]:
        if name == b"if-none-match":
            return etag in value or value.strip() == b"*"
    return False
