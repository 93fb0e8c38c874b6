"""The feed of product reviews that Google reads: schema 2.4 of its product review feeds, as text, part by part.

What is not in a feed is removed at Google, so every feed has all of them. Whatever a text holds, the feed stays
well-formed: signs that XML 1.0 (2.2) cannot write are left out.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import quote

from afterword.domain.orders.order import OrderLine
from afterword.domain.reviews.review import SITE, Review

ANONYMOUS = "Anonymous"
"""Stands for a name that is not shown: the schema wants one."""

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns:vc="http://www.w3.org/2007/XMLSchema-versioning"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:noNamespaceSchemaLocation="http://www.google.com/shopping/reviews/schema/product/2.4/product_reviews.xsd">
<version>2.4</version>
"""

_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONE_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
_OF_ADDRESSES = ":/?#[]@!$&'()*+,;=%-._~"
"""What stands for itself in a web address (RFC 3986 2.2, 2.3), and the percent sign of what does not."""

_web_address = re.compile(r"https?://\S+\.\S+", re.IGNORECASE).fullmatch
_lengths_of_gtins = (8, 12, 13, 14)


class Feed:
    """One feed. `start`, then `add` for each page of reviews, then `end`: together they are the document.

    `url` is the public address of this server, whose pages show the reviews of products, live and test ones.
    """

    def __init__(self, shop_id: int, shop_name: str, url: str, *, live: bool) -> None:
        self._publisher = shop_name
        self._pages = f"{url}/s/{shop_id}/{'products/' if live else 'test?product='}"
        self._has_reviews = False

    def start(self) -> str:
        return f"{_HEAD}<publisher>{_element('name', self._publisher)}</publisher>\n"

    def add(self, reviews: Iterable[tuple[Review, OrderLine | None]]) -> str:
        """Those of them that belong into the feed: published, and of a product. The order line is None where it is
        not known."""
        found = [
            _review(review, product, self._pages + review.scope)
            for review, product in reviews
            if review.state == "published" and review.scope != SITE
        ]
        opening = "<reviews>\n" if found and not self._has_reviews else ""
        self._has_reviews |= bool(found)
        return opening + "".join(found)

    def end(self) -> str:
        """A list of reviews that has none would not fit the schema."""
        return "</reviews>\n</feed>\n" if self._has_reviews else "</feed>\n"


def _review(review: Review, product: OrderLine | None, page: str) -> str:
    """One review, its parts in the order of the schema. Its time is when it was written, as the schema wants it.

    How one was collected that came from elsewhere is not known, so nothing is said of it.
    """
    is_ours = review.imported_from is None
    collected = _element("collection_method", "post_fulfillment") if is_ours else ""
    return (
        f"<review>{_element('review_id', str(review.id))}{_reviewer(review.author)}"
        f"{_element('is_verified_purchase', 'true' if is_ours else 'false')}"
        f"{_element('is_incentivized_review', 'false')}"
        f"{_element('review_timestamp', _time(review.written_at))}"
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
    """What Google finds the product by. One whose address the shop did not send gets that of our page: the schema
    wants one, and lets it be that of the reviews."""
    given = _address(product.url) if product and product.url else None
    return (
        f"{_product_ids(product) if product else ''}"
        f"{_element('product_name', review.product_name or '')}"
        f"{_element('product_url', given or page)}"
    )


def _product_ids(product: OrderLine) -> str:
    gtins = dict.fromkeys(gtin for code in (product.ean13, product.upc) if code and (gtin := _gtin(code)))
    ids = (
        _all("gtin", gtins)
        + _all("mpn", [product.mpn] if product.mpn else [])
        + _all("sku", [product.sku] if product.sku else [])
    )
    return f"<product_ids>{ids}</product_ids>" if ids else ""


def _all(name: str, values: Iterable[str]) -> str:
    elements = "".join(_element(name, value) for value in values)
    return f"<{name}s>{elements}</{name}s>" if elements else ""


def _gtin(code: str) -> str | None:
    """The digits of a GTIN (GS1 General Specifications 7.9: the last one checks the others), or None where the shop
    keeps something else in that field: Google would refuse it."""
    digits = re.sub("[ -]", "", code)
    if not (digits.isascii() and digits.isdigit() and len(digits) in _lengths_of_gtins) or not int(digits):
        return None
    weighed = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(digits)))
    return None if weighed % 10 else digits


def _address(url: str) -> str | None:
    """A web address as the schema takes it: what cannot stand in one is escaped. None where it is none even so."""
    escaped = quote(_LONE_PERCENT.sub("%25", url), safe=_OF_ADDRESSES, errors="replace")
    return escaped if _web_address(escaped) else None


def _element(name: str, text: str) -> str:
    """Nothing at all where no text is left: the schema has no empty elements."""
    written = _written(text)
    return f"<{name}>{written}</{name}>" if written.strip() else ""


def _written(text: str) -> str:
    text = _UNWRITABLE.sub("", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _time(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
