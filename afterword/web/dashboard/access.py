"""Who may see a page of the dashboard, and do what its buttons do.

Each page is of one shop and mode: `/dashboard/7/orders`, `/dashboard/7/test/orders`. A visitor who is not signed
in is sent to the page to sign in; one without a role in the shop gets a 404, so other people's shops stay unknown
(guarantee 8). A POST is refused when another site's page has caused it, and its body is read once all that is known.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from afterword.actions import users
from afterword.actions.users import Visitor
from afterword.base.clock import Clock
from afterword.base.errors import Refused
from afterword.base.security import log, refusals
from afterword.domain.people.users import Role, may
from afterword.domain.shops import Shop
from afterword.store.engine.database import Database
from afterword.web.body import BodyTooLarge, SenderGone, read_small_body
from afterword.web.dashboard.look import SPRITE
from afterword.web.forms import URLENCODED, MalformedBody, read_fields
from afterword.web.render import UNCACHED, page, root_of

LARGEST_DASHBOARD_FORM = 2**17
"""Maximum bytes of a form of the dashboard: a reply of maximum length is a third of that."""

_IS_TOKEN = re.compile("[A-Za-z0-9_-]{43}").fullmatch

DASHBOARD_HEADERS = {
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'",
}


class Place(NamedTuple):
    """A request of someone who may see this shop: what a page is made for. `form` has the fields of a POST."""

    request: Request
    visitor: Visitor
    shop: Shop
    role: Role
    live: bool
    form: Mapping[str, str]
    now: float

    @property
    def path(self) -> str:
        """Of the shop's pages, from the top."""
        return f"dashboard/{self.shop.id}" + ("" if self.live else "/test")


Run = Callable[[Place], Awaitable[Response]]


class NotTakenHere(HTTPException):
    """A request that is refused before its page is asked, with a status and the sentence that its page says."""

    def __init__(self, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, sentence, headers)


class Page(NamedTuple):
    """What `GET` shows, and the least role that sees it."""

    path: str
    run: Run
    needs: Role = "reader"


class Question(NamedTuple):
    """What `POST` shows, since what it asks for is not for an address, which proxies log. It changes nothing."""

    path: str
    run: Run
    needs: Role = "reader"


class Button(NamedTuple):
    """What `POST` does, and the least role that may."""

    path: str
    run: Run
    needs: Role


PageOrForm = Page | Question | Button


class Access:
    """`url` is the public address. Over https, the session has a name under which no other host can set one."""

    def __init__(self, database: Database, clock: Clock, url: str) -> None:
        self._database = database
        self._clock = clock
        self._host = urlsplit(url).netloc
        self._is_secure = url.startswith("https:")
        self._cookie = "__Host-session" if self._is_secure else "session"

    def of_shop(self, each: PageOrForm, *, live: bool) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint of a page or button in a mode of the shop of its path."""
        return partial(self._answer, each=each, live=live)

    async def _answer(self, request: Request, each: PageOrForm, live: bool) -> Response:
        """What a form's sender may do is looked up before its body is read, and again after: it may take a minute."""
        self.refuse_other_sites(request)
        found = await self._place(request, each, live)
        if isinstance(found, Place) and request.method == "POST":
            is_prolonged = found.visitor.is_prolonged
            found = await self._place(request, each, live, await self.read_form(request))
            if isinstance(found, Place) and is_prolonged:
                found = found._replace(visitor=found.visitor._replace(is_prolonged=True))
        if not isinstance(found, Place):
            return found
        try:
            answer = await each.run(found)
        except Refused as refused:
            return _refused(request, 409, why="state", sentence=str(refused))
        session = found.visitor.session
        if isinstance(each, Button) and answer.status_code < 400:
            pressed = {"button": each.path, "shop": found.shop.id, "live": live}
            log.info("button pressed", **pressed, by=session.user_id)
        return self.keep(answer, self.token_of(request)) if found.visitor.is_prolonged else answer

    async def _place(
        self, request: Request, each: PageOrForm, live: bool, form: Mapping[str, str] | None = None
    ) -> Place | Response:
        """Or, for someone who may not, the answer. Raises HTTPException 404 for another shop."""
        visitor = await self.visitor_of(request)
        if visitor is None:
            return self.to_sign_in(request)
        shop = next((shop for shop in visitor.roles if str(shop.id) == request.path_params["shop"]), None)
        if shop is None:
            raise HTTPException(404)
        role = visitor.roles[shop]
        if not may(role, each.needs):
            return _refused(request, 403, why="role", needs=each.needs)
        return Place(request, visitor, shop, role, live, form or {}, self._clock())

    def refuse_other_sites(self, request: Request) -> None:
        """Raises NotTakenHere for a POST of which the browser does not say that our own page has caused it."""
        if request.method not in ("GET", "HEAD") and not self._is_of_our_page(request):
            refusals.post("dashboard")
            raise NotTakenHere(403, "This was not sent by a page of this dashboard.")

    def _is_of_our_page(self, request: Request) -> bool:
        """By Sec-Fetch-Site, or in a browser without it by Origin: a form that has neither is no browser's."""
        headers = request.headers
        if "sec-fetch-site" in headers:
            return headers["sec-fetch-site"] == "same-origin"
        return headers.get("origin", "").partition("://")[2] in (self._host, headers.get("host"))

    async def visitor_of(self, request: Request) -> Visitor | None:
        """Who is signed in. What cannot be a session's token costs no look into the database."""
        token, now = self.token_of(request), self._clock()
        if not token:
            return None
        visitor = await self._database.read(lambda tx: users.visitor(tx, token, now))
        if visitor and users.is_to_be_prolonged(visitor.session, now):
            await self._database.write(partial(users.prolong, session=visitor.session, now=now))
            return visitor._replace(is_prolonged=True)
        return visitor

    def token_of(self, request: Request) -> str:
        token = request.cookies.get(self._cookie, "")
        return token if _IS_TOKEN(token) else ""

    def keep(self, answer: Response, token: str) -> Response:
        """The answer, from which the browser takes the session; with an empty token it forgets it."""
        age = 30 * 86_400 if token else 0
        secure = "; Secure" if self._is_secure else ""
        answer.headers.append(
            "Set-Cookie", f"{self._cookie}={token}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}"
        )
        return answer

    @staticmethod
    def to_sign_in(request: Request) -> Response:
        return redirect(request, "dashboard/sign-in")

    @staticmethod
    async def read_form(request: Request) -> Mapping[str, str]:
        """The fields of a form, of each the last. Raises NotTakenHere."""
        content_type = request.headers.get("content-type", "")
        if content_type.partition(";")[0].strip().lower() != URLENCODED:
            raise NotTakenHere(415, "This form was not sent as a browser sends it.")
        try:
            length = request.headers.get("content-length", "")
            body = await read_small_body(
                request.receive, int(length) if length else None, LARGEST_DASHBOARD_FORM
            )
            fields = read_fields(URLENCODED, content_type.encode("latin-1"), body)
        except BodyTooLarge as error:
            raise NotTakenHere(413, "This is too long to be saved.") from error
        except (MalformedBody, SenderGone) as error:
            raise NotTakenHere(400, "This form did not arrive whole.") from error
        return {
            name: value.decode("utf-8", "replace").replace("\0", "\ufffd") for name, value in fields.items()
        }


async def not_taken_here(request: Request, error: Exception) -> Response:
    """The page of a NotTakenHere."""
    assert isinstance(error, NotTakenHere)
    answer = _refused(request, error.status_code, why="state", sentence=error.detail)
    answer.headers.update(error.headers or {})
    return answer


def _refused(request: Request, status: int, **values: object) -> Response:
    return page(
        request,
        "refused_here.html",
        "en",
        status=status,
        headers=DASHBOARD_HEADERS,
        sprite=SPRITE,
        **values,
    )


def number_in(text: str) -> int:
    """A positive number in a form or an address, below 10^15; 0, which nothing has, for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0


def redirect(request: Request, to: str) -> Response:
    """To this path from the top, which a proxy may have put under a folder."""
    return Response(status_code=303, headers={**UNCACHED, "Location": root_of(request) + to})
