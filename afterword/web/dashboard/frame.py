"""What all pages of the dashboard have in common: navigation, the shop and who is signed in, dates and numbers."""

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from starlette.responses import HTMLResponse

from afterword.domain.people.users import ROLES, Role, may
from afterword.i18n.dates import locale_of
from afterword.store.engine.database import Database
from afterword.store.reviews.pages import Selection, count_selected
from afterword.web.dashboard.access import DASHBOARD_HEADERS, Place
from afterword.web.dashboard.look import SPRITE
from afterword.web.render import page

LANG = "en"
"""Of the dashboard, whose words are not translated."""

DONE = {
    "published": "The review is published.",
    "rejected": "The review is rejected.",
    "replied": "Your reply is saved. It is shown while the review is published.",
    "unreplied": "Your reply is removed.",
    "disputed": "Your dispute is saved. It is shown beside the review while that is published.",
    "erased": "The review is erased: its words, its author’s name, the reply, the dispute and all past versions.",
    "erased-but-files": "The review is erased. Files may still hold its words: the log says which.",
    "cancelled": "The e-mail is cancelled.",
    "moved": "The e-mail has another time.",
    "sent": "The e-mail goes out now.",
    "settled": "The e-mail counts as delivered.",
    "saved": "The settings are saved.",
    "revoked": "The key is revoked: requests with it are refused from now on.",
    "unhooked": "The webhook is removed.",
    "role": "The role is changed.",
    "ended": "The session is ended.",
    "invited": "They can sign in now.",
    "removed": "They have no access to this shop any more.",
    "tolerant": "Orders may now lack a name, and products without an id or a name are left out.",
    "person-erased": "Everything of this person is erased, and they are not e-mailed again.",
    "person-erased-but-files": "Everything of this person is erased from what is in use. Files of the database may "
    "still hold some of it: the log says which.",
    "suppressed": "This address gets no e-mails from this shop any more.",
    "allowed": "This address gets e-mails again.",
}
"""What a page says after a button was pressed and has done its work, by `?done=`."""


class NavLink(NamedTuple):
    """A page in the navigation, shown to those who may see it. `path` is below the shop's; `icon` is a symbol."""

    path: str
    icon: str
    name: str
    needs: Role = "reader"


NAV: tuple[tuple[str, tuple[NavLink, ...]], ...] = (
    (
        "",
        (
            NavLink("", "home", "Today"),
            NavLink("/orders", "box", "Orders"),
            NavLink("/moderation", "queue", "Moderation"),
            NavLink("/reviews", "quote", "Reviews"),
        ),
    ),
    ("E-mails", (NavLink("/suppressions", "ban", "Do-not-e-mail list"),)),
    (
        "Data",
        (
            NavLink("/refused", "alert", "Refused orders"),
            NavLink("/people", "person", "People and privacy", "moderator"),
        ),
    ),
    (
        "Connect",
        (NavLink("/keys", "key", "API keys", "owner"), NavLink("/webhooks", "bolt", "Webhooks", "owner")),
    ),
    ("Shop", (NavLink("/settings", "gear", "Settings", "owner"), NavLink("/team", "people", "Team"))),
)
"""The navigation: headings, and the pages below each."""


class Frame:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, place: Place, template: str, *, at: str, status: int = 200, **values: Any
    ) -> HTMLResponse:
        """A page of the dashboard; `at` is the link of the navigation that it belongs to."""
        shop_id, live = place.shop.id, place.live
        waiting = await self._database.read(
            lambda tx: count_selected(tx, Selection(shop_id, live, states=("waiting",)))
        )
        return page(
            place.request,
            template,
            LANG,
            status=status,
            headers=DASHBOARD_HEADERS,
            place=place,
            at=at,
            nav=NAV,
            counts={"/moderation": waiting},
            done=DONE.get(place.request.query_params.get("done", "")),
            may=lambda needed: may(place.role, needed),
            allowed=[each for each in ROLES if may(place.role, each)],
            moment=Moments(place.shop.timezone, place.now),
            sprite=SPRITE,
            **values,
        )


class Moments:
    """Writes moments (epoch seconds) in the shop's time zone."""

    def __init__(self, timezone: str, now: float) -> None:
        self._zone = ZoneInfo(timezone)
        self._today = self._at(now).date()

    def _at(self, seconds: float) -> datetime:
        return datetime.fromtimestamp(seconds, self._zone)

    def short(self, seconds: float) -> str:
        """28 Nov, 14:21; of today the time alone, and of another year with it."""
        at = self._at(seconds)
        if at.date() == self._today:
            return self._as(at, "'today', HH:mm")
        return self._as(at, "d MMM, HH:mm" if at.year == self._today.year else "d MMM y, HH:mm")

    def time(self, seconds: float) -> str:
        """14:21."""
        return self._as(self._at(seconds), "HH:mm")

    @property
    def end_of_day(self) -> float:
        """The last second of today (epoch seconds)."""
        return datetime.combine(self._today, time.max, self._zone).timestamp()

    def day(self, seconds: float) -> str:
        """28 November; of another year with it."""
        at = self._at(seconds)
        return self._as(at, "d MMMM" if at.year == self._today.year else "d MMMM y")

    def whole(self, seconds: float) -> str:
        """Saturday 28 November 2026, 14:21."""
        return self._as(self._at(seconds), "EEEE d MMMM y, HH:mm")

    def iso(self, seconds: float) -> str:
        """For the attribute of `<time>`, and of a field for a time."""
        return self._at(seconds).strftime("%Y-%m-%dT%H:%M")

    @staticmethod
    def _as(at: datetime, pattern: str) -> str:
        return format_datetime(at, pattern, locale=locale_of(LANG))


def asked(place: Place) -> Mapping[str, str]:
    """The parameters of a page, each the last, cut where it is longer than any that a page of ours has."""
    given = place.request.query_params.items()
    return {name: value[:400].replace("\0", "\ufffd") for name, value in given}
