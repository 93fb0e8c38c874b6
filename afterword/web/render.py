"""Pages: Jinja2 with autoescape, and headers under which no script and nothing from elsewhere runs."""

from collections.abc import Awaitable, Callable, Mapping
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
}

_templates = Environment(
    loader=PackageLoader("afterword.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(
    name: str, lang: str, *, status: int = 200, headers: Mapping[str, str] = _HEADERS, **values: object
) -> HTMLResponse:
    """A page in the language asked for, or English."""
    content = _templates.get_template(name).render(lang=lang, **values)
    return HTMLResponse(content, status_code=status, headers={**_HEADERS, **headers})


def static_file(name: str, media_type: str) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that answers with one file of the package, read once."""
    content = resources.files("afterword.web").joinpath("static", name).read_bytes()
    headers = {**_HEADERS, "Cache-Control": "public, max-age=3600"}

    async def answer(request: Request) -> Response:
        return Response(content, media_type=media_type, headers=headers)

    return answer
