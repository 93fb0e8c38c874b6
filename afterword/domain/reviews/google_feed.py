"""Google's product review feed (schema 2.4), generated as text in parts.

Google removes reviews that are missing from a feed, so every feed contains all of them. The feed is always
well-formed: characters that XML 1.0 (2.2) cannot represent are left out.
"""

import re
from collections.abc import Iterable
from urllib.parse import quote
from xml.sax.saxutils import escape

import idna

from afterword.domain.gtin import gtins_of
from afterword.domain.orders.order import OrderLine
from afterword.domain.reviews.review import SITE, Review
from afterword.domain.values import utc_text

ANONYMOUS = "Anonymous"
"""Shown where there is no public name: the schema requires one."""

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns:vc="http://www.w3.org/2007/XMLSchema-versioning"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:noNamespaceSchemaLocation="http://www.google.com/shopping/reviews/schema/product/2.4/product_reviews.xsd">
<version>2.4</version>
"""

_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONE_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
_OF_ADDRESSES = ":/?#[]@!$&'()*+,;=%-._~"
"""Characters that need no escaping in a URL (RFC 3986 2.2, 2.3), and the percent sign of escapes."""

_PARTS = re.compile(r"(https?://)?([^/?#:@]{0,253})(.*)", re.IGNORECASE | re.DOTALL)
_web_address = re.compile(r"https?://\S+\.\S+", re.IGNORECASE).fullmatch


class Feed:
    """One feed: call `start`, then `add` for each page of reviews, then `end`, and concatenate the results.

    `url` is the public address of this server, for links to the page with a product's reviews.
    """

    def __init__(self, shop_id: int, shop_name: str, url: str, *, live: bool) -> None:
        self._publisher = shop_name
        self._pages = f"{url}/s/{shop_id}/{'products/' if live else 'test?product='}"
        self._has_reviews = False

    def start(self) -> str:
        return f"{_HEAD}<publisher>{_element('name', self._publisher)}</publisher>\n"

    def add(self, reviews: Iterable[tuple[Review, OrderLine | None]]) -> str:
        """Adds those that belong in the feed: published reviews of products, with words, which the schema requires.
        The order line is None if it is unknown."""
        found = [
            _review(review, product, self._pages + quote(review.scope, safe=""))
            for review, product in reviews
            if review.state == "published" and review.scope != SITE and _written(review.text).strip()
        ]
        opening = "<reviews>\n" if found and not self._has_reviews else ""
        self._has_reviews |= bool(found)
        return opening + "".join(found)

    def end(self) -> str:
        """Closes the feed. The schema does not allow an empty list of reviews, so then there is none."""
        return "</reviews>\n</feed>\n" if self._has_reviews else "</feed>\n"


def _review(review: Review, product: OrderLine | None, page: str) -> str:
    """One review, its elements in the schema's order. The schema defines the timestamp as the time of writing.

    It is unknown how imported reviews were collected, so they have no `collection_method`.
    """
    is_ours = review.imported_from is None
    collected = _element("collection_method", "post_fulfillment") if is_ours else ""
    return (
        f"<review>{_element('review_id', str(review.id))}{_reviewer(review.author)}"
        f"{_element('is_verified_purchase', 'true' if is_ours else 'false')}"
        f"{_element('is_incentivized_review', 'false')}"
        f"{_element('review_timestamp', str(utc_text(review.written_at)))}"
        f"{_element('content', review.text)}"
        f'<review_url type="group">{_written(page)}</review_url>'
        f'<ratings><overall min="1" max="5">{review.rating}</overall></ratings>'
        f"<products><product>{_product(review, product, page)}</product></products>"
        f"{collected}</review>\n"
    )


def _reviewer(author: str) -> str:
    name = _written(author)
    if name.strip():
        return f"<reviewer><name>{name}</name></reviewer>"
    return f'<reviewer><name is_anonymous="true">{ANONYMOUS}</name></reviewer>'


def _product(review: Review, product: OrderLine | None, page: str) -> str:
    """What Google identifies the product by. The schema requires a URL, which may be that of the reviews: products
    without a usable one get the address of our page."""
    given = _address(product.url) if product and product.url else None
    return (
        f"{_product_ids(product) if product else ''}"
        f"{_element('product_name', review.product_name or '')}"
        f"{_element('product_url', given or page)}"
    )


def _product_ids(product: OrderLine) -> str:
    ids = (
        _all("gtin", gtins_of(product)) + _all("mpn", [product.mpn or ""]) + _all("sku", [product.sku or ""])
    )
    return f"<product_ids>{ids}</product_ids>" if ids else ""


def _all(name: str, values: Iterable[str]) -> str:
    elements = "".join(_element(name, value) for value in values)
    return f"<{name}s>{elements}</{name}s>" if elements else ""


def _address(url: str) -> str | None:
    """The URL with its host as A-labels (RFC 5891) and invalid characters escaped, or None if it still is not a web
    address."""
    scheme, host, rest = _PARTS.findall(url)[0]
    try:
        name = host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError:
        return None
    escaped = quote(_LONE_PERCENT.sub("%25", scheme + name + rest), safe=_OF_ADDRESSES, errors="replace")
    return escaped if _web_address(escaped) else None


def _element(name: str, text: str) -> str:
    """An element, or an empty string if no text is left: the schema does not allow empty elements."""
    written = _written(text)
    return f"<{name}>{written}</{name}>" if written.strip() else ""


def _written(text: str) -> str:
    return escape(_UNWRITABLE.sub("", text))
