"""A shop's public pages: the reviews of the shop or of one product, and the information that the law requires.

Next to the reviews (docs/law.md): whether and how they are verified, the dates of each review's publication, last
change and experience, and the order in which reviews are sorted. On the same page: how reviews are moderated, how
long they are kept, how the score is computed, and how many were received, published and rejected, by reason and
rating.
"""

from hashlib import blake2b
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from afterword.base.clock import Clock
from afterword.domain.reviews.review import SITE
from afterword.store.engine.database import Database
from afterword.store.shops import find_public_key
from afterword.web.render import UNCACHED, catalogue_of, page
from afterword.web.shop.product_data import product_data
from afterword.web.shop.reading import (
    PageQuery,
    chosen_language,
    read_page,
    read_query,
    read_shop_id,
    scope_in,
)
from afterword.web.shop.view import page_path, shop_view


class ShopPages:
    """`url` is the public address, which the structured data contains."""

    def __init__(self, database: Database, clock: Clock, url: str) -> None:
        self._database = database
        self._clock = clock
        self._url = url

    async def show(self, request: Request, *, live: bool = True) -> Response:
        """`GET /s/{shop}`: the shop's reviews, or with `?product=` those of one product, which also have the address
        `/s/{shop}/products/{product}`. `/s/{shop}/test`: the same in test mode; search engines are asked not to index
        it. Pages of products in live mode have structured data."""
        asked, shop_id = read_query(request, live=live), read_shop_id(request)
        content = await self._database.read(lambda tx: read_page(tx, shop_id, asked, self._clock()))
        if content is None:
            raise HTTPException(404)
        lang = chosen_language(request)
        address = f"{self._url}/{page_path(asked, content.shop)}"
        customer = catalogue_of(request, lang).gettext("A customer")
        data = product_data(content, address, customer) if live and content.product else None
        answer = page(request, "showing.html", lang, view=shop_view(asked, content, lang), data=data)
        return cached_for_a_minute(request, answer, is_public=live)

    async def of_key(self, request: Request) -> Response:
        """`GET /k/{public_key}/{scope}`: redirects to the page with the reviews that the public API returns for the
        same key and scope, so that a shop's web pages, which only know the public key, can link to it."""
        key, scope = request.path_params["public_key"], scope_in(request.path_params["scope"])
        found = await self._database.read(lambda tx: find_public_key(tx, key))
        if found is None:
            raise HTTPException(404)
        shop, shown = found
        to = f"../../{page_path(PageQuery(scope, shown.live), shop)}"
        if not shown.live and scope != SITE:
            to += f"?product={quote(scope, safe='')}"
        return Response(status_code=302, headers={**UNCACHED, "Location": to})


def cached_for_a_minute(request: Request, answer: Response, *, is_public: bool) -> Response:
    """Lets caches keep the page for a minute, so a withdrawn review disappears everywhere after that. Search engines
    may index the live page."""
    tag = f'"{blake2b(bytes(answer.body), digest_size=12).hexdigest()}"'
    if is_public:
        del answer.headers["X-Robots-Tag"]
    answer.headers.update({"Cache-Control": "public, max-age=60", "Vary": "Accept-Language", "ETag": tag})
    if tag not in request.headers.get("if-none-match", ""):
        return answer
    headers = {name: text for name, text in answer.headers.items() if not name.startswith("content-")}
    return Response(status_code=304, headers=headers)
