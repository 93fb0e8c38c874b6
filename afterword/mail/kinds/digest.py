"""To the shop: how many reviews are waiting for moderation, and the first of them."""

from datetime import datetime
from zoneinfo import ZoneInfo

from afterword.domain.messages import Message
from afterword.domain.reviews.review import Review
from afterword.domain.shops import Shop
from afterword.domain.values import shown_unlinked
from afterword.i18n.catalogue import Catalogue
from afterword.i18n.dates import day
from afterword.mail.kinds import Kind
from afterword.mail.quoting import stars


def _values(message: Message, shop: Shop, catalogue: Catalogue) -> dict[str, object]:
    reviews = message.reviews
    return {
        "reviews": [_waiting(review, shop, catalogue) for review in reviews],
        "more": max(0, message.waiting - len(reviews)),
    }


def _waiting(review: Review, shop: Shop, catalogue: Catalogue) -> tuple[int, str, str, str]:
    """Its id, the product, its stars, and the local day on which it is published automatically, or nothing."""
    publish_on = _day(review.publish_at, shop, catalogue)
    return review.id, shown_unlinked(review.product_name or ""), stars(review.rating), publish_on


def _day(moment: int | None, shop: Shop, catalogue: Catalogue) -> str:
    if moment is None:
        return ""
    return day(datetime.fromtimestamp(moment, ZoneInfo(shop.timezone)).isoformat(), catalogue.lang)


KIND = Kind(_values, to_shop=True)
