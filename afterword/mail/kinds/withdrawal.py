"""To the author of reviews: they were withdrawn with the link of an e-mail, which may be in other hands."""

from afterword.domain.messages import Message
from afterword.domain.shops import Shop
from afterword.domain.values import shown, shown_unlinked
from afterword.i18n.catalogue import Catalogue
from afterword.mail.kinds import Kind

REVIEWS_NAMED = 10
"""Reviews that are named; of more, the rest is only counted."""


def _values(message: Message, shop: Shop, catalogue: Catalogue) -> dict[str, object]:
    reviews = message.reviews
    return {
        "reviews": [
            shown_unlinked(review.product_name) if review.product_name else shown(shop.name)
            for review in reviews[:REVIEWS_NAMED]
        ],
        "count": len(reviews),
        "more": max(0, len(reviews) - REVIEWS_NAMED),
    }


KIND = Kind(_values)
