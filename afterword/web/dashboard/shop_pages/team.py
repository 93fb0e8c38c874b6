"""The people of a shop: who they are, inviting someone, and changing or taking away a role."""

from collections.abc import Mapping
from functools import partial

from starlette.exceptions import HTTPException
from starlette.responses import Response

from afterword.actions import users
from afterword.base.security import log
from afterword.domain.orders.email import check_address
from afterword.domain.people.users import ROLES, Role, User, folded
from afterword.domain.shops import Shop
from afterword.store.engine.database import Database, Transaction
from afterword.store.users import team_of
from afterword.web.dashboard.access import Button, NotTakenHere, Page, PageOrForm, Place, number_in, redirect
from afterword.web.dashboard.frame import Frame, asked
from afterword.web.dashboard.shop_pages.fields import checked, typed

_MAY = (
    ("reader", "Sees orders, figures and reviews"),
    ("moderator", "Also publishes, rejects and replies, moves and cancels e-mails"),
    ("owner", "Also keys, webhooks, settings and the team"),
)


class Team:
    def __init__(self, database: Database, frame: Frame) -> None:
        self._database = database
        self._frame = frame

    def pages(self) -> list[PageOrForm]:
        return [
            Page("/team", self.listed),
            Button("/team", self.invite, "owner"),
            Button("/team/role", self.change, "owner"),
            Button("/team/remove", self.remove, "owner"),
        ]

    async def listed(self, place: Place) -> Response:
        return await self._page(place, {"email": "", "role": "moderator"}, {})

    async def _page(self, place: Place, given: Mapping[str, str], errors: Mapping[str, str]) -> Response:
        team = await self._database.read(lambda tx: team_of(tx, place.shop))
        return await self._frame.page(
            place,
            "team.html",
            at="/team",
            status=422 if errors else 200,
            team=team,
            roles=tuple(role for role, _ in _MAY),
            what_they_may=_MAY,
            sure=number_in(asked(place).get("remove", "")),
            given=given,
            errors=errors,
        )

    async def invite(self, place: Place) -> Response:
        given = {name: typed(place.form, name) for name in ("email", "role")}
        errors: dict[str, str] = {}
        instead = "Write an e-mail address, such as name@shop.example."
        email = checked(check_address, given["email"], "email", errors, instead)
        role = _role(given["role"])
        if role is None:
            errors["reader"] = "Choose a role."
        if email is None or role is None:
            return await self._page(place, given, errors)
        work = partial(_invite, shop=place.shop, email=email, role=role, now=place.now)
        user = await self._database.write(work, place.shop.id)
        if user is None:
            on_it = "This person is on the team already: change their role in the list."
            return await self._page(place, given, {"email": on_it})
        self._log("role given", place, user, role=role)
        return redirect(place.request, f"{place.path}/team?done=invited")

    async def change(self, place: Place) -> Response:
        """The role of someone on the team. Raises Refused for the last owner."""
        role = _role(typed(place.form, "role"))
        if role is None:
            raise NotTakenHere(400, "This form did not arrive whole.")
        email = typed(place.form, "email")
        work = partial(_change, shop=place.shop, email=email, role=role, now=place.now)
        user = await self._database.write(work, place.shop.id)
        if user is None:
            raise HTTPException(404)
        self._log("role given", place, user, role=role)
        return redirect(place.request, f"{place.path}/team?done=role")

    async def remove(self, place: Place) -> Response:
        """Raises Refused for the last owner."""
        work = partial(users.remove, shop=place.shop, email=typed(place.form, "email"))
        user = await self._database.write(work, place.shop.id)
        if user is None:
            raise HTTPException(404)
        self._log("role removed", place, user)
        is_self = user.id == place.visitor.session.user_id
        return redirect(place.request, "dashboard" if is_self else f"{place.path}/team?done=removed")

    @staticmethod
    def _log(event: str, place: Place, user: User, **fields: object) -> None:
        log.info(event, shop=place.shop.id, user=user.id, by=place.visitor.session.user_id, **fields)


def _role(text: str) -> Role | None:
    return next((role for role in ROLES if role == text), None)


def _invite(tx: Transaction, shop: Shop, email: str, role: Role, now: float) -> User | None:
    """The new member of the team; None if they are on it already."""
    return None if _is_on(tx, shop, email) else users.invite(tx, shop, email, role, now)


def _change(tx: Transaction, shop: Shop, email: str, role: Role, now: float) -> User | None:
    """The member of the team with this address and now this role; None if there is none."""
    return users.invite(tx, shop, email, role, now) if _is_on(tx, shop, email) else None


def _is_on(tx: Transaction, shop: Shop, email: str) -> bool:
    return any(each.user.email == folded(email) for each in team_of(tx, shop))
