"""Add and change shops."""

from typing import Any

from afterword.actions.users import make_owner
from afterword.base.errors import Refused
from afterword.domain.shops import DEFAULT_DELAY, Shop
from afterword.i18n.catalogue import has_catalogue
from afterword.i18n.dates import english_name
from afterword.store.engine.database import Transaction
from afterword.store.shops import NewKeys, add_shop, change_shop, find_shop, list_shops
from afterword.store.users import team_of

USUAL = {"lang": "en", "timezone": "UTC", "delay": DEFAULT_DELAY, "site": None, "email": None}
"""What a new shop has unless it says otherwise."""

NO_SHOP = "this database has no shop yet: check AFTERWORD_DATA and AFTERWORD_DATABASE, or run afterword shop add NAME"


def named(tx: Transaction, id_or_name: str) -> Shop:
    """The shop of this id or name. Raises Refused."""
    # Bytes that are not UTF-8 reach us as half characters, which are in no name and which no store takes.
    shop = find_shop(tx, id_or_name) if id_or_name.isprintable() else None
    if shop is None:
        hint = "list the shops with: afterword shop list" if list_shops(tx) else NO_SHOP
        raise Refused(f"there is no shop {id_or_name!r}; {hint}")
    return shop


def listed(tx: Transaction) -> list[Shop]:
    return list_shops(tx)


def language_warning(lang: str) -> str | None:
    """What to say where e-mails cannot be in this language, since it has no catalogue; they are in English then."""
    if has_catalogue(lang):
        return None
    return f"e-mails are in English; there is no {english_name(lang)} catalogue yet"


def add(tx: Transaction, name: str, now: float, **fields: Any) -> tuple[Shop, NewKeys]:
    """The new shop and its keys, whose private ones are not stored. `fields` are those of `Shop`; its address is
    that of its first owner. Raises Refused."""
    shop, keys = add_shop(tx, now, name=name, **USUAL | fields)
    if shop.email:
        make_owner(tx, shop, shop.email, now)
    return shop, keys


def change(tx: Transaction, shop: Shop, now: float, **fields: Any) -> Shop:
    """The shop with these fields, and the others as they are now; a new address becomes that of its owner, if it had
    none. Orders and reviews that are there keep their delay and their moderation (guarantee 3). Raises Refused."""
    changed = change_shop(tx, named(tx, str(shop.id)), **fields)
    if fields.get("email") and all(each.role != "owner" for each in team_of(tx, shop)):
        make_owner(tx, changed, fields["email"], now)
    return changed
