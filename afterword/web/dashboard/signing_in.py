"""Signing in and out: a link by e-mail, a press of its button, and a session.

A GET never signs in: mail scanners follow every link. The answer is the same whether an address
is known or not, and the e-mail is arranged after it.
"""

import asyncio
from collections import defaultdict, deque
from datetime import UTC, datetime
from functools import partial

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from afterword.actions import users
from afterword.base.clock import Clock
from afterword.base.log import log_for
from afterword.base.security import refusals
from afterword.domain.orders.email import check_address
from afterword.domain.people.users import Session
from afterword.store.engine.database import Database
from afterword.store.users import end_session, find_session, sessions_of
from afterword.web.dashboard.access import DASHBOARD_HEADERS, Access, NotTakenHere, number_in, redirect
from afterword.web.dashboard.frame import LANG
from afterword.web.dashboard.look import SPRITE
from afterword.web.render import page

MOST_ASKED, ASKED_WITHIN = 300, 60.0
"""Requests for a link that an address on the network may make within so many seconds. More are asked to wait for a
minute: behind a proxy everyone has the same address, so this only bounds the work. A person's mailbox is guarded by
`MOST_LINKS`."""

MOST_ORIGINS = 10_000
"""Addresses on the network that are counted at a time."""

log = log_for("dashboard")


class SigningIn:
    """`sends`: whether e-mails leave this server."""

    def __init__(self, database: Database, clock: Clock, secret: str, access: Access, *, sends: bool) -> None:
        self._database = database
        self._clock = clock
        self._secret = secret
        self._access = access
        self._sends = sends
        self._asked: dict[str, deque[float]] = defaultdict(deque)
        self._sending: set[asyncio.Task[None]] = set()

    async def ask(self, request: Request) -> Response:
        """`GET /dashboard/sign-in` asks for an address, and `POST` sends a link to it."""
        if request.method != "POST":
            return _shown(request, "sign_in.html", sends=self._sends, wrong=False, email="")
        self._access.refuse_other_sites(request)
        if not self._sends:
            raise HTTPException(404)
        email = (await self._access.read_form(request)).get("email", "").strip()[:320]
        try:
            checked = check_address(email)
        except ValueError:
            return _shown(request, "sign_in.html", 422, sends=True, wrong=True, email=email)
        if self._is_asked_too_often(request):
            sentence = "Too many links were asked for from here: try again in a minute."
            raise NotTakenHere(429, sentence, {"Retry-After": "60"})
        sending = asyncio.create_task(self._send(checked))
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)
        return _shown(request, "sign_in_sent.html", email=email)

    async def _send(self, email: str) -> None:
        try:
            is_sent = await self._database.read(lambda tx: users.signs_in(tx, email)) and (
                await self._database.write(partial(users.send_link, email=email, now=self._clock()))
            )
            log.info("sign-in link sent" if is_sent else "sign-in link not sent")
        except Exception:
            log.exception("sign-in link not sent")

    def _is_asked_too_often(self, request: Request) -> bool:
        now = asyncio.get_running_loop().time()
        if len(self._asked) > MOST_ORIGINS:
            self._asked.clear()
        asked = self._asked[request.client.host if request.client else ""]
        while asked and asked[0] < now - ASKED_WITHIN:
            asked.popleft()
        if len(asked) >= MOST_ASKED:
            return True
        asked.append(now)
        return False

    async def use(self, request: Request) -> Response:
        """`GET /dashboard/sign-in/{token}` shows a button, `POST` presses it: the link works once."""
        token, now = request.path_params["token"], self._clock()
        self._access.refuse_other_sites(request)
        link = await self._database.read(lambda tx: users.link_of(tx, token, self._secret))
        if link is None:
            refusals.link("sign-in")
            raise HTTPException(404)
        if request.method == "POST":
            agent = request.headers.get("user-agent", "")
            work = partial(users.sign_in, token=token, secret=self._secret, agent=agent, now=now)
            if session := await self._database.write(work):
                log.info("signed in", by=link.user_id)
                return self._access.keep(redirect(request, "dashboard"), session)
            return _shown(request, "sign_in_link.html", 410, works=False, email=link.email)
        works = link.works(now)
        return _shown(request, "sign_in_link.html", 200 if works else 410, works=works, email=link.email)

    async def sign_out(self, request: Request) -> Response:
        """`POST /dashboard/sign-out` ends this session, also of someone who has lost every role."""
        self._access.refuse_other_sites(request)
        token, now = self._access.token_of(request), self._clock()
        session = await self._database.read(lambda tx: find_session(tx, token, now)) if token else None
        if session:
            await self._end(session.id, session)
        return self._access.keep(redirect(request, "dashboard/sign-in"), "")

    async def account(self, request: Request) -> Response:
        """`/dashboard/account`: where someone is signed in; a `POST` ends one of these sessions."""
        self._access.refuse_other_sites(request)
        visitor = await self._access.visitor_of(request)
        if visitor is None:
            return self._access.to_sign_in(request)
        here = visitor.session
        if request.method == "POST":
            named = (await self._access.read_form(request)).get("session", "")
            if not await self._end(number_in(named), here):
                raise HTTPException(404)
            return redirect(request, "dashboard/account")
        now = self._clock()
        sessions = await self._database.read(lambda tx: sessions_of(tx, here.user_id, now))
        rows = [_row(session, is_this=session.id == here.id) for session in sessions]
        return _shown(request, "account.html", email=here.email, sessions=rows)

    async def home(self, request: Request) -> Response:
        """`/dashboard`: the visitor's only shop, or a list of their shops."""
        visitor = await self._access.visitor_of(request)
        if visitor is None:
            return self._access.to_sign_in(request)
        if len(visitor.roles) == 1:
            [shop] = visitor.roles
            return redirect(request, f"dashboard/{shop.id}")
        return _shown(request, "shops.html", shops=list(visitor.roles.items()))

    async def _end(self, session_id: int, of: Session) -> bool:
        return await self._database.write(partial(end_session, session_id=session_id, user_id=of.user_id))


def _shown(request: Request, template: str, status: int = 200, **values: object) -> Response:
    return page(request, template, LANG, status=status, headers=DASHBOARD_HEADERS, sprite=SPRITE, **values)


def _row(session: Session, *, is_this: bool) -> dict[str, object]:
    def written(moment: int) -> str:
        return f"{datetime.fromtimestamp(moment, UTC):%-d %B %Y, %H:%M}"

    return {
        "id": session.id,
        "browser": session.agent or "A browser that does not say what it is",
        "since": written(session.created_at),
        "used": written(session.used_at),
        "is_this": is_this,
    }
