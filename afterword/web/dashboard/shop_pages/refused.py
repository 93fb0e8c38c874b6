"""Refused orders: what was wrong with each, and tolerating what need not be there."""

from functools import partial

from starlette.responses import Response

from afterword.actions import orders, shops
from afterword.base.security import log
from afterword.domain.orders.order import FieldError
from afterword.store.engine.database import Database
from afterword.web.dashboard.access import Button, Page, PageOrForm, Place, redirect
from afterword.web.dashboard.frame import Frame, Moments

_MOST_REFUSED = 100
"""Orders on the page."""


class RefusedPages:
    def __init__(self, database: Database, frame: Frame) -> None:
        self._database = database
        self._frame = frame

    def pages(self) -> list[PageOrForm]:
        return [Page("/refused", self.listed), Button("/refused/tolerant", self.tolerate, "owner")]

    async def listed(self, place: Place) -> Response:
        """The latest first, and how many there were on each day (UTC)."""
        found = await self._database.read(
            lambda tx: orders.refused_in(tx, place.shop, place.now, live=place.live, most=_MOST_REFUSED)
        )
        in_utc = Moments("UTC", place.now)
        days = [(in_utc.day(each.day), each.amount) for each in found.days]
        return await self._frame.page(
            place,
            "refused_orders.html",
            at="/refused",
            rows=[(row, [_in_words(error) for error in row.errors]) for row in found.rows],
            days=days,
            total=sum(amount for _, amount in days),
        )

    async def tolerate(self, place: Place) -> Response:
        work = partial(shops.change, shop=place.shop, now=place.now, orders="tolerant")
        await self._database.write(work, place.shop.id)
        log.info("shop changed", shop=place.shop.id, fields="orders", by=place.visitor.session.user_id)
        return redirect(place.request, f"{place.path}/refused?done=tolerant")


def _in_words(error: FieldError) -> tuple[str, str]:
    """Where in the order, and what is wrong there."""
    return error.field or "order", error.expected or "missing"
