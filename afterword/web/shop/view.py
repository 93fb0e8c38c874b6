"""The values of a shop's public page, made safe to show, and its links."""

from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from afterword.domain.reviews.moderation import REJECTION_REASONS
from afterword.domain.reviews.review import SITE, WRITE_FOR, Ratings, Review
from afterword.domain.shops import Shop
from afterword.domain.values import shown, shown_lines
from afterword.i18n.catalogue import catalogues
from afterword.i18n.dates import language_name
from afterword.store.reviews.counts import Count
from afterword.web.shop.reading import RATE_DAYS, SORTINGS, STARS, Cancelled, PageContent, PageQuery

LONGEST_TITLE = 160
"""Maximum characters of a product's name in a heading."""

Tally = list[tuple[str, str, list[int]]]
"""Rows of the transparency report: what happened, the reason of a rejection or nothing, and the counts for 5 to 1
stars."""


def shop_view(asked: PageQuery, content: PageContent, lang: str | None) -> dict[str, Any]:
    """All values of the template. `lang` is the language that the visitor chose, which every link keeps."""
    shop, product = content.shop, content.product
    line = product.line if product else None
    given = (line.url if line else shop.site) or ""
    site = given if given.startswith(("https://", "http://")) else ""
    of_products = {"products": _tally(content.of_products)} if content.of_products else {}
    to = partial(_link, {"product": None if asked.live or asked.scope == SITE else asked.scope, "lang": lang})
    return {
        "shop": shown(shop.name),
        "shop_id": shop.id,
        "site": site,
        "site_name": shown(site.partition("://")[2].rstrip("/"), 60),
        "path": page_path(asked, shop),
        "live": asked.live,
        "product": shown(product.name, LONGEST_TITLE) if product else "",
        "asked": asked,
        "ratings": content.ratings,
        "bars": _bars(content.ratings),
        "reviews": [show(review, shop) for review in content.reviews],
        "older": to(**_behind(asked, content.last)) if content.last else "",
        "to": to,
        "products": [
            (scope, quote(scope, safe=""), shown(name, 60)) for scope, name in content.products.items()
        ],
        "tallies": {"shop": _tally(content.of_shop), **of_products},
        "cancelled": _cancelled(content.cancelled),
        "publishing": _publishing(shop),
        "languages": [(each, language_name(each)) for each in catalogues()],
    }


def show(review: Review, shop: Shop) -> dict[str, Any]:
    """The review with its values made safe to show. Days are `YYYY-MM-DD`, in the shop's time zone."""
    zone = ZoneInfo(shop.timezone)

    def date(at: int | None) -> str:
        return datetime.fromtimestamp(at, zone).date().isoformat() if at else ""

    return {
        "rating": review.rating,
        "text": shown_lines(review.text),
        "lang": review.lang,
        "author": shown(review.author),
        "published": date(review.published_at),
        "changed": date(review.written_at) if review.version > 1 else None,
        "experienced": review.experience_date,
        "source": shown(review.imported_from or ""),
        "reply": shown_lines(review.reply or ""),
        "replied": date(review.replied_at),
        "dispute": shown_lines(review.dispute or ""),
        "disputed": date(review.disputed_at),
    }


def page_path(asked: PageQuery, shop: Shop) -> str:
    """The path of the page, without the leading slash."""
    if not asked.live:
        return f"s/{shop.id}/test"
    return f"s/{shop.id}" if asked.scope == SITE else f"s/{shop.id}/products/{quote(asked.scope, safe='')}"


def _link(current: dict[str, str | None], /, **wanted: object) -> str:
    """The query string of a link on this page: the current parameters, changed as wanted; defaults are left out."""
    values = {name: value for name, value in (current | wanted).items() if value and value != SORTINGS[0]}
    return f"?{urlencode(values)}" if values else ""


def _behind(asked: PageQuery, last: Review) -> dict[str, object]:
    cursor = f"{last.rating}-{last.published_at}-{last.id}"
    return {"order": asked.order, "stars": asked.stars, "behind": cursor}


def _bars(ratings: Ratings) -> list[tuple[int, int, int]]:
    """Stars, number and percentage of the reviews, from 5 stars to 1."""
    many = [(stars, ratings.distribution[stars - 1]) for stars in STARS]
    return [(stars, amount, round(100 * amount / (ratings.total or 1))) for stars, amount in many]


def _tally(counted: list[Count]) -> Tally:
    def row(kind: str, reason: str = "") -> tuple[str, str, list[int]]:
        found = [one for one in counted if kind in ("received", one.state) and reason in ("", one.reason)]
        by_stars = [sum(one.amount for one in found if one.rating == stars) for stars in STARS]
        return kind, reason, by_stars

    kinds = ("received", "published", "waiting", "withdrawn", "erased", "rejected")
    return [*(row(kind) for kind in kinds), *(row("rejected", reason) for reason in REJECTION_REASONS)]


def _cancelled(found: Cancelled) -> dict[str, Any]:
    """`share` is in percent."""
    count = sum(found.reasons.values())
    return {
        "invitations": found.invitations,
        "count": count,
        "share": 100 * count / found.invitations if found.invitations else 0.0,
        "reasons": found.reasons,
        "days": RATE_DAYS,
    }


def _publishing(shop: Shop) -> dict[str, Any]:
    """How reviews are published: at once, or after moderation within `wait` `unit`s: whole days, or below two days
    whole hours, rounded up. `write_for` is in days."""
    unit, seconds = ("days", 86_400) if shop.publish_after >= 2 * 86_400 else ("hours", 3_600)
    return {
        "by_hand": shop.moderation == "by hand",
        "wait": -(-shop.publish_after // seconds),
        "unit": unit,
        "write_for": WRITE_FOR // 86_400,
    }
