"""A shop's public pages: the reviews of the shop or of one product, and the information that the law requires.

Next to the reviews (docs/law.md): whether and how they are verified, the dates of each review's publication, last
change and experience, and the order in which reviews are sorted. On the same page: how reviews are moderated, how
long they are kept, how the score is computed, and how many were received, published and rejected, by reason and
rating.
"""

from functools import partial
from hashlib import blake2b

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from afterword.domain.reviews.review import SITE
from afterword.i18n.catalogue import catalogues
from afterword.store.engine.database import Database
from afterword.store.shops import find_public_key
from afterword.web.render import UNCACHED, page
from afterword.web.shop.product_data import product_data
from afterword.web.shop.reading import PageQuery, is_scope, read_page, read_query
from afterword.web.shop.view import page_path, shop_view


class ShopPages:
    """`url` is the public address, which the structured data contains."""

    def __init__(self, database: Database, url: str) -> None:
        self._database = database
        self._url = url

    async def shop(self, request: Request) -> Response:
        """`GET /s/{shop}`: the shop's reviews, or those of one product with `?product=`."""
        return await self._show(request, request.query_params.get("product", SITE), live=True)

    async def test(self, request: Request) -> Response:
        """`GET /s/{shop}/test`: the same in test mode. Search engines are asked not to index it."""
        return await self._show(request, request.query_params.get("product", SITE), live=False)

    async def product(self, request: Request) -> Response:
        """`GET /s/{shop}/products/{product}`: a product's reviews, with structured data."""
        return await self._show(request, request.path_params["product"], live=True)

    async def of_key(self, request: Request) -> Response:
        """`GET /k/{public_key}/{scope}`: redirects to the page with the reviews that the public API returns for the
        same key and scope, so that a shop's web pages, which only know the public key, can link to it."""
        key, scope = request.path_params["public_key"], request.path_params["scope"]
        content = await self._database.read(lambda tx: find_public_key(tx, key))
        if content is None or not is_scope(scope):
            raise HTTPException(404)
        shop, shown = content
        to = f"../../{page_path(PageQuery(scope, shown.live), shop)}" + (
            "" if shown.live or scope == SITE else f"?product={scope}"
        )
        return Response(status_code=302, headers={**UNCACHED, "Location": to})

    async def _show(self, request: Request, scope: str, *, live: bool) -> Response:
        asked = read_query(request.query_params, scope, live=live)
        shop_id: str = request.path_params["shop"]
        if asked is None or not (shop_id.isascii() and shop_id.isdecimal()):
            raise HTTPException(404)
        content = await self._database.read(partial(read_page, shop_id=shop_id, asked=asked))
        if content is None:
            raise HTTPException(404)
        wanted = request.query_params.get("lang")
        lang = wanted if wanted in catalogues() else None
        view = shop_view(asked, content, lang)
        data = product_data(content, f"{self._url}/{view.path}") if live and content.product else None
        answer = page(request, "showing.html", lang, view=view, data=data)
        return _cached_for_a_minute(request, answer, is_public=live)


def _cached_for_a_minute(request: Request, answer: Response, *, is_public: bool) -> Response:
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
