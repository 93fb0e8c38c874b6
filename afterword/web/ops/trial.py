"""`GET /` of a trial: from an order to its published review, without a terminal in between.

Only while the demo shop is the only one, and only for a visitor on this machine: everybody else gets a 404.
"""

import asyncio
import re
from collections.abc import Iterable
from functools import partial
from ipaddress import IPv6Address, ip_address
from shlex import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from afterword.actions import trial
from afterword.actions.trial import Trial, TrialFiles
from afterword.base.clock import Clock
from afterword.domain.shops import TEST_DELAY
from afterword.i18n.dates import ago
from afterword.mail.outbox import WrittenEmail, newest_emails, read_email
from afterword.store.engine.database import Database
from afterword.web.ops.docs import curl, pretty
from afterword.web.render import SAFE_HEADERS, UNCACHED, catalogue_of, page

MOST_EMAILS = 30
"""On the page, the newest."""

_HERE = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
_BY_A_PROXY = {"forwarded", "via", "x-real-ip"}

_EMAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""An e-mail has its styles inside, and nothing else."""

_WIDGET_POLICY = SAFE_HEADERS["Content-Security-Policy"] + "; script-src 'self'; connect-src 'self'"


class TrialPages:
    """`url` is the public address. Without `files` there is no trial, and no page."""

    def __init__(self, database: Database, clock: Clock, url: str, files: TrialFiles | None) -> None:
        self._database = database
        self._clock = clock
        self._url = url
        self._files = files

    async def home(self, request: Request) -> Response:
        """The first page: an order to send, the e-mails, and what the public sees."""
        files, found = await self._trial(request)
        amount, emails = await asyncio.to_thread(newest_emails, files.outbox, MOST_EMAILS)
        now, lang = self._clock(), catalogue_of(request, None).lang
        return page(
            request,
            "trial.html",
            shop=found.shop.name,
            shop_id=found.shop.id,
            delay=TEST_DELAY,
            command=self._command(found, now),
            waiting=sum(row.state in ("scheduled", "claimed", "sending") for row in found.invitations),
            amount=amount,
            emails=[(each, ago(max(0, now - each.written_at), lang), self._form(each)) for each in emails],
        )

    async def email(self, request: Request) -> Response:
        """One e-mail of the outbox, as a mail program shows it."""
        files, _ = await self._trial(request)
        found = await asyncio.to_thread(read_email, files.outbox, request.path_params["file"])
        if found is None:
            raise HTTPException(404)
        return HTMLResponse(found.html, headers={**UNCACHED, "Content-Security-Policy": _EMAIL_POLICY})

    async def widget(self, request: Request) -> Response:
        """A page of a make-believe shop, with each form of the widget."""
        _, found = await self._trial(request)
        headers = {"Content-Security-Policy": _WIDGET_POLICY}
        return page(request, "trial_widget.html", headers=headers, key=found.public_key, url=self._url)

    async def _trial(self, request: Request) -> tuple[TrialFiles, Trial]:
        """Raises HTTPException 404 where there is no trial, or the visitor is elsewhere."""
        if self._files and is_here(request):
            found = await self._database.read(partial(trial.found, key_file=self._files.key))
            if found:
                return self._files, found
        raise HTTPException(404)

    def _command(self, found: Trial, now: float) -> str:
        """Empty where the test key is not known."""
        if found.test_key is None:
            return ""
        order = trial.example_order(now, found.next_id_order)
        fields = f"api_key={found.test_key}", "orders=" + pretty([order])
        options = (f"--form-string {quote(field)}" for field in fields)
        return curl(f"{self._url}/private/v3/orders", *options)

    def _form(self, email: WrittenEmail) -> str:
        """The link to the form in an e-mail to a customer; else nothing."""
        return _first(word for word in email.text.split() if word.startswith(f"{self._url}/r/"))


def is_here(request: Request) -> bool:
    """Whether the visitor is on this machine: connected from it, asking for it, and through no proxy. The name asked
    for is looked at because any website can point a name of its own to 127.0.0.1."""
    passed_on = any(name in _BY_A_PROXY or name.startswith("x-forwarded-") for name in request.headers)
    asks_here = _HERE.fullmatch(request.headers.get("host", ""))
    return bool(request.client and _is_loopback(request.client.host) and asks_here and not passed_on)


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def _first(words: Iterable[str]) -> str:
    return next(iter(words), "")
