"""Add, list and revoke a shop's keys."""

from collections.abc import Sequence
from typing import NamedTuple

from afterword.base.errors import Refused
from afterword.domain.shops import KEY_SCOPES, Key, KeyScope, Shop
from afterword.store.engine.database import Transaction
from afterword.store.shops import add_private_key, find_key, list_keys, public_keys, revoke_key


class ListedKey(NamedTuple):
    """A key, and its text where it is public; of a private key only the hash is stored."""

    key: Key
    public: str | None


def add(
    tx: Transaction,
    shop: Shop,
    lang: str | None,
    now: float,
    *,
    live: bool,
    scopes: Sequence[KeyScope] = (),
) -> tuple[Key, str]:
    """A new private key and its text, which is not stored. Without a language it has the shop's, and without scopes
    all of them."""
    lang = lang or shop.lang
    kept = tuple(scope for scope in KEY_SCOPES if scope in scopes or not scopes)
    number, text = add_private_key(tx, shop, live=live, lang=lang, now=now, scopes=kept)
    return Key(number, shop.id, "private", live, lang, int(now), None, kept), text


def listed(tx: Transaction, shop: Shop) -> list[ListedKey]:
    """All keys of the shop, including revoked ones, oldest first."""
    public = public_keys(tx, shop)
    return [ListedKey(key, public.get(key.id)) for key in list_keys(tx, shop)]


def named(tx: Transaction, shop: Shop, key_id: int) -> Key:
    """The shop's private key with this id. Raises Refused."""
    key = find_key(tx, key_id)
    if key.shop_id != shop.id or key.kind != "private":
        raise Refused(f"{shop.name} has no private key {key_id}: see afterword key list {shop.id}")
    return key


def revoke(tx: Transaction, key_id: int, now: float) -> Key:
    """Refuses this key from now on, permanently. Raises Refused."""
    return revoke_key(tx, key_id, now)
