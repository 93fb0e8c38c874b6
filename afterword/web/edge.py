"""The outermost ASGI layer: normalizes slashes in paths, and dispatches the busiest ones ahead of the router.

`//private/v3/orders` and a trailing slash work without a redirect, which PHP's cURL would not follow
(docs/orders-api.md, "The request"). Escaped slashes stay: a product's id can have them.
"""

import re
from collections.abc import Mapping
from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

_SLASHES = re.compile(r"/{2,}")


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
        path = scope["path"]
        app = self._direct.get(path)
        if app is None:
            path = scope["path"] = unquote(
                _SLASHES.sub("/", "/" + scope["raw_path"].decode("latin-1").strip("/"))
            )
            below = (app for prefix, app in self._below.items() if path.startswith(prefix))
            app = self._direct.get(path) or next(below, self._router)
        await app(scope, receive, send)
