"""Structured data (schema.org, JSON-LD) for product pages.

Only for products: Google regards ratings of a shop on its own pages as self-serving (docs/law.md, "Google").
"""

from typing import Any

from afterword.domain.gtin import gtins_of
from afterword.domain.orders.order import OrderLine
from afterword.domain.values import shown
from afterword.web.shop.reading import PageContent
from afterword.web.shop.view import show

REVIEWS_REPEATED = 10
"""Maximum reviews in the structured data."""


def product_data(content: PageContent, address: str, customer: str) -> dict[str, Any]:
    """A `Product` with its rating and the first reviews of the page. The rating counts published reviews only. An
    author without a public name is called `customer`, as on the page: search engines require a name."""
    assert content.product is not None
    stars = {
        "@type": "AggregateRating",
        "ratingValue": content.ratings.average,
        "reviewCount": content.ratings.total,
        "bestRating": 5,
        "worstRating": 1,
    }
    return {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": shown(content.product.name, 150),
        **_identity(content.product.line),
        "url": address,
        "aggregateRating": stars,
        "review": [
            _review(show(each, content.shop), customer) for each in content.reviews[:REVIEWS_REPEATED]
        ],
    }


def _identity(line: OrderLine | None) -> dict[str, Any]:
    if line is None:
        return {}
    gtins = gtins_of(line)
    given = {"image": line.image_url, "sku": line.sku, "mpn": line.mpn, "gtin": gtins[0] if gtins else None}
    return {name: shown(value, 2_000) for name, value in given.items() if value}


def _review(shown: dict[str, Any], customer: str) -> dict[str, Any]:
    return {
        "@type": "Review",
        "author": {"@type": "Person", "name": shown["author"] or customer},
        "reviewRating": {
            "@type": "Rating",
            "ratingValue": shown["rating"],
            "bestRating": 5,
            "worstRating": 1,
        },
        **({"reviewBody": shown["text"]} if shown["text"] else {}),
        "inLanguage": shown["lang"],
        "datePublished": shown["published"],
    }
