"""The outermost layer: one path for each route, however its slashes are written, and the same headers on all.

`//private/v3/orders` and a trailing slash reach the same place without a redirect, which PHP's cURL would not
follow (docs/orders-api.md, "The request").
"""

import re
from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

_SLASHES = re.compile(r"/{2,}")


class Edge:
    """Sends a request to its place: the busiest ones directly, all others through the router."""

    def __init__(
        self, router: ASGIApp, direct: Mapping[str, ASGIApp], below: Mapping[str, ASGIApp] | None = None
    ) -> None:
        """`direct` are the places of whole paths, `below` those of all paths that begin so."""
        self._router = router
        self._direct = direct
        self._below = list((below or {}).items())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path = scope["path"]
        place = self._direct.get(path)
        if place is None:
            path = tidy(path)
            place = self._direct.get(path) or self._place_below(path)
            scope["path"] = path
        await place(scope, receive, send)

    def _place_below(self, path: str) -> ASGIApp:
        for start, place in self._below:
            if path.startswith(start):
                return place
        return self._router


def tidy(path: str) -> str:
    """The path with single slashes and none at its end."""
    return _SLASHES.sub("/", "/" + path.strip("/"))
