"""The widget's words, `GET /widget/{lang}.json`: those of the page that it is on, from the catalogue."""

from collections.abc import Callable
from functools import cache

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from afterword.i18n.catalogue import catalogues, choose, counted, sentence
from afterword.i18n.dates import locale_of
from afterword.web.render import ANYWHERE, cached

WORDS = {
    "rating": sentence("{{ rating }} out of 5 stars"),
    "none": sentence("No reviews yet"),
    "all": sentence("All reviews"),
    "list": sentence("Reviews"),
    "sorted": sentence("Newest first"),
    "how": sentence("How reviews are checked"),
    "customer": sentence("A customer"),
    "published": sentence("Published on {{ date }}"),
    "ordered": sentence("ordered on {{ date }}"),
    "undated": sentence("date of experience not known"),
    "imported": sentence("Imported from {{ source }}, not verified by us."),
    "replied": sentence("The shop replied on {{ date }}:"),
    "read": sentence("Read our reviews"),
}

REVIEWS = counted("{{ count }} review", "{{ count }} reviews")

SAMPLES = (1_000_000, *reversed(range(200)))
"""Numbers of every plural form of every language, the plainest last."""


async def widget_words(request: Request) -> Response:
    """The words of a language tag, or the English ones where there is no catalogue."""
    words = _words(choose(request.path_params["lang"], catalogues()).lang)
    return await cached(request, words, "application/json", ANYWHERE)


@cache
def _words(lang: str) -> bytes:
    """What the script says, how its numbers and dates are written (`locale`), and which way it runs.

    `reviews` has the forms by the names that `Intl.PluralRules` gives to numbers.
    """
    catalogue, locale = catalogues()[lang], locale_of(lang)
    plural: Callable[[int], str] = locale.plural_form
    said = {name: catalogue.gettext(message) for name, message in WORDS.items()}
    forms = {plural(count): catalogue.ngettext(*REVIEWS, count) for count in SAMPLES}
    about = {"lang": lang, "dir": catalogue.direction, "locale": str(locale).replace("_", "-")}
    reviews = {"other": catalogue.ngettext(*REVIEWS, SAMPLES[0]), **forms}
    return msgspec.json.encode({**about, **said, "reviews": reviews})
