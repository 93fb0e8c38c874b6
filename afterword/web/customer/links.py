"""Resolves links from e-mails to a shop and one of its orders, and renders pages about them."""

from collections.abc import Mapping
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from afterword.base.ids import is_signed, order_id_of
from afterword.domain.messages import order_fingerprint
from afterword.domain.reviews.review import WRITE_FOR
from afterword.domain.shops import Shop
from afterword.domain.values import shown
from afterword.store.engine.database import Database, Transaction
from afterword.store.orders import StoredOrder, order_of
from afterword.store.shops import find_shop
from afterword.web.render import page


class Visit(NamedTuple):
    """The shop and the order of a link."""

    shop: Shop
    order: StoredOrder


class Visits:
    """Authenticates links from e-mails. Links are signed, so they cannot be forged."""

    def __init__(self, database: Database, secret: str) -> None:
        self._database = database
        self._secret = secret

    async def find(self, request: Request, purpose: str) -> Visit | None:
        """The shop and order of a request's link; None if it is invalid or signed for another purpose."""
        token: str = request.path_params["token"]
        order_id = order_id_of(self._secret, token)
        shop_id: str = request.path_params["shop"]
        if order_id is None or not (shop_id.isascii() and shop_id.isdecimal()):
            return None
        visit = await self._database.read(lambda tx: _look_up(tx, shop_id, order_id))
        if visit is None:
            return None
        subject = order_fingerprint(visit.shop.salt, live=visit.order.live, id_order=visit.order.id_order)
        return visit if is_signed(self._secret, purpose, token, subject) else None


def _look_up(tx: Transaction, shop_id: str, order_id: int) -> Visit | None:
    shop = find_shop(tx, shop_id)
    order = order_of(tx, shop, order_id) if shop else None
    return Visit(shop, order) if shop and order else None


def about(
    request: Request,
    name: str,
    visit: Visit,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: object,
) -> Response:
    """A page about an order, in its language. It shows neither the customer's full name nor the e-mail address, since
    the e-mail with the link may have been forwarded."""
    shop, order = visit
    site = shop.site or ""
    return page(
        request,
        name,
        order.lang,
        status=status,
        headers=headers,
        shop=shown(shop.name),
        showing=f"s/{shop.id}" if order.live else f"s/{shop.id}/test",
        site=site if site.startswith(("https://", "http://")) else "",
        order=shown(order.reference or order.id_order),
        order_date=order.order_date,
        write_for=WRITE_FOR // 86_400,
        **values,
    )
