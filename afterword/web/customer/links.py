"""Resolves links from e-mails to orders, and says what every page about an order shows."""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from afterword.base.ids import is_signed, order_id_of
from afterword.base.security import refusals
from afterword.domain.messages import link_subject
from afterword.domain.reviews.review import WRITE_FOR
from afterword.domain.values import shown
from afterword.store.engine.database import Database, Transaction
from afterword.store.orders import StoredOrder, order_of
from afterword.store.shops import find_shop

_PAGES = {"r": "review", "u": "unsubscribe"}
"""What a link is signed for."""


class Links:
    """Authenticates links from e-mails. Links are signed, so they cannot be forged."""

    def __init__(self, database: Database, secret: str) -> None:
        self._database = database
        self._secret = secret

    async def find(self, request: Request, purpose: str) -> StoredOrder:
        """The order of a request's link. Raises HTTPException 404 if the link is invalid, voided, or signed for
        another purpose."""
        shop_id, token = request.path_params["shop"], request.path_params["token"]
        order_id = order_id_of(self._secret, token)
        if order_id is not None and shop_id.isascii() and shop_id.isdecimal():
            order = await self._database.read(lambda tx: _look_up(tx, shop_id, order_id))
            if order and self._is_signed(order, purpose, token):
                return order
        refusals.link(_PAGES[purpose])
        raise HTTPException(404)

    def _is_signed(self, order: StoredOrder, purpose: str, token: str) -> bool:
        # A link to unsubscribe is never voided: every e-mail's must work.
        voided = order.voided if purpose == "r" else 0
        subject = link_subject(order.shop.salt, live=order.live, id_order=order.id_order, voided=voided)
        return is_signed(self._secret, purpose, token, subject)


def _look_up(tx: Transaction, shop_id: str, order_id: int) -> StoredOrder | None:
    shop = find_shop(tx, shop_id)
    return order_of(tx, shop, order_id) if shop else None


def about(order: StoredOrder) -> dict[str, Any]:
    """What a page about an order shows, in the order's language. It has neither the customer's full name nor the
    e-mail address, since the e-mail with the link may have been forwarded."""
    shop = order.shop
    site = shop.site or ""
    return {
        "lang": order.lang,
        "shop": shown(shop.name),
        "showing": f"s/{shop.id}" if order.live else f"s/{shop.id}/test",
        "site": site if site.startswith(("https://", "http://")) else "",
        "order": shown(order.reference or order.id_order),
        "order_date": order.order_date,
        "author": order.public_name,
        "write_for": WRITE_FOR // 86_400,
    }
