"""`GET /healthz`: whether this process can serve and read the database, for load balancers and uptime checks."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from afterword.base.errors import StoreUnavailable
from afterword.store.engine.database import Database
from afterword.web.render import UNCACHED


class Health:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def answer(self, request: Request) -> Response:
        """200 with status `ok`, or `held` if sending is paused (guarantee 9); 503 if the database cannot be read."""
        try:
            await self._database.read(lambda tx: tx.rows("SELECT count(*) FROM counters"))
        except StoreUnavailable:
            headers = {**UNCACHED, "Retry-After": "5"}
            return JSONResponse({"status": "unavailable"}, status_code=503, headers=headers)
        status = "held" if self._database.is_held else "ok"
        return JSONResponse({"status": status}, headers=UNCACHED)
