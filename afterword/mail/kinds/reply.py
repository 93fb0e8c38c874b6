"""To the author of a review: what the shop replied."""

from afterword.domain.messages import Message
from afterword.domain.shops import Shop
from afterword.domain.values import shown_unlinked
from afterword.i18n.catalogue import Catalogue
from afterword.mail.kinds import Kind
from afterword.mail.quoting import lines_of

LINES_SHOWN = 200
"""Lines of a reply; the page has them all."""


def _values(message: Message, shop: Shop, catalogue: Catalogue) -> dict[str, object]:
    [review] = message.reviews
    lines = lines_of(review.reply or "")
    if len(lines) > LINES_SHOWN:
        lines = [*lines[: LINES_SHOWN - 1], "…"]
    return {"about": shown_unlinked(review.product_name or ""), "reply": lines}


KIND = Kind(_values, quotes=True)
