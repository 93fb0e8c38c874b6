"""An e-mail as its customer gets it, inside the page of its order."""

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from afterword.actions import invitations
from afterword.mail.compose import Composer
from afterword.mail.links import harmless_links
from afterword.store.engine.database import Database
from afterword.web.dashboard.access import Page, PageOrForm, Place
from afterword.web.render import UNCACHED

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
"""An e-mail has its styles inside, and nothing else."""


class Preview:
    """Without a composer there is nothing to see."""

    def __init__(self, database: Database, url: str, composer: Composer | None) -> None:
        self._database = database
        self._url = url
        self._composer = composer

    def pages(self) -> list[PageOrForm]:
        return [Page("/emails/{order:path}", self.show)] if self._composer else []

    async def show(self, place: Place) -> Response:
        """As it would be composed now. Its links lead to the shop's public page: none acts for the customer."""
        named = place.request.path_params["order"]
        message = await self._database.read(
            lambda tx: invitations.message_to(tx, place.shop, named, live=place.live)
        )
        if message is None or not message.recipient.email or self._composer is None:
            raise HTTPException(404)
        content = self._composer.html(message, place.shop, harmless_links(place.shop, self._url))
        return HTMLResponse(content, headers={**UNCACHED, "Content-Security-Policy": _POLICY})
