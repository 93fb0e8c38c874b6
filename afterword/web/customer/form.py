"""The review form, `/r/{shop}/{token}`, for one order: the shop and its products.

A GET never writes: mail scanners follow every link, and run scripts on the pages they find. What was typed is never
lost: if anything goes wrong, the page that says so contains it.

A request is read (`reading`), acted on (`deciding`) and answered (`showing`).
"""

from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from afterword.base.clock import Clock
from afterword.base.errors import StoreUnavailable
from afterword.base.log import log_for
from afterword.domain.reviews.chain import Signer
from afterword.store.engine.database import Database
from afterword.web.customer.deciding import Decider
from afterword.web.customer.links import Visits
from afterword.web.customer.reading import Fields, NotTaken, read_fields
from afterword.web.customer.sheet import Sheet, read_sheet
from afterword.web.customer.showing import show, show_not_taken, show_result, show_unavailable
from afterword.web.render import page

log = log_for("form")


class Form:
    """`url` is the public address of this server."""

    def __init__(self, database: Database, clock: Clock, secret: str, *, url: str, spool: Path) -> None:
        self._database = database
        self._clock = clock
        self._visits = Visits(database, secret)
        self._decider = Decider(database, Signer(secret))
        self._host = urlsplit(url).netloc
        self._spool = spool

    async def answer(self, request: Request) -> Response:
        if request.method == "POST":
            return await self._take(request)
        sheet = await self._find(request)
        return show(request, sheet, self._clock()) if sheet else _unknown(request)

    async def _take(self, request: Request) -> Response:
        try:
            fields = await read_fields(request, self._host, self._spool)
        except NotTaken as refusal:
            return show_not_taken(request, refusal)
        try:
            return await self._decide(request, fields)
        except StoreUnavailable as error:
            log.error("page request rejected", error=str(error))
            return show_unavailable(request, fields)

    async def _decide(self, request: Request, fields: Fields) -> Response:
        """Raises StoreUnavailable."""
        sheet = await self._find(request)
        if sheet is None:
            return _unknown(request)
        result = await self._decider.decide(fields, sheet, self._clock())
        return show_result(request, sheet, fields, result)

    async def _find(self, request: Request) -> Sheet | None:
        visit = await self._visits.find(request, "r")
        return await self._database.read(lambda tx: read_sheet(tx, visit)) if visit else None


def _unknown(request: Request) -> Response:
    return page(request, "unknown.html", status=404)
