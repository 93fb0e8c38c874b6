"""The webhooks of a shop: which there are and how they work, a new one, a test, and removing one."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import cached_property, partial

from starlette.exceptions import HTTPException
from starlette.responses import Response

from afterword.actions import webhooks
from afterword.base.errors import Refused
from afterword.base.security import log
from afterword.domain.shops import Shop
from afterword.store.engine.database import Database, Transaction
from afterword.store.webhooks import Webhook, webhook_of
from afterword.web.dashboard.access import Button, Page, PageOrForm, Place, number_in, redirect
from afterword.web.dashboard.frame import Frame, asked
from afterword.web.dashboard.shop_pages.fields import sentence, typed
from afterword.webhooks.addresses import Network
from afterword.webhooks.sending import Answer, Sender

_NAME_PATIENCE = 5.0
"""Seconds for a name to be looked up. One that takes longer is accepted: it is looked up again for each delivery."""


class Webhooks:
    """`allowed` are networks that may be reached besides what is public."""

    def __init__(self, database: Database, frame: Frame, allowed: Sequence[Network] = ()) -> None:
        self._database = database
        self._frame = frame
        self._allowed = allowed

    @cached_property
    def _sender(self) -> Sender:
        return Sender(self._allowed)

    def pages(self) -> list[PageOrForm]:
        return [
            Page("/webhooks", self.listed, "owner"),
            Button("/webhooks", self.add, "owner"),
            Button("/webhooks/remove", self.remove, "owner"),
            Button("/webhooks/test", self.test, "owner"),
        ]

    async def listed(self, place: Place) -> Response:
        return await self._page(place)

    async def _page(
        self,
        place: Place,
        *,
        url: str = "",
        errors: Mapping[str, str] | None = None,
        new: Webhook | None = None,
        tested: tuple[Webhook, Answer] | None = None,
    ) -> Response:
        """The webhooks of this mode. The secret of `new` is shown only this once."""
        found = await self._database.read(lambda tx: webhooks.listed(tx, place.shop))
        return await self._frame.page(
            place,
            "webhooks.html",
            at="/webhooks",
            status=422 if errors else 200,
            rows=[each for each in found if each.webhook.live == place.live],
            url=url,
            errors=errors or {},
            new=new,
            tested=tested,
            sure=number_in(asked(place).get("remove", "")),
        )

    async def add(self, place: Place) -> Response:
        """Answers with the secret, which no page shows again."""
        url = typed(place.form, "url")
        try:
            await self._check(url)
            work = partial(webhooks.add, shop=place.shop, url=url, now=place.now, live=place.live)
            new = await self._database.write(work, place.shop.id)
        except Refused as refused:
            return await self._page(place, url=url, errors={"url": sentence(refused)})
        self._log("webhook added", place, new.id)
        return await self._page(place, new=new)

    async def _check(self, url: str) -> None:
        """Raises Refused."""
        try:
            checking = asyncio.to_thread(webhooks.check_url, url, self._allowed)
            await asyncio.wait_for(checking, _NAME_PATIENCE)
        except TimeoutError:
            pass

    async def remove(self, place: Place) -> Response:
        number = number_in(place.form.get("webhook", ""))
        work = partial(_remove, shop=place.shop, number=number, live=place.live)
        if not await self._database.write(work, place.shop.id):
            raise HTTPException(404)
        self._log("webhook removed", place, number)
        return redirect(place.request, f"{place.path}/webhooks?done=unhooked")

    async def test(self, place: Place) -> Response:
        """Sends a message now, and answers with what came back."""
        number = number_in(place.form.get("webhook", ""))
        found = await self._database.read(lambda tx: webhook_of(tx, place.shop.id, number))
        if found is None or found.live != place.live:
            raise HTTPException(404)
        answer = await webhooks.test(self._database, number, self._sender, place.now)
        return await self._page(place, tested=(found, answer))

    @staticmethod
    def _log(event: str, place: Place, number: int) -> None:
        by = place.visitor.session.user_id
        log.info(event, shop=place.shop.id, webhook=number, live=place.live, by=by)


def _remove(tx: Transaction, shop: Shop, number: int, live: bool) -> bool:
    """Whether this shop and mode had it."""
    found = webhook_of(tx, shop.id, number)
    if found is None or found.live != live:
        return False
    webhooks.remove(tx, number)
    return True
