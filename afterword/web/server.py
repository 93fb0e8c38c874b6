"""The one table of routes, and the server that holds it to the world."""

from pathlib import Path
from typing import NamedTuple

from granian.constants import Interfaces
from granian.server.embed import Server
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from afterword.base.clock import Clock
from afterword.store.database import Database, StoreUnavailable
from afterword.web.authentication import Gate
from afterword.web.edge import Asgi, Edge
from afterword.web.health import Health
from afterword.web.orders import OrdersEndpoint
from afterword.web.pages import Pages
from afterword.web.reader import Readers
from afterword.web.render import page, static_file

MOST_CONNECTIONS = 16_384
ORDERS = "/private/v3/orders"


class Place(NamedTuple):
    """What the web needs to know of where it runs: what signs links, the largest body, and where it is spooled."""

    secret: str
    body_limit: int
    spool: Path


def build_web(database: Database, readers: Readers, clock: Clock, place: Place) -> Asgi:
    """Every route that there is. The busiest one goes ahead of the router."""
    pages = Pages(database, clock, place.secret)
    orders = OrdersEndpoint(
        database, Gate(database), readers, clock, body_limit=place.body_limit, spool=place.spool
    )
    router = Starlette(
        routes=[
            Route("/r/{shop}/{token}", pages.review),
            Route("/u/{shop}/{token}", pages.ask_to_unsubscribe),
            Route("/u/{shop}/{token}", pages.unsubscribe, methods=["POST"]),
            Route("/healthz", Health(database).answer),
            Route("/openapi.json", static_file("openapi.json", "application/json")),
            Route("/docs", static_file("docs.html", "text/html; charset=utf-8")),
            Route("/static/style.css", static_file("style.css", "text/css; charset=utf-8")),
        ],
        exception_handlers={HTTPException: _http_error, StoreUnavailable: _unavailable},
    )
    router.router.redirect_slashes = False
    return Edge(router, {ORDERS: orders})


async def _http_error(request: Request, error: Exception) -> Response:
    """404 and 405 of places that are no API: a page."""
    assert isinstance(error, HTTPException)
    return page("unknown.html", "en", status=error.status_code, headers=dict(error.headers or {}))


async def _unavailable(request: Request, error: Exception) -> Response:
    return page("unavailable.html", "en", status=503, headers={"Retry-After": "5"})


def build_server(web: Asgi, host: str, port: int) -> Server:
    """Granian, embedded: one process, which drains on `stop()`."""
    return Server(
        web,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        websockets=False,
        backlog=2_048,
        backpressure=MOST_CONNECTIONS,
        log_enabled=False,
    )
