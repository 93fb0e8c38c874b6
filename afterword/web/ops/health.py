"""`GET /healthz`: whether this process can serve and read the database, for load balancers and uptime checks."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from afterword.base.errors import StoreUnavailable
from afterword.store.engine.database import Database
from afterword.web.render import UNCACHED


async def health(request: Request, database: Database) -> Response:
    """200 with status `ok`, `held` if sending is paused (guarantee 9), or `partly` while a node of a cluster does not
    answer, which concerns the shops of that node alone; 503 if the database cannot be read."""
    try:
        await database.read(lambda tx: tx.rows("SELECT count(*) FROM counters"))
    except StoreUnavailable:
        headers = {**UNCACHED, "Retry-After": "5"}
        return JSONResponse({"status": "unavailable"}, status_code=503, headers=headers)
    if away := database.nodes_away:
        return JSONResponse({"status": "partly", "nodes_away": list(away)}, headers=UNCACHED)
    return JSONResponse({"status": "held" if database.is_held else "ok"}, headers=UNCACHED)
