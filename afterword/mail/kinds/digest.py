"""To the shop: how many reviews are waiting for moderation, and the first of them."""

from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from afterword.domain.messages import Message
from afterword.domain.reviews.review import Review
from afterword.domain.shops import Shop
from afterword.domain.values import shown
from afterword.i18n.catalogue import Catalogue
from afterword.i18n.dates import day
from afterword.mail.kinds import Kind
from afterword.mail.quoting import stars


class _Waiting(NamedTuple):
    """`publish_on` is the local day on which it is published automatically, or empty."""

    id: int
    about: str
    stars: str
    publish_on: str


def _values(message: Message, shop: Shop, catalogue: Catalogue) -> dict[str, object]:
    reviews = [_waiting(review, shop, catalogue) for review in message.reviews]
    return {
        "mode": "" if message.live else " --test",
        "reviews": reviews,
        "more": max(0, message.waiting - len(reviews)),
        "first": reviews[0].id if reviews else "ID",
    }


def _waiting(review: Review, shop: Shop, catalogue: Catalogue) -> _Waiting:
    about = shown(review.product_name or "")
    return _Waiting(review.id, about, stars(review.rating), _day(review.publish_at, shop, catalogue))


def _day(moment: int | None, shop: Shop, catalogue: Catalogue) -> str:
    if moment is None:
        return ""
    return day(datetime.fromtimestamp(moment, ZoneInfo(shop.timezone)).isoformat(), catalogue.lang)


KIND = Kind(_values, to_shop=True)
