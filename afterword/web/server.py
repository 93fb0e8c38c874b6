"""The table of all routes, and the HTTP server."""

import atexit
import os
import resource
import sys
import uuid
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.net import SocketHolder
from granian.server.embed import Server
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from afterword.actions.trial import TrialFiles
from afterword.base.clock import Clock
from afterword.base.errors import StoreUnavailable
from afterword.base.log import log_for
from afterword.mail.compose import Composer
from afterword.store.engine.database import Database
from afterword.web.body import Spool
from afterword.web.customer.form import Form
from afterword.web.customer.unsubscribe import UnsubscribePages
from afterword.web.dashboard.access import NotTakenHere, not_taken_here
from afterword.web.dashboard.routes import dashboard_routes
from afterword.web.edge import Edge
from afterword.web.listening import QUEUED, Address, listen
from afterword.web.ops.docs import Docs
from afterword.web.ops.health import health
from afterword.web.ops.metrics import metrics
from afterword.web.ops.trial import TrialPages
from afterword.web.orders_api.endpoint import OrdersEndpoint
from afterword.web.orders_api.reader import Readers
from afterword.web.outgoing import ClientGone
from afterword.web.render import ANYWHERE, UNCACHED, page, static_file
from afterword.web.reviews_api.private import REVIEWS_PATH, STATS_PATH, PrivateReviews
from afterword.web.reviews_api.public import PUBLIC_REVIEWS, PublicReviews
from afterword.web.shop.feeds import Feeds
from afterword.web.shop.page import ShopPages
from afterword.web.shop.verification import VerificationPages
from afterword.web.shop.widget import widget_words
from afterword.webhooks.addresses import Network

MOST_CONNECTIONS = 16_384

SPARE_FILES = 256
"""Descriptors that connections leave for the database, mail and all else."""

HEADER_PATIENCE = 30_000
"""Milliseconds until a connection is closed that has not sent a whole header, or nothing at all."""

LARGEST_HEADER = 64 * 2**10
"""Bytes of all header lines together."""

ORDERS_PATH = "/private/v3/orders"

OLDER_API = "/wp-content/"
"""Where modules of the older API look. Some keep whatever they are answered and show it, so they get no page."""

log = log_for("web")


class WebSettings(NamedTuple):
    """`secret` signs links, `body_limit` is in bytes, `folder` is for large bodies.

    `url` is the public address, for pages that contain it. `trial` is there where the data folder is that of a trial.
    Without `has_metrics`, `/metrics` is elsewhere. `sends`: whether live e-mails leave this server.
    `outbox` is the folder of e-mails that are files, `webhook_allow` are the networks that webhooks may be in.
    Without a `composer`, the dashboard shows no e-mail.
    """

    secret: str
    body_limit: int
    folder: Path
    url: str = "http://127.0.0.1:8000"
    trial: TrialFiles | None = None
    has_metrics: bool = True
    sends: bool = True
    outbox: Path | None = None
    webhook_allow: Sequence[Network] = ()
    composer: Composer | None = None


def build_web(database: Database, readers: Readers, clock: Clock, settings: WebSettings) -> ASGIApp:
    """The application with all routes. The APIs' routes are dispatched ahead of the router, as the busiest ones."""
    spool = Spool(settings.folder)
    orders = OrdersEndpoint(database, readers, clock, body_limit=settings.body_limit, spool=spool)
    private = PrivateReviews(database, clock)
    nothing = Response(status_code=404, headers=UNCACHED, media_type="text/plain")
    return Edge(
        build_router(database, clock, settings),
        {ORDERS_PATH: orders, REVIEWS_PATH: private, STATS_PATH: private},
        {PUBLIC_REVIEWS: PublicReviews(database, clock), OLDER_API: nothing},
    )


def build_router(database: Database, clock: Clock, settings: WebSettings) -> Starlette:
    """All routes except those of the APIs."""
    pages = UnsubscribePages(database, clock, settings.secret)
    form = Form(database, clock, settings.secret, url=settings.url)
    docs = Docs(settings.url)
    shop = ShopPages(database, clock, settings.url)
    verification = VerificationPages(database, clock)
    trial = TrialPages(database, clock, settings.url, settings.trial)
    router = Starlette(
        routes=[
            Route("/r/{shop}/{token}", form.answer, methods=["GET", "POST"]),
            Route("/u/{shop}/{token}", pages.unsubscribe, methods=["GET", "POST"]),
            Route("/s/{shop}", shop.show),
            Route("/s/{shop}/test", partial(shop.show, live=False)),
            Route("/s/{shop}/products/{product:path}", shop.show),
            Route("/k/{public_key}/{scope:path}", shop.of_key),
            Route("/widget.js", static_file("widget.js", "text/javascript; charset=utf-8", ANYWHERE)),
            Route("/widget/{lang}.json", widget_words),
            Route("/s/{shop}/verify", verification.show),
            Route("/s/{shop}/chain.jsonl", verification.download),
            Route("/s/{shop}/test/verify", partial(verification.show, live=False)),
            Route("/s/{shop}/test/chain.jsonl", partial(verification.download, live=False)),
            Route("/public/v3/feeds/{public_key}/google.xml", Feeds(database, settings.url).google),
            Route("/healthz", partial(health, database=database)),
            *([_metrics_route(database, clock)] if settings.has_metrics else []),
            Route("/", trial.home),
            Route("/trial/emails/{file}", trial.email),
            Route("/trial/widget", trial.widget),
            Route("/openapi.json", docs.document),
            Route("/docs", docs.page),
            *_dashboard(database, clock, settings),
            *(_stylesheet(name) for name in ("style", "showing", "trial")),
        ],
        exception_handlers=_HANDLERS,
    )
    router.router.redirect_slashes = False
    return router


def _dashboard(database: Database, clock: Clock, settings: WebSettings) -> list[Route]:
    return dashboard_routes(
        database,
        clock,
        settings.secret,
        settings.url,
        sends=settings.sends,
        outbox=settings.outbox,
        webhook_allow=settings.webhook_allow,
        composer=settings.composer,
    )


def _stylesheet(name: str) -> Route:
    return Route(f"/static/{name}.css", static_file(f"{name}.css", "text/css; charset=utf-8"))


def build_metrics_web(database: Database, clock: Clock) -> ASGIApp:
    """`/metrics` and nothing else, for an address that only the operator reaches."""
    return Edge(Starlette(routes=[_metrics_route(database, clock)]), {}, {})


def _metrics_route(database: Database, clock: Clock) -> Route:
    return Route("/metrics", partial(metrics, database=database, clock=clock))


async def _http_error(request: Request, error: Exception) -> Response:
    """404 and 405 outside the APIs, as a page."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if "Allow" in headers:
        headers["Allow"] = ", ".join(sorted(headers["Allow"].split(", ")))
    return page(request, "unknown.html", status=error.status_code, headers=headers)


async def _unavailable(request: Request, error: Exception) -> Response:
    log.error("page request rejected", error=str(error))
    return page(request, "unavailable.html", status=503, headers={"Retry-After": "5"})


async def _broken(request: Request, error: Exception) -> Response:
    """Unexpected exceptions. The page shows the id under which the cause is logged, and nothing else of it.

    Streamed answers (feeds, downloads) are cut off; they have logged a failure of the store themselves.
    """
    if isinstance(error, ClientGone):
        return Response(status_code=503, headers=UNCACHED)  # it has its answer, or is gone
    if isinstance(error.__cause__, StoreUnavailable):
        return page(request, "unavailable.html", status=503)
    number = uuid.uuid4().hex
    log.error("page request failed", request=number, exc_info=error)
    return page(request, "broken.html", status=500, number=number)


_HANDLERS = {
    NotTakenHere: not_taken_here,
    HTTPException: _http_error,
    StoreUnavailable: _unavailable,
    Exception: _broken,
}


def most_connections() -> int:
    """As many as this process may have descriptors for; it takes all that the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + SPARE_FILES
    if soft < wanted:
        soft = min(wanted, hard) if hard != resource.RLIM_INFINITY else wanted
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(1, min(MOST_CONNECTIONS, soft - SPARE_FILES))


class _Server(Server):  # type: ignore[misc]  # it has no types
    """Granian with a listening socket of ours, whose connections have limits that Granian does not set."""

    def _init_shared_socket(self) -> None:
        address = Address(self.bind_addr, self.bind_port)
        self._ssp = None
        self._shd = SocketHolder(listen(address), False, self.backlog)


def build_server(web: ASGIApp, host: str, port: int) -> Server:
    """Granian, embedded in this process. `stop()` finishes open requests first."""
    return _Server(
        web,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_PATIENCE, max_buffer_size=LARGEST_HEADER),
        websockets=False,
        backlog=QUEUED,
        backpressure=most_connections(),
        log_enabled=False,
    )


def end_at_once() -> None:
    """Has this process end without finalizing Python, once all else is done and closed: a thread of Granian that
    enters Python at that moment would abort the process, which then looks as if it had crashed
    (emmett-framework/granian#693)."""
    atexit.register(_end)


def _end() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(0)
