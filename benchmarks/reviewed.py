"""Fills a database with published reviews, by a few statements: 2 million in about a minute."""

from pathlib import Path

from benchmarks.ground import WrongResultError, count
from benchmarks.waiting import filling

OF_A_PRODUCT = 20
"""Reviews that each product has."""


def fill_reviews(data: Path, *, reviews: int, now: int) -> int:
    """Adds reviews for one shop, spread over the last year: each order has one review of the shop and one of a
    product. Returns the number of products, whose ids begin with 1."""
    products = reviews // (2 * OF_A_PRODUCT)
    values = {"orders": reviews, "products": products, "now": now}
    with filling(data) as execute:
        for sql in (_REVIEWS, _RESERVED, _COUNTS, _COUNTS_OF_PRODUCTS):
            execute(sql, values)
    stored = count(data, "SELECT sum(amount) FROM review_counts WHERE scope IN ('site', 'products')")
    if stored != reviews:
        raise WrongResultError(f"{stored} reviews are counted, not {reviews}")
    return products


# The ids lie as a permutation has them, and the product is a number that varies pseudo-randomly.
_REVIEWS = """
INSERT INTO reviews (shop_id, review_id, number, order_id, line, live, scope, product_name, state, version, rating,
                     text, author, lang, experience_date, salt, written_at, changed_at, published_at, flags, reply,
                     replied_at, wants_reply, text_hash, address_hash)
SELECT 1, (n * 1664525 + 1013904223) % 2147483648, 1 + n, 1 + n / 2, n % 2, 1,
       CASE WHEN n % 2 = 0 THEN 'site' ELSE CAST(1 + n / 2 * 7919 % :products AS TEXT) END,
       CASE WHEN n % 2 = 0 THEN NULL ELSE 'My Product' END, 'published', 1, 1 + n * 3 % 5,
       'Number ' || n || ': crisp, still warm when it came, and the crème brûlée was as good as the one that my '
       || 'grandmother made. I ordered on a Tuesday and had it on Wednesday; I will come back.', 'John D.', 'en',
       '2026-01-01', '0123456789abcdef0123456789abcdef', at, at, at, '',
       CASE WHEN n % 4 < 2 THEN 'Thank you, John! See you soon.' END, CASE WHEN n % 4 < 2 THEN at + 3600 END, 0,
       '0123456789abcdef' || n, 'fedcba9876543210' || n
FROM (SELECT n, :now - 31536000 + n * 31536000 / :orders AS at FROM numbers) AS times
"""

_RESERVED = "UPDATE counters SET next_id = 1 + :orders WHERE name IN ('orders', 'reviews')"
"""What arrives next has other numbers."""

_COUNTED = """
INSERT INTO review_counts (shop_id, live, scope, state, reason, rating, amount)
SELECT shop_id, live, {scope}, state, '', rating, count(*) FROM reviews {which} GROUP BY {by}
"""
_COUNTS = _COUNTED.format(scope="scope", which="", by="shop_id, live, scope, state, rating")
_COUNTS_OF_PRODUCTS = _COUNTED.format(
    scope="'products'", which="WHERE scope <> 'site'", by="shop_id, live, state, rating"
)
