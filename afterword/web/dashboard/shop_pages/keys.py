"""The keys of a shop: which there are, a new one, and revoking one."""

from collections.abc import Mapping
from functools import partial

from starlette.exceptions import HTTPException
from starlette.responses import Response

from afterword.actions import keys
from afterword.base.errors import Refused
from afterword.base.security import log
from afterword.domain.shops import KEY_SCOPES, Key, Shop, check_lang
from afterword.i18n.dates import english_name
from afterword.store.engine.database import Database, Transaction
from afterword.web.dashboard.access import Button, Page, PageOrForm, Place, number_in, redirect
from afterword.web.dashboard.frame import Frame, asked
from afterword.web.dashboard.shop_pages.fields import checked, languages, typed


class Keys:
    def __init__(self, database: Database, frame: Frame) -> None:
        self._database = database
        self._frame = frame

    def pages(self) -> list[PageOrForm]:
        return [
            Page("/keys", self.listed, "owner"),
            Button("/keys", self.add, "owner"),
            Button("/keys/revoke", self.revoke, "owner"),
        ]

    async def listed(self, place: Place) -> Response:
        return await self._page(place, {"lang": place.shop.lang, **dict.fromkeys(KEY_SCOPES, "on")}, {})

    async def _page(
        self,
        place: Place,
        given: Mapping[str, str],
        errors: Mapping[str, str],
        new: tuple[Key, str] | None = None,
    ) -> Response:
        """The keys of this mode, those that work first. `new` is shown only this once."""
        found = await self._database.read(lambda tx: keys.listed(tx, place.shop))
        shown = [each for each in found if each.key.live == place.live]
        return await self._frame.page(
            place,
            "keys.html",
            at="/keys",
            status=422 if errors else 200,
            rows=sorted(shown, key=lambda each: each.key.revoked_at is not None),
            new=new,
            sure=number_in(asked(place).get("revoke", "")),
            given=given,
            errors=errors,
            languages=languages(given["lang"] or place.shop.lang),
            named={each.key.lang: english_name(each.key.lang) for each in shown},
        )

    async def add(self, place: Place) -> Response:
        """Answers with the key itself, which no page shows again."""
        given = {name: typed(place.form, name) for name in ("lang", *KEY_SCOPES)}
        errors: dict[str, str] = {}
        scopes = tuple(scope for scope in KEY_SCOPES if given[scope])
        if not scopes:
            errors["orders"] = "Choose at least one thing that the key is for."
        lang = checked(check_lang, given["lang"], "lang", errors)
        if errors:
            return await self._page(place, given, errors)
        work = partial(keys.add, shop=place.shop, lang=lang, now=place.now, live=place.live, scopes=scopes)
        new = await self._database.write(work, place.shop.id)
        by = place.visitor.session.user_id
        log.info(
            "key added",
            shop=place.shop.id,
            key=new[0].id,
            live=place.live,
            scopes=" ".join(new[0].scopes),
            by=by,
        )
        return await self._page(place, {"lang": place.shop.lang, **dict.fromkeys(KEY_SCOPES, "on")}, {}, new)

    async def revoke(self, place: Place) -> Response:
        number = number_in(place.form.get("key", ""))
        work = partial(_revoke, shop=place.shop, number=number, live=place.live, now=place.now)
        if not await self._database.write(work, place.shop.id):
            raise HTTPException(404)
        by = place.visitor.session.user_id
        log.info("key revoked", shop=place.shop.id, key=number, live=place.live, by=by)
        return redirect(place.request, f"{place.path}/keys?done=revoked")


def _revoke(tx: Transaction, shop: Shop, number: int, live: bool, now: float) -> bool:
    """Whether this shop and mode has this private key: a public one could not be replaced. Raises Refused."""
    for key, public in keys.listed(tx, shop):
        if key.id == number and key.live == live and public is None:
            if key.revoked_at is not None:
                raise Refused("This key was revoked before.")
            keys.revoke(tx, number, now)
            return True
    return False
