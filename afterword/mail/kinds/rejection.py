"""To the author of a review: it is not published, and for which of the listed reasons."""

from afterword.domain.messages import Message
from afterword.domain.shops import Shop
from afterword.domain.values import shown_unlinked
from afterword.i18n.catalogue import Catalogue
from afterword.i18n.codes import REASONS_IN_WORDS
from afterword.mail.kinds import Kind


def _values(message: Message, shop: Shop, catalogue: Catalogue) -> dict[str, object]:
    [review] = message.reviews
    return {
        "about": shown_unlinked(review.product_name or ""),
        "reason": catalogue.gettext(REASONS_IN_WORDS[message.details["reason"]]),
    }


KIND = Kind(_values)
