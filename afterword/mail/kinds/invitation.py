"""To a customer, some days after their order: how was it?"""

from afterword.domain.messages import Message
from afterword.domain.orders.order import OrderLine
from afterword.domain.shops import Shop
from afterword.domain.values import shown_unlinked
from afterword.i18n.catalogue import Catalogue
from afterword.i18n.dates import day
from afterword.mail.kinds import Kind

PRODUCTS_SHOWN = 10
"""Products that are named; of more, the rest is only counted. Eleven are all named."""


def _values(message: Message, shop: Shop, catalogue: Catalogue) -> dict[str, object]:
    order = message.order
    assert order is not None
    products, more = _products(order.lines)
    return {
        "order": shown_unlinked(order.reference or order.id_order),
        "date": day(order.order_date, catalogue.lang),
        "products": products,
        "more": more,
    }


def _products(lines: tuple[OrderLine, ...]) -> tuple[list[tuple[str, float]], int]:
    """The products to name, each with its quantity (0 where it goes without saying), and how many more."""
    end = PRODUCTS_SHOWN if len(lines) > PRODUCTS_SHOWN + 1 else len(lines)
    named = [
        (shown_unlinked(line.name), 0 if line.qty in (None, 1) else line.qty or 0) for line in lines[:end]
    ]
    return named, len(lines) - end


KIND = Kind(_values)
