"""Pages: Jinja2 with autoescape, in the reader's language, and headers under which no script runs and nothing
comes from elsewhere.

The words are named by their English text; `i18n/locales/<language>.po` has them in another language.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from importlib import resources

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from afterword.i18n.catalogue import ENGLISH, Catalogue, catalogues, choose, fill
from afterword.i18n.codes import CANCELLED_IN_WORDS, REASONS_IN_WORDS, UNFIT_IN_WORDS
from afterword.i18n.dates import day, number, written

SAFE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
"""On every answer but those of the Orders API. The address of a customer's page lets its holder act, so it is never
passed on."""

UNCACHED = {**SAFE_HEADERS, "Cache-Control": "no-store"}
ANYWHERE = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
"""On what pages of other origins may take."""

_CACHED = {**SAFE_HEADERS, "Cache-Control": "public, max-age=3600"}

_RANGE = re.compile(r"([a-z][a-z0-9-]{1,19})\s*(?:;\s*q=([01](?:\.[0-9]{0,3})?)\s*)?(?:,|$)", re.IGNORECASE)

LONGEST_ACCEPT_LANGUAGE = 500
"""Characters of the header that are looked at. Browsers send some thirty."""

_WITH_TEMPLATES = (
    "afterword.web",
    "afterword.web.customer",
    "afterword.web.dashboard",
    "afterword.web.shop",
    "afterword.web.ops",
)


def page(
    request: Request,
    name: str,
    lang: str | None = None,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: object,
) -> HTMLResponse:
    """A page in this language, or in the one that the browser asks for when None; English where there is no
    catalogue. It is kept by no cache unless `headers` say so."""
    catalogue = catalogue_of(request, lang)
    content = templates.get_template(name).render(
        catalogue=catalogue,
        lang=catalogue.lang,
        direction=catalogue.direction,
        root=root_of(request),
        **values,
    )
    return HTMLResponse(content, status_code=status, headers={**UNCACHED, **(headers or {})})


def catalogue_of(request: Request, lang: str | None) -> Catalogue:
    """Of this language, or of the one that the browser asks for when None."""
    return choose(lang, catalogues()) if lang else _accepted(request)


def static_file(
    name: str, media_type: str, headers: Mapping[str, str] | None = None
) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that answers with one file of the package, read once."""
    content = resources.files("afterword.web").joinpath("static", name).read_bytes()
    return partial(cached, content=content, media_type=media_type, headers=headers)


async def cached(
    request: Request, content: bytes, media_type: str, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer that caches may keep for an hour."""
    return Response(content, media_type=media_type, headers={**_CACHED, **(headers or {})})


def _accepted(request: Request) -> Catalogue:
    """The language that the browser likes best of those there are (RFC 9110 12.5.4), or English."""
    ranges = _RANGE.findall(request.headers.get("accept-language", "")[:LONGEST_ACCEPT_LANGUAGE])
    for tag, quality in sorted(ranges, key=lambda found: -float(found[1] or 1)):
        catalogue = choose(tag, catalogues())
        if float(quality or 1) and catalogue.lang.partition("-")[0] == tag.lower().partition("-")[0]:
            return catalogue
    return catalogues()[ENGLISH]


def root_of(request: Request) -> str:
    """The way from this page to the top, for links that also hold when a proxy puts all under a folder."""
    path: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    return "../" * (path.partition(b"?")[0].count(b"/") - 1) or "./"


@pass_context
def _say(context: Context, message: str, **values: object) -> Markup:
    """The message in the page's language. Each value in it, given here or the page's own, is escaped, and stands
    apart from the writing direction around it."""
    return _filled(context, context["catalogue"].gettext(message), values)


@pass_context
def _say_many(context: Context, singular: str, plural: str, count: int, **values: object) -> Markup:
    """The form of the message that goes with this number, which is `{{ count }}` in it."""
    form = context["catalogue"].ngettext(singular, plural, count)
    return _filled(context, form, {"count": count, **values})


def _filled(context: Context, message: str, values: Mapping[str, object]) -> Markup:
    def value(name: str) -> str:
        given = values[name] if name in values else context[name]
        return f"<bdi>{escape(written(given, context['lang']))}</bdi>"

    return Markup(fill(str(escape(message)), value))  # noqa: S704


@pass_context
def _day(context: Context, text: str) -> str:
    return day(text, context["lang"])


@pass_context
def _number(context: Context, value: float, pattern: str | None = None) -> str:
    return number(value, context["lang"], pattern)


def _legible(text: str) -> str:
    """What a customer typed, to be shown again in a field: a NUL, which no page can have, becomes U+FFFD."""
    return text.replace("\0", "\ufffd")


def _in_code(text: str) -> Markup:
    """The text, with what is between backticks marked as code."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704


templates = Environment(
    loader=ChoiceLoader([PackageLoader(package) for package in _WITH_TEMPLATES]),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
templates.globals.update(
    {
        "_": _say,
        "ngettext": _say_many,
        "reasons_in_words": REASONS_IN_WORDS,
        "unfit_in_words": UNFIT_IN_WORDS,
        "cancelled_in_words": CANCELLED_IN_WORDS,
    }
)
templates.filters.update({"day": _day, "number": _number, "in_code": _in_code, "legible": _legible})
