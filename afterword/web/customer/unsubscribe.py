"""The unsubscribe page, linked from every e-mail.

A GET never writes: mail scanners follow every link. Only the button does, or the one-click POST of RFC 8058.
"""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from afterword.base.clock import Clock
from afterword.base.log import log_for
from afterword.store.engine.database import Database
from afterword.store.orders import StoredOrder
from afterword.store.suppressions import suppress, suppressed_because
from afterword.web.customer.links import Links, about
from afterword.web.render import page

log = log_for("pages")


class UnsubscribePages:
    def __init__(self, database: Database, clock: Clock, secret: str) -> None:
        self._database = database
        self._clock = clock
        self._links = Links(database, secret)

    async def unsubscribe(self, request: Request) -> Response:
        """`GET /u/{shop}/{token}` shows a button, or that the customer is already unsubscribed. `POST` unsubscribes
        at once and does not read the body: the link is sufficient (RFC 8058 3.1)."""
        order = await self._links.find(request, "u")
        if not order.email:  # erased: nothing is sent about it any more
            return page(request, "unsubscribed.html", **about(order))
        if request.method == "POST":
            await self._suppress(order)
            return page(request, "unsubscribed.html", **about(order))
        reason = await self._database.read(
            lambda tx: suppressed_because(tx, order.shop, order.email, live=order.live)
        )
        return page(request, "unsubscribed.html" if reason else "unsubscribe.html", **about(order))

    async def _suppress(self, order: StoredOrder) -> None:
        shop, now = order.shop, self._clock()
        is_new = await self._database.write(
            partial(suppress, shop=shop, email=order.email, live=order.live, reason="unsubscribed", now=now)
        )
        if is_new:
            log.info("customer unsubscribed", shop=shop.id, live=order.live)
