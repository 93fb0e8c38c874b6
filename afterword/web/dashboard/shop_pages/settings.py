"""The settings of a shop, as `afterword shop set` takes them."""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from hashlib import blake2b
from typing import Any, NamedTuple
from zoneinfo import available_timezones

from starlette.responses import Response

from afterword.actions import shops
from afterword.base.errors import Refused
from afterword.base.security import log
from afterword.domain.orders.email import check_address
from afterword.domain.shops import (
    Shop,
    check_lang,
    check_name,
    check_order_rules,
    check_phones,
    check_site,
    check_timezone,
    format_delay,
    format_mode,
    parse_delay,
    parse_mode,
)
from afterword.store.engine.database import Database
from afterword.web.dashboard.access import Button, Page, PageOrForm, Place, redirect
from afterword.web.dashboard.frame import Frame
from afterword.web.dashboard.shop_pages.fields import checked, languages, sentence, typed


def _days(text: str) -> int:
    """A number alone is of days. Raises ValueError."""
    return parse_delay(f"{text}d" if text.isascii() and text.isdigit() else text)


class _Setting(NamedTuple):
    """How a field is called and read. One that `clears` may be empty."""

    label: str
    check: Callable[[str], Any]
    clears: bool = False
    instead: str = ""


_A_DELAY = "Write a number of days up to 366, such as 10, or a time such as 36h or 90m."

_SETTINGS = {
    "name": _Setting("Name", check_name),
    "site": _Setting("Web address", check_site, clears=True),
    "email": _Setting(
        "E-mail address", check_address, True, "Write an e-mail address, such as hello@shop.example."
    ),
    "phones": _Setting("Telephone numbers", check_phones, clears=True),
    "lang": _Setting("Language", check_lang),
    "timezone": _Setting("Time zone", check_timezone),
    "delay": _Setting("Delay", _days, instead=_A_DELAY),
    "moderation": _Setting("Moderation", parse_mode),
    "publish_after": _Setting("Publish after", _days, instead=_A_DELAY),
    "orders": _Setting("Incomplete orders", check_order_rules),
}


class SettingsPages:
    def __init__(self, database: Database, frame: Frame) -> None:
        self._database = database
        self._frame = frame

    def pages(self) -> list[PageOrForm]:
        return [Page("/settings", self.shown, "owner"), Button("/settings", self.save, "owner")]

    async def shown(self, place: Place) -> Response:
        return await self._page(place, _as_typed(place.shop), {})

    async def _page(self, place: Place, given: Mapping[str, str], errors: Mapping[str, str]) -> Response:
        return await self._frame.page(
            place,
            "settings.html",
            at="/settings",
            status=422 if errors else 200,
            given=given,
            made_of=_mark(place.shop),
            errors=errors,
            labels={name: setting.label for name, setting in _SETTINGS.items()},
            languages=languages(given["lang"]),
            timezones=_timezones(),
            lang_warning=shops.language_warning(place.shop.lang),
        )

    async def save(self, place: Place) -> Response:
        """A field that the form lacks keeps its value."""
        if place.form.get("made_of", _mark(place.shop)) != _mark(place.shop):
            raise Refused("Someone has changed these settings since this page was opened.")
        given = _as_typed(place.shop) | {
            name: typed(place.form, name) for name in _SETTINGS if name in place.form
        }
        errors: dict[str, str] = {}
        changes = {name: value for name, value in _read(given, errors) if value != getattr(place.shop, name)}
        if not errors and changes:
            try:
                work = partial(shops.change, shop=place.shop, now=place.now, **changes)
                await self._database.write(work, place.shop.id)
            except Refused as refused:
                if "name" not in changes:
                    raise
                errors["name"] = sentence(refused)
        if errors:
            return await self._page(place, given, errors)
        if changes:
            fields = " ".join(sorted(changes))
            log.info("shop changed", shop=place.shop.id, fields=fields, by=place.visitor.session.user_id)
        return redirect(place.request, f"{place.path}/settings?done=saved")


def _read(given: Mapping[str, str], errors: dict[str, str]) -> list[tuple[str, Any]]:
    """Each setting's name and value; of those that cannot be read, `errors` gets a sentence instead."""
    found = []
    for name, setting in _SETTINGS.items():
        if given[name] == "" and setting.clears:
            found.append((name, None))
            continue
        value = checked(setting.check, given[name], name, errors, setting.instead)
        if name not in errors:
            found.append((name, value))
    return found


def _mark(shop: Shop) -> str:
    """Another one for other settings: a form that was made of those before does not undo what was saved since."""
    return blake2b(repr(_as_typed(shop)).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _as_typed(shop: Shop) -> dict[str, str]:
    """What the fields have before anything is changed: days are a number alone."""
    return {
        "name": shop.name,
        "site": shop.site or "",
        "email": shop.email or "",
        "phones": shop.phones or "",
        "lang": shop.lang,
        "timezone": shop.timezone,
        "delay": format_delay(shop.delay).removesuffix("d"),
        "moderation": format_mode(shop.moderation),
        "publish_after": format_delay(shop.publish_after).removesuffix("d"),
        "orders": shop.orders,
    }


@lru_cache(maxsize=1)
def _timezones() -> list[str]:
    """Those that people choose from, without the many other names that each of them has."""
    return ["UTC", *sorted(zone for zone in available_timezones() if zone.startswith(_REGIONS))]


_REGIONS = (
    "Africa/",
    "America/",
    "Antarctica/",
    "Asia/",
    "Atlantic/",
    "Australia/",
    "Europe/",
    "Indian/",
    "Pacific/",
)
