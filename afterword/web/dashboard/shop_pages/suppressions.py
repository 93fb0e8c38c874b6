"""The do-not-e-mail list: who gets no e-mails of a shop, and why."""

from collections.abc import Mapping
from functools import partial

from starlette.responses import Response

from afterword.actions import suppressions
from afterword.base.errors import Refused
from afterword.base.security import log
from afterword.domain.orders.email import check_address
from afterword.domain.people.suppressions import SUPPRESSION_REASONS
from afterword.store.engine.database import Database
from afterword.web.dashboard.access import Button, Page, PageOrForm, Place, redirect
from afterword.web.dashboard.frame import Frame, asked
from afterword.web.dashboard.shop_pages.fields import checked, typed

_MOST_SHOWN = 200

_WHY = {
    "unsubscribed": ("", "Unsubscribed"),
    "bounced": ("bad", "Bounced"),
    "complained": ("bad", "Complained"),
    "erased": ("", "Erased"),
    "by the shop": ("info", "By us"),
}
"""What a reason means by its colour, and its word."""

_IF_REMOVED = {
    "unsubscribed": "This person unsubscribed: it is their own wish. Remove the address only if they have asked to "
    "get e-mails again.",
    "complained": "This person reported an e-mail as spam. Remove the address only if they have asked to get e-mails "
    "again.",
    "bounced": "Mail to this address came back. If it does again, the address returns to this list.",
    "erased": "This person's data was erased. Remove the address only if they have asked to get e-mails again.",
    "by the shop": "Somebody at the shop has put the address here. Remove it only if this person wants e-mails.",
}


class Suppressions:
    def __init__(self, database: Database, frame: Frame) -> None:
        self._database = database
        self._frame = frame

    def pages(self) -> list[PageOrForm]:
        return [
            Page("/suppressions", self.listed),
            Button("/suppressions", self.add, "moderator"),
            Button("/suppressions/remove", self.remove, "owner"),
        ]

    async def listed(self, place: Place) -> Response:
        return await self._page(place, "", {})

    async def _page(self, place: Place, email: str, errors: Mapping[str, str]) -> Response:
        read = partial(suppressions.newest, shop=place.shop, live=place.live, most=_MOST_SHOWN + 1)
        rows = await self._database.read(read)
        return await self._frame.page(
            place,
            "suppressions.html",
            at="/suppressions",
            status=422 if errors else 200,
            rows=rows[:_MOST_SHOWN],
            has_more=len(rows) > _MOST_SHOWN,
            why=_WHY,
            if_removed=_IF_REMOVED,
            sure=asked(place).get("remove", ""),
            email=email,
            errors=errors,
        )

    async def add(self, place: Place) -> Response:
        errors: dict[str, str] = {}
        given = typed(place.form, "email")
        instead = "Write an e-mail address, such as name@mail.example."
        email = checked(check_address, given, "email", errors, instead)
        if email is None:
            return await self._page(place, given, errors)
        reason = SUPPRESSION_REASONS[-1]
        work = partial(suppressions.add, shop=place.shop, email=email, reason=reason, now=place.now)
        is_new = await self._database.write(work, place.shop.id)
        by = place.visitor.session.user_id
        log.info("suppression added", shop=place.shop.id, reason=reason, new=is_new, by=by)
        return redirect(place.request, f"{place.path}/suppressions?done=suppressed")

    async def remove(self, place: Place) -> Response:
        email = typed(place.form, "email")
        work = partial(suppressions.remove, shop=place.shop, email=email, now=place.now)
        try:
            await self._database.write(work, place.shop.id)
        except Refused as refused:
            raise Refused("This address is not on the list any more.") from refused
        log.info("suppression removed", shop=place.shop.id, by=place.visitor.session.user_id)
        return redirect(place.request, f"{place.path}/suppressions?done=allowed")
