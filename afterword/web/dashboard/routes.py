"""Every address of the dashboard: who may see it, and who may press its buttons.

A page is `Page(path, run, needs)`, a button `Button(...)`, a search `Question(...)`; each is there for every shop,
in live mode and in test mode.
"""

from collections.abc import Sequence
from pathlib import Path

from starlette.routing import Route

from afterword.base.clock import Clock
from afterword.domain.reviews.chain import Signer
from afterword.mail.compose import Composer
from afterword.store.engine.database import Database
from afterword.web.dashboard.access import Access, Page, PageOrForm
from afterword.web.dashboard.frame import Frame
from afterword.web.dashboard.look import stylesheet
from afterword.web.dashboard.moderation import Moderation
from afterword.web.dashboard.orders import Orders
from afterword.web.dashboard.preview import Preview
from afterword.web.dashboard.reviews import Reviews
from afterword.web.dashboard.shop_pages.keys import Keys
from afterword.web.dashboard.shop_pages.people import PeoplePages
from afterword.web.dashboard.shop_pages.refused import RefusedPages
from afterword.web.dashboard.shop_pages.settings import SettingsPages
from afterword.web.dashboard.shop_pages.suppressions import Suppressions
from afterword.web.dashboard.shop_pages.team import Team
from afterword.web.dashboard.shop_pages.webhooks import Webhooks
from afterword.web.dashboard.signing_in import SigningIn
from afterword.web.dashboard.today.page import Today
from afterword.web.render import static_file
from afterword.webhooks.addresses import Network


def pages_of(
    database: Database,
    url: str,
    signer: Signer,
    outbox: Path | None,
    webhook_allow: Sequence[Network],
    composer: Composer | None,
) -> list[PageOrForm]:
    """All pages and buttons of a shop."""
    frame = Frame(database)
    return [
        *Today(database, frame).pages(),
        *Orders(database, frame).pages(),
        *Preview(database, url, composer).pages(),
        *Moderation(database, frame, signer).pages(),
        *Reviews(database, frame, signer, outbox).pages(),
        *Suppressions(database, frame).pages(),
        *RefusedPages(database, frame).pages(),
        *PeoplePages(database, frame, signer, outbox).pages(),
        *Keys(database, frame).pages(),
        *Webhooks(database, frame, webhook_allow).pages(),
        *SettingsPages(database, frame).pages(),
        *Team(database, frame).pages(),
    ]


def dashboard_routes(
    database: Database,
    clock: Clock,
    secret: str,
    url: str,
    *,
    sends: bool,
    outbox: Path | None,
    webhook_allow: Sequence[Network],
    composer: Composer | None,
) -> list[Route]:
    """`sends`: whether live e-mails leave this server. `outbox` has those of test mode, from which an erasure removes
    what is erased; `webhook_allow` are networks inside the shop's own to which webhooks may go. `composer` writes the
    e-mails that are shown."""
    access = Access(database, clock, url)
    pages = pages_of(database, url, Signer(secret), outbox, webhook_allow, composer)
    signing_in = SigningIn(database, clock, secret, access, sends=sends)
    css = stylesheet()
    return [
        Route("/static/afterword.css", css),
        Route("/static/enhance.js", static_file("enhance.js", "text/javascript; charset=utf-8")),
        Route("/dashboard", signing_in.home),
        Route("/dashboard/sign-in", signing_in.ask, methods=["GET", "POST"]),
        Route("/dashboard/sign-in/{token}", signing_in.use, methods=["GET", "POST"]),
        Route("/dashboard/sign-out", signing_in.sign_out, methods=["POST"]),
        Route("/dashboard/account", signing_in.account, methods=["GET", "POST"]),
        *(_route(access, each, live=live) for live in (False, True) for each in pages),
    ]


def _route(access: Access, each: PageOrForm, *, live: bool) -> Route:
    path = "/dashboard/{shop}" + ("" if live else "/test") + each.path
    methods = ["GET"] if isinstance(each, Page) else ["POST"]
    return Route(path, access.of_shop(each, live=live), methods=methods)
