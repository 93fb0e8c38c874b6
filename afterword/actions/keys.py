"""Add, list and revoke a shop's keys."""

from typing import NamedTuple

from afterword.domain.shops import Key, Shop
from afterword.store.engine.database import Transaction
from afterword.store.shops import add_private_key, list_keys, public_keys, revoke_key


class ListedKey(NamedTuple):
    """A key, and its text where it is public; of a private key only the hash is stored."""

    key: Key
    public: str | None


def add(tx: Transaction, shop: Shop, lang: str | None, now: float, *, live: bool) -> tuple[Key, str]:
    """A new private key and its text, which is not stored. Without a language it has the shop's."""
    lang = lang or shop.lang
    number, text = add_private_key(tx, shop, live=live, lang=lang, now=now)
    return Key(number, shop.id, "private", live, lang, int(now), None), text


def listed(tx: Transaction, shop: Shop) -> list[ListedKey]:
    """All keys of the shop, including revoked ones, oldest first."""
    public = public_keys(tx, shop)
    return [ListedKey(key, public.get(key.id)) for key in list_keys(tx, shop)]


def revoke(tx: Transaction, key_id: int, now: float) -> Key:
    """Refuses this key from now on, permanently. Raises Refused."""
    return revoke_key(tx, key_id, now)
