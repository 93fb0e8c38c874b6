"""To one of the shop's people who asked for it: a link that signs in to the dashboard once."""

from afterword.domain.messages import Message
from afterword.domain.shops import Shop
from afterword.i18n.catalogue import Catalogue
from afterword.mail.kinds import Kind


def _values(message: Message, shop: Shop, catalogue: Catalogue) -> dict[str, object]:
    return {}


KIND = Kind(_values, to_shop=True)
