"""`GET /private/v3/reviews` and `GET /private/v3/stats`: a shop's reviews for its own programs, authenticated by a
private key (docs/reviews-api.md)."""

from collections import OrderedDict
from functools import partial
from zoneinfo import ZoneInfo

import msgspec
from starlette.types import Receive, Scope, Send

from afterword.base.clock import Clock
from afterword.domain.reviews.review import SITE, Review
from afterword.store.engine.database import Database, Transaction
from afterword.store.reviews.counts import ratings
from afterword.store.reviews.pages import (
    Reviewer,
    Selection,
    count_selected,
    cursors_of,
    reviews_at,
    simplified,
)
from afterword.store.reviews.rows import Cursor
from afterword.store.shops import current_public_key
from afterword.web.authentication import KeyUses, Sender, Unauthorized, admit, log_refused, presented_key
from afterword.web.reviews_api.answers import (
    UNCACHED_JSON,
    Answer,
    Refusal,
    give,
    local_time,
    refused,
    stars_of,
)
from afterword.web.reviews_api.listing import (
    STATUS,
    ListingQuery,
    read_listing,
    read_product,
    read_query,
    wrong,
)

REVIEWS_PATH = "/private/v3/reviews"
STATS_PATH = "/private/v3/stats"

MOST_SKIPPED = 20_000
"""Maximum cursors skipped per read, so that a request for a late page does not delay other requests."""

END_KEPT_FOR = 600.0
"""Seconds for which the next page begins where the previous one ended, even if reviews were added in between."""

MOST_ENDS = 1_000
"""Maximum cached ends of pages."""


class PrivateReviews:
    """The ASGI application for both paths. It never logs URLs, since they contain API keys."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._uses = KeyUses(database)
        self._ends: OrderedDict[ListingQuery, tuple[Cursor, float]] = OrderedDict()
        """Where a page ended, and when it was read (epoch seconds)."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = Answer(200, UNCACHED_JSON, await self._answer(scope))
        except Exception as error:
            if isinstance(error, Unauthorized):
                log_refused(error, "reviews")
            answer = refused(error)
        await give(send, answer, scope["method"])

    async def _answer(self, scope: Scope) -> bytes:
        if scope["method"] not in ("GET", "HEAD"):
            raise Refusal(405, "method_not_allowed", "read reviews with GET", [(b"allow", b"GET, HEAD")])
        query = read_query(scope["query_string"])
        authorization = dict(scope["headers"]).get(b"authorization", b"")
        key = presented_key(query.get("api_key", ""), authorization)
        sender = await self._database.read(lambda tx: admit(tx, key, "reviews"))
        self._uses.note(key, sender.shop.id, self._clock())
        if scope["path"] == STATS_PATH:
            return await self._stats(query, sender)
        return await self._page(read_listing(query, sender), ZoneInfo(sender.shop.timezone))

    async def _stats(self, query: dict[str, str], sender: Sender) -> bytes:
        scope = query.get("scope", "") or SITE
        if scope != SITE:
            scope = read_product(scope, "scope")
        wants_key = query.get("include_public_key", "").lower()
        if wants_key not in ("", "true", "false", "1", "0"):
            raise wrong("include_public_key", "must be true or false")
        return await self._database.read(
            partial(_read_stats, sender=sender, scope=scope, with_key=wants_key in ("true", "1"))
        )

    async def _page(self, asked: ListingQuery, zone: ZoneInfo) -> bytes:
        selection, total = await self._database.read(partial(_count, selection=asked.selection))
        asked = asked._replace(selection=selection)
        cursors = await self._page_cursors(asked) if asked.before < total else []
        shop_id = asked.selection.shop_id
        found = await self._database.read(lambda tx: reviews_at(tx, shop_id, cursors))
        pagination = {"total_results": total, "total_pages": -(-total // asked.limit)}
        return msgspec.json.encode(
            {"pagination": pagination, "reviews": [_listed(*each, zone) for each in found]}
        )

    async def _page_cursors(self, asked: ListingQuery) -> list[Cursor]:
        """The cursors of one page. Where it ends is cached for the next page."""
        now = self._clock()
        behind = self._end_before(asked, now) or await self._skip_to(asked)
        if behind is None:
            return []
        cursors = await self._database.read(
            lambda tx: cursors_of(tx, asked.selection, behind=behind, most=asked.limit)
        )
        if len(cursors) == asked.limit:
            self._ends[asked] = cursors[-1], now
            self._ends.move_to_end(asked)
            if len(self._ends) > MOST_ENDS:
                self._ends.popitem(last=False)
        return cursors

    def _end_before(self, asked: ListingQuery, now: float) -> Cursor | None:
        """Where the previous page ended, if it was read recently. So a program that reads page after page neither
        misses nor repeats a review while others are written, and no page costs more than the first."""
        cursor, at = self._ends.get(asked._replace(page=asked.page - 1), (None, 0.0))
        return cursor if 0 <= now - at < END_KEPT_FOR else None

    async def _skip_to(self, asked: ListingQuery) -> Cursor | None:
        """The last cursor of the previous pages, found by skipping; None if there are fewer reviews."""
        behind, left = asked.selection.start, asked.before
        while left > 0:
            step = min(left, MOST_SKIPPED)
            skip = partial(cursors_of, selection=asked.selection, behind=behind, most=1, skipped=step - 1)
            last = await self._database.read(skip)
            if not last:
                return None
            behind, left = last[0], left - step
        return behind


def _count(tx: Transaction, selection: Selection) -> tuple[Selection, int]:
    """The simplified selection, and how many reviews it has."""
    simple = simplified(tx, selection)
    return simple, count_selected(tx, simple)


def _read_stats(tx: Transaction, sender: Sender, scope: str, with_key: bool) -> bytes:
    stats = stars_of(ratings(tx, sender.shop.id, scope, live=sender.key.live))
    if with_key:
        stats["public_key"] = current_public_key(tx, sender.shop, live=sender.key.live) or ""
    return msgspec.json.encode(stats)


def _listed(review: Review, reviewer: Reviewer | None, zone: ZoneInfo) -> dict[str, object]:
    """A review by the API's names. Of an imported review's author only the public name is known."""
    by = reviewer or Reviewer("", review.author, "", "")
    source = review.imported_from
    return {
        "id": review.id,
        "order": by.id_order,
        "product": "no" if review.scope == SITE else review.scope,
        "review_rating": review.rating,
        "review_text": review.text,
        "reviewer_name": by.firstname,
        "reviewer_lastname": by.lastname,
        "reviewer_email": by.email,
        "date_time": local_time(review.written_at, zone, seconds=True),
        "order_date": review.experience_date,
        "review_status": STATUS[review.state],
        "answer_text": review.reply or "",
        "answer_date_time": local_time(review.replied_at, zone, seconds=True),
        **({} if source is None else {"imported": 1, "source": source}),
    }
