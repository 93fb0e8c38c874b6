"""The public pages of a shop: its reviews, those of one product, and what stands with them by law.

Near the reviews (docs/law.md): whether and how they are checked, of each the dates of its publication, its last
change and the experience, and the order in which they stand. On the same page: how they come to be published, how
long they are kept, how the score is computed, and how many were received, published and rejected, by reason and
stars.
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
    """`url` is the public address, which the data for search engines names."""

    def __init__(self, database: Database, url: str) -> None:
        self._database = database
        self._url = url

    async def shop(self, request: Request) -> Response:
        """`GET /s/{shop}`: reviews of the shop, or with `?product=` of that product."""
        return await self._show(request, request.query_params.get("product", SITE), live=True)

    async def test(self, request: Request) -> Response:
        """`GET /s/{shop}/test`: the same for what test keys brought. Search engines are told to pass it over."""
        return await self._show(request, request.query_params.get("product", SITE), live=False)

    async def product(self, request: Request) -> Response:
        """`GET /s/{shop}/products/{product}`: that product's, with its data for search engines."""
        return await self._show(request, request.path_params["product"], live=True)

    async def of_key(self, request: Request) -> Response:
        """`GET /k/{public_key}/{scope}`: leads to the page of what the public API reads at the same address. So a
        shop's pages, which know their public key alone, can link to it."""
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
        return _kept_for_a_minute(request, answer, is_public=live)


def _kept_for_a_minute(request: Request, answer: Response, *, is_public: bool) -> Response:
    """The page as caches may keep it: what is withdrawn is gone everywhere after a minute. Search engines may find
    the public one."""
    tag = f'"{blake2b(bytes(answer.body), digest_size=12).hexdigest()}"'
    if is_public:
        del answer.headers["X-Robots-Tag"]
    answer.headers.update({"Cache-Control": "public, max-age=60", "Vary": "Accept-Language", "ETag": tag})
    if tag not in request.headers.get("if-none-match", ""):
        return answer
    kept = {name: text for name, text in answer.headers.items() if not name.startswith("content-")}
    return Response(status_code=304, headers=kept)
