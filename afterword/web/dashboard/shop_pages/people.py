"""People and privacy: what is kept of one person, exported and erased, and how long names and addresses stay."""

import asyncio
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from starlette.responses import Response

from afterword.actions import people, shops
from afterword.actions.people import Person
from afterword.base.errors import Refused
from afterword.base.security import log
from afterword.domain.messages import State
from afterword.domain.orders.email import check_address
from afterword.domain.reviews.chain import Signer
from afterword.domain.shops import Shop, parse_keep_for
from afterword.mail.outbox import remove_emails
from afterword.store.engine.database import Database
from afterword.web.dashboard.access import (
    DASHBOARD_HEADERS,
    Button,
    Page,
    PageOrForm,
    Place,
    Question,
    redirect,
)
from afterword.web.dashboard.frame import Frame, Moments
from afterword.web.dashboard.shop_pages.fields import checked, typed
from afterword.web.render import UNCACHED

MOST_ORDERS_SHOWN = 100
"""Orders of a person that a page has; an export has up to MOST_ORDERS_EXPORTED."""

MOST_ORDERS_EXPORTED = 10_000

_YEAR = 365 * 86_400
_YEARS = {1: "1 year", 2: "2 years", 3: "3 years", 5: "5 years", 10: "10 years"}
_SENT: tuple[State, ...] = ("sent", "answered")


class Kept(NamedTuple):
    """A row of what is kept: what it is, which, its page, since when (epoch seconds), and until when."""

    what: str
    which: str
    path: str
    since: int
    until: str


class PeoplePages:
    def __init__(self, database: Database, frame: Frame, signer: Signer, outbox: Path | None) -> None:
        self._database = database
        self._frame = frame
        self._signer = signer
        self._outbox = outbox

    def pages(self) -> list[PageOrForm]:
        return [
            Page("/people", self.shown, "moderator"),
            Question("/people", self.find, "moderator"),
            Button("/people/export", self.export, "owner"),
            Button("/people/erase", self.erase, "owner"),
            Button("/people/keep", self.keep, "owner"),
        ]

    async def shown(self, place: Place) -> Response:
        return await self._page(place, "", None, {})

    async def _page(self, place: Place, email: str, found: Person | None, errors: dict[str, str]) -> Response:
        moment = Moments(place.shop.timezone, place.now)
        return await self._frame.page(
            place,
            "people.html",
            at="/people",
            status=422 if errors else 200,
            email=email,
            found=found,
            errors=errors,
            tally=_tally(found) if found else {},
            kept=list(_kept(found, place.shop, moment)) if found else [],
            first=min((each.details.more.received_at for each in found.orders), default=0) if found else 0,
            is_cut=found is not None and len(found.orders) == MOST_ORDERS_SHOWN,
            years=_choices(place.shop),
            keep_for=f"{place.shop.keep_for // 86_400}d",
        )

    async def find(self, place: Place) -> Response:
        """The address is in the body, so that no log of a proxy has it."""
        given, errors = typed(place.form, "email"), dict[str, str]()
        instead = "Write an e-mail address, such as name@mail.example."
        email = checked(check_address, given, "email", errors, instead)
        if email is None:
            return await self._page(place, given, None, errors)
        return await self._page(place, email, await self._person(place, email, MOST_ORDERS_SHOWN), {})

    async def _person(self, place: Place, email: str, most: int) -> Person:
        return await self._database.read(partial(people.person, shop=place.shop, email=email, most=most))

    async def export(self, place: Place) -> Response:
        """A file with all that is kept."""
        found = await self._person(place, typed(place.form, "email"), MOST_ORDERS_EXPORTED)
        if not found.is_known:
            raise Refused("This shop keeps nothing of this address.")
        fields = await asyncio.to_thread(people.exported, found, place.shop, self._outbox, place.now)
        log.info("person exported", shop=place.shop.id, orders=len(found.orders), by=_by(place))
        headers = {"Content-Disposition": 'attachment; filename="person.json"'}
        content = json.dumps(fields, ensure_ascii=False, indent=2)
        return Response(content, 200, {**UNCACHED, **DASHBOARD_HEADERS, **headers}, "application/json")

    async def erase(self, place: Place) -> Response:
        email = typed(place.form, "email")
        if not email or typed(place.form, "sure").lower() != email.lower():
            raise Refused("Type the e-mail address of the person to confirm. Nothing was erased.")
        shop, now = place.shop, place.now
        stop = partial(people.stop_writing_to, shop=shop, email=email, now=now)
        await self._database.write(stop, shop.id)
        find, orders = partial(people.next_order_of, shop=shop, email=email), 0
        while order := await self._database.read(find):
            if self._outbox:
                await asyncio.to_thread(remove_emails, self._outbox, order.id_order, order.email)
            erase = partial(people.erase_order, order=order, signer=self._signer, now=now)
            await self._database.write(erase, shop.id)
            orders += 1
        left = await asyncio.to_thread(self._database.scrub)
        log.info("person erased", shop=shop.id, orders=orders, by=_by(place), left=left)
        done = "person-erased-but-files" if left else "person-erased"
        return redirect(place.request, f"{place.path}/people?done={done}")

    async def keep(self, place: Place) -> Response:
        errors: dict[str, str] = {}
        keep_for = checked(
            parse_keep_for, typed(place.form, "keep_for"), "keep_for", errors, "Choose a period."
        )
        if keep_for is None:
            return await self._page(place, "", None, errors)
        work = partial(shops.change, shop=place.shop, now=place.now, keep_for=keep_for)
        await self._database.write(work, place.shop.id)
        log.info("shop changed", shop=place.shop.id, fields="keep_for", by=_by(place))
        return redirect(place.request, f"{place.path}/people?done=saved")


def _by(place: Place) -> int:
    return place.visitor.session.user_id


def _choices(shop: Shop) -> dict[str, str]:
    """The periods to choose from, and the present one."""
    found = {f"{years * 365}d": name for years, name in _YEARS.items()}
    days = shop.keep_for // 86_400
    return (
        found if shop.keep_for % _YEAR == 0 and f"{days}d" in found else found | {f"{days}d": f"{days} days"}
    )


def _tally(found: Person) -> dict[str, int]:
    return {
        "Orders": len(found.orders),
        "E-mails sent": sum(each.details.invitation.state in _SENT for each in found.orders),
        "Reviews": sum(len(each.details.reviews) for each in found.orders),
        "Past versions": sum(len(past) for each in found.orders for past in each.versions.values()),
    }


def _kept(found: Person, shop: Shop, moment: Moments) -> Iterator[Kept]:
    """The newest order first, each with its reviews below it."""
    for each in reversed(found.orders):
        order, more, reviews = each.details.order, each.details.more, each.details.reviews
        what = "Order" if order.live else "Test order"
        until = moment.day(people.kept_until(shop, more.received_at))
        yield Kept(what, order.id_order, f"/orders/{order.id_order}", more.received_at, until)
        if reviews:
            what = "1 review" if len(reviews) == 1 else f"{len(reviews)} reviews"
            written = min(review.written_at for review in reviews)
            yield Kept(what, f"of order {order.id_order}", "", written, "withdrawn or erased")
    for suppression in found.suppressions:
        yield Kept("Do-not-e-mail list", suppression.reason, "", suppression.created_at, "taken off the list")
