"""The pages that a customer sees after pressing a link in a letter.

A GET never writes: mail scanners follow every link. Only a press of the button does, or RFC 8058's one-click POST.
"""

from functools import partial
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from afterword.base.clock import Clock
from afterword.base.ids import is_signed, order_id_of
from afterword.base.log import log_for
from afterword.domain.invitations import fingerprint
from afterword.domain.shops import Shop
from afterword.domain.values import shown
from afterword.mail.catalogue import day
from afterword.store.database import Database, Transaction
from afterword.store.orders import StoredOrder, order_of
from afterword.store.shops import find_shop
from afterword.store.suppressions import suppress, suppressed_because
from afterword.web.render import page

log = log_for("pages")


class Visit(NamedTuple):
    """Whose link was pressed, and what it was about."""

    shop: Shop
    order: StoredOrder


class Pages:
    def __init__(self, database: Database, clock: Clock, secret: str) -> None:
        self._database = database
        self._clock = clock
        self._secret = secret

    async def review(self, request: Request) -> Response:
        """`GET /r/{shop}/{token}`: until the form comes, thanks, and that reviews open soon."""
        visit = await self._visit(request, "r")
        if visit is None:
            return page(request, "unknown.html", status=404)
        return _about(request, "review.html", visit)

    async def unsubscribe(self, request: Request) -> Response:
        """`GET /u/{shop}/{token}`: one button, or that it is done already. `POST`: it counts at once, and the
        body is not even read (RFC 8058 3.1: the link alone says all)."""
        visit = await self._visit(request, "u")
        if visit is None:
            return page(request, "unknown.html", status=404)
        if request.method == "POST":
            await self._suppress(visit)
            return _about(request, "unsubscribed.html", visit)
        shop, order = visit
        done = await self._database.read(
            lambda tx: suppressed_because(tx, shop, order.email, live=order.live) is not None
        )
        return _about(request, "unsubscribed.html" if done else "unsubscribe.html", visit)

    async def _suppress(self, visit: Visit) -> None:
        shop, order = visit
        now = self._clock()
        is_new = await self._database.write(
            partial(suppress, shop=shop, email=order.email, live=order.live, reason="unsubscribed", now=now)
        )
        if is_new:
            log.info("unsubscribed", shop=shop.id, live=order.live)

    async def _visit(self, request: Request, purpose: str) -> Visit | None:
        """Whose link this is; None when it is nobody's, or signed for another purpose."""
        token: str = request.path_params["token"]
        order_id = order_id_of(token)
        shop_id: str = request.path_params["shop"]
        if order_id is None or not (shop_id.isascii() and shop_id.isdecimal()):
            return None
        visit = await self._database.read(lambda tx: _look_up(tx, shop_id, order_id))
        if visit is None:
            return None
        subject = fingerprint(visit.shop.salt, live=visit.order.live, id_order=visit.order.id_order)
        return visit if is_signed(self._secret, purpose, token, subject) else None


def _look_up(tx: Transaction, shop_id: str, order_id: int) -> Visit | None:
    shop = find_shop(tx, shop_id)
    order = order_of(tx, shop, order_id) if shop else None
    return Visit(shop, order) if shop and order else None


def _about(request: Request, name: str, visit: Visit) -> Response:
    """A page of this shop, in the order's language. It shows neither the customer's name nor the address: a
    forwarded letter would show them to somebody else."""
    shop, order = visit
    site = shop.site or ""
    return page(
        request,
        name,
        order.lang,
        shop=shown(shop.name),
        site=site if site.startswith(("https://", "http://")) else "",
        order=shown(order.reference or order.id_order),
        order_date=order.order_date,
        day=day,
    )
