"""Reads the requests for a shop's public pages, and what the page of reviews shows from the store."""

import re
from typing import NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request

from afterword.domain.figures import CANCEL_REASONS, CANCELLED, CancelReason, day_of
from afterword.domain.orders.fields import UnfitError
from afterword.domain.orders.order import OrderLine
from afterword.domain.reviews.review import PRODUCTS, SITE, Ratings, Review, read_scope
from afterword.domain.shops import Shop
from afterword.i18n.catalogue import catalogues
from afterword.store.engine.database import Transaction
from afterword.store.figures import sums_of
from afterword.store.orders import order_of
from afterword.store.reviews.counts import Count, counts, ratings_in
from afterword.store.reviews.rows import Cursor, changed_reviews, published_reviews
from afterword.store.shops import find_shop

REVIEWS_SHOWN = 20
"""Reviews on one page."""

MOST_CHARACTERS = 16_000
"""Maximum characters of text on one page, unless a single review has more. Keeps pages below 60 KB."""

MOST_PRODUCTS = 8
"""Maximum products linked from a shop's page, taken from the most recently changed reviews."""

RATE_DAYS = 90
"""Days over which cancelled invitations are counted."""

SORTINGS = ("newest", "oldest", "highest", "lowest")
STARS: tuple[int, ...] = (5, 4, 3, 2, 1)

_CURSOR = re.compile(r"([1-5])-([0-9]{1,12})-([0-9]{1,16})")


class PageQuery(NamedTuple):
    """What a visitor wants to see. `behind` is the rating and the cursor of the last review of the previous page."""

    scope: str
    live: bool
    order: str = SORTINGS[0]
    stars: int | None = None
    behind: tuple[int, Cursor] | None = None


class Product(NamedTuple):
    """A product: its name in its newest review, and its order line in that review's order, if there is one."""

    name: str
    line: OrderLine | None


class Cancelled(NamedTuple):
    """How many invitations of the last RATE_DAYS a shop cancelled by its own hand, of how many, and why."""

    invitations: int
    reasons: dict[CancelReason, int]


class PageContent(NamedTuple):
    """The content of a page, from one snapshot. `last` is its last review if there are more pages, else None."""

    shop: Shop
    ratings: Ratings
    reviews: list[Review]
    last: Review | None
    product: Product | None
    products: dict[str, str]
    of_shop: list[Count]
    of_products: list[Count]
    cancelled: Cancelled


def read_shop_id(request: Request) -> str:
    """The id in the path. Raises HTTPException (404) if it is anything else, such as a shop's name."""
    shop_id: str = request.path_params["shop"]
    if not (shop_id.isascii() and shop_id.isdecimal()):
        raise HTTPException(404)
    return shop_id


def chosen_language(request: Request) -> str | None:
    """The language that the visitor chose, if there is a catalogue for it."""
    wanted = request.query_params.get("lang")
    return wanted if wanted in catalogues() else None


def read_query(request: Request, *, live: bool) -> PageQuery:
    """Raises HTTPException (404) if the product is not an id. Other invalid parameters are ignored."""
    query = request.query_params
    scope = scope_in(request.path_params.get("product", query.get("product", SITE)))
    order, stars = query.get("order"), query.get("stars")
    cursor = _CURSOR.fullmatch(query.get("behind", ""))
    behind = (int(cursor[1]), Cursor(int(cursor[2]), int(cursor[3]))) if cursor else None
    return PageQuery(
        scope,
        live,
        order if order in SORTINGS else SORTINGS[0],
        int(stars) if stars in ("1", "2", "3", "4", "5") else None,
        behind,
    )


def scope_in(text: str) -> str:
    """The scope that an address names. Raises HTTPException (404)."""
    try:
        return read_scope(text)
    except UnfitError:
        raise HTTPException(404) from None


def read_page(tx: Transaction, shop_id: str, asked: PageQuery, now: float) -> PageContent | None:
    """None if the shop does not exist, or the product has no published review."""
    shop = find_shop(tx, shop_id)
    if shop is None:
        return None
    of_shop, of_products = (counts(tx, shop.id, scope, live=asked.live) for scope in (SITE, PRODUCTS))
    is_shops = asked.scope == SITE
    ratings = ratings_in(of_shop if is_shops else counts(tx, shop.id, asked.scope, live=asked.live))
    product = None if is_shops else _product(tx, shop, asked)
    if not is_shops and product is None:
        return None
    found = _reviews(tx, shop, asked)
    reviews = _fitting(found[:REVIEWS_SHOWN])
    last = reviews[-1] if len(reviews) < len(found) else None
    products = _products(tx, shop, asked) if is_shops else {}
    cancelled = _cancelled(tx, shop, now, live=asked.live)
    return PageContent(shop, ratings, reviews, last, product, products, of_shop, of_products, cancelled)


def _cancelled(tx: Transaction, shop: Shop, now: float, *, live: bool) -> Cancelled:
    today = day_of(shop.timezone, now)
    names = ["orders", *CANCELLED]
    sums = sums_of(tx, shop, names, live=live, first=today - RATE_DAYS + 1, last=today)
    reasons = {
        reason: sums[name] for reason, name in zip(CANCEL_REASONS, CANCELLED, strict=True) if sums[name] > 0
    }
    return Cancelled(sums["orders"], reasons)


def _product(tx: Transaction, shop: Shop, asked: PageQuery) -> Product | None:
    """None if no review of the product is published."""
    for newest in published_reviews(tx, shop.id, asked.scope, live=asked.live, most=1):
        order = order_of(tx, shop, newest.order_id)
        lines = [line for line in order.lines if str(line.id) == asked.scope] if order else []
        return Product(newest.product_name or asked.scope, lines[0] if lines else None)
    return None


def _reviews(tx: Transaction, shop: Shop, asked: PageQuery) -> list[Review]:
    """The reviews of the page, and one more if there is a next page."""
    rating, cursor = asked.behind or (None, None)
    by_stars = asked.stars or asked.order in ("highest", "lowest")
    return published_reviews(
        tx,
        shop.id,
        asked.scope,
        live=asked.live,
        order="oldest" if asked.order == "oldest" else "newest",
        stars=_stars_left(asked, rating) if by_stars else (),
        behind=cursor,
        most=REVIEWS_SHOWN + 1,
    )


def _stars_left(asked: PageQuery, rating: int | None) -> tuple[int, ...]:
    """The ratings still to be shown, in order, beginning with that of the last review before."""
    stars = STARS if asked.order == "highest" else STARS[::-1]
    if asked.stars:
        stars = (asked.stars,)
    return stars[stars.index(rating) :] if rating in stars else stars


def _fitting(reviews: list[Review]) -> list[Review]:
    """As many of the reviews as fit within MOST_CHARACTERS; at least one."""
    characters = 0
    for number, review in enumerate(reviews):
        characters += sum(map(len, filter(None, (review.text, review.reply, review.dispute))))
        if number and characters > MOST_CHARACTERS:
            return reviews[:number]
    return reviews


def _products(tx: Transaction, shop: Shop, asked: PageQuery) -> dict[str, str]:
    """The names of some products with published reviews, by product id."""
    named: dict[str, str] = {}
    for review in changed_reviews(tx, shop.id, live=asked.live, most=10 * MOST_PRODUCTS):
        if review.product_name and review.state == "published" and len(named) < MOST_PRODUCTS:
            named.setdefault(review.scope, review.product_name)
    return named
