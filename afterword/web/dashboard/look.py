"""How all pages look: the one stylesheet, made of the files of `static/look`, and the one sprite of symbols."""

import re
from collections.abc import Awaitable, Callable
from functools import partial
from importlib import resources

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from afterword.web.render import cached

PARTS = ("tokens", "components", "customer", "dashboard")

_FOLDER = resources.files("afterword.web").joinpath("static", "look")


def stylesheet() -> Callable[[Request], Awaitable[Response]]:
    """The endpoint that answers with it."""
    content = b"\n".join(_FOLDER.joinpath(f"{part}.css").read_bytes() for part in PARTS)
    return partial(cached, content=content, media_type="text/css; charset=utf-8")


def _sprite() -> Markup:
    """Every symbol, of which a page refers to some."""
    text = _FOLDER.joinpath("icons.svg").read_text("utf-8")
    symbols = "".join(re.findall(r"<symbol.*?</symbol>", text, re.DOTALL))
    return Markup(re.sub(r'(id="|href="#)', r"\1i-", symbols))  # noqa: S704 (our own file)


SPRITE = _sprite()
