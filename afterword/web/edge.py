"""The outermost ASGI layer: normalizes slashes in paths, and dispatches the busiest ones ahead of the router.

`//private/v3/orders` and a trailing slash work without a redirect, which PHP's cURL would not follow
(docs/orders-api.md, "The request"). Escaped slashes stay: a product's id can have them.
"""

import re
from collections.abc import Mapping
from urllib.parse import unquote

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from afterword.web.outgoing import outgoing

_SLASHES = re.compile(r"/{2,}")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_NOWHERE = "/-"

MOST_SLASHES = 32
"""In a path. Each is written again for every link of a page; none of our own has more than seven."""

_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_REFUSED = Response("there is no such address\n", 404, _HEADERS, "text/plain")


class Edge:
    """Dispatches requests: the busiest paths directly, all others through the router."""

    def __init__(self, router: ASGIApp, direct: Mapping[str, ASGIApp], below: Mapping[str, ASGIApp]) -> None:
        """`direct` maps whole paths to applications, `below` maps prefixes of paths."""
        self._router = router
        self._direct = direct
        self._below = below

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        app = self._direct.get(scope["path"]) or self._slower(scope)
        if app is not self._router:  # the others give large answers in pieces themselves
            await app(scope, receive, send)
            return
        with outgoing(send) as answer:
            await app(scope, receive, answer)

    def _slower(self, scope: Scope) -> ASGIApp:
        raw: bytes = scope["raw_path"]
        if raw.count(b"/") > MOST_SLASHES:
            return _REFUSED
        path = scope["path"] = unquote(_SLASHES.sub("/", "/" + raw.decode("latin-1").strip("/")))
        below = (app for prefix, app in self._below.items() if path.startswith(prefix))
        app = self._direct.get(path) or next(below, self._router)
        if app is self._router and _CONTROLS.search(path):
            # Proxies in front and the router disagree on where such a path ends.
            scope["path"] = _NOWHERE
        return app
