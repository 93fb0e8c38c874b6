"""The rows of shops and their keys."""

import hmac
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from afterword.base.errors import Refused
from afterword.base.ids import new_private_key, new_public_key, new_salt, shop_id_of
from afterword.domain.shops import KEY_SCOPES, Key, KeyScope, Shop
from afterword.store.engine.database import Transaction
from afterword.store.numbers import next_number
from afterword.store.queries import query

_PRIVATE_KEY = query("private_key")
_KEY_COLUMNS = 9

NOTED_EVERY = 3_600
"""Seconds between two writes of when a key was used."""


class NewKeys(NamedTuple):
    """The keys of a new shop. The private ones are shown once; only their hashes are stored."""

    private_key: str
    test_key: str
    public_key: str
    public_test_key: str


class KeyUse(NamedTuple):
    """A private key that was presented and accepted, and when (epoch seconds)."""

    key: str
    at: float


class CacheKey(NamedTuple):
    """What a public answer depends on besides its scope. If it is unchanged, so is the answer: every change of a
    review appends to the chain in the same transaction, and `head` is the hash of the chain's last entry."""

    shop_id: int
    live: bool
    timezone: str
    head: str


def add_shop(tx: Transaction, now: float, **fields: Any) -> tuple[Shop, NewKeys]:
    """Adds a shop with a live and a test key of each kind. `fields` are those of `Shop`, without id and salt.

    Raises Refused if the name is taken. That is checked under the lock of `exclude_others`, since on a Citus cluster
    no unique key can span shops.
    """
    tx.exclude_others()
    _check_unique(tx, fields["name"])
    shop = Shop(id=next_number(tx, "shops"), salt=new_salt(), **fields)
    row = {"shop_id": shop.id, **msgspec.structs.asdict(shop), "created_at": int(now)}
    tx.run(query("insert_shop"), row)
    return shop, NewKeys(
        private_key=add_private_key(tx, shop, live=True, lang=shop.lang, now=now)[1],
        test_key=add_private_key(tx, shop, live=False, lang=shop.lang, now=now)[1],
        public_key=_add_public_key(tx, shop, live=True, now=now),
        public_test_key=_add_public_key(tx, shop, live=False, now=now),
    )


def add_private_key(
    tx: Transaction,
    shop: Shop,
    *,
    live: bool,
    lang: str,
    now: float,
    scopes: Sequence[KeyScope] = KEY_SCOPES,
) -> tuple[int, str]:
    """Adds a private key, and returns its id and the key itself, which is not stored."""
    key = new_private_key(shop.id, lang)
    row = {
        "kind": "private",
        "live": int(live),
        "lang": lang,
        "scopes": " ".join(scopes),
        "secret": _hash(key),
    }
    return _add_key(tx, shop, row, now), key


def _add_public_key(tx: Transaction, shop: Shop, *, live: bool, now: float) -> str:
    key = new_public_key()
    row = {"kind": "public", "live": int(live), "lang": shop.lang, "scopes": "", "secret": key}
    _add_key(tx, shop, row, now)
    return key


def _add_key(tx: Transaction, shop: Shop, row: dict[str, Any], now: float) -> int:
    key_id = next_number(tx, "keys")
    tx.run(query("insert_key"), row | {"shop_id": shop.id, "key_id": key_id, "created_at": int(now)})
    return key_id


def change_shop(tx: Transaction, shop: Shop, **changes: Any) -> Shop:
    """Changes fields of a shop. Invitations that exist keep their due time (guarantee 3). Raises Refused."""
    fields = msgspec.structs.asdict(shop) | changes
    if fields["name"] != shop.name:
        tx.exclude_others()
        _check_unique(tx, fields["name"])
    tx.run(query("update_shop"), {"shop_id": shop.id, **fields})
    return Shop(**fields)


def _check_unique(tx: Transaction, name: str) -> None:
    if tx.rows(query("shop_by_name"), {"name": name}):
        raise Refused(f"there is already a shop named {name!r}")


def find_shop(tx: Transaction, id_or_name: str) -> Shop | None:
    """The shop with that id or name. Names never consist of digits only."""
    if not (id_or_name.isascii() and id_or_name.isdigit()):
        rows = tx.rows(query("shop_by_name"), {"name": id_or_name})
    elif len(id_or_name) < 19:
        rows = tx.rows(query("shop_by_id"), {"shop_id": int(id_or_name)})
    else:
        rows = []
    return Shop(*rows[0]) if rows else None


def hold_shop(tx: Transaction, shop_id: int) -> Shop:
    """The shop. Until this transaction ends, others that hold it wait."""
    [row] = tx.rows(query("hold_shop"), {"shop_id": shop_id})
    return Shop(*row)


def shops_of(tx: Transaction, ids: Sequence[int]) -> list[Shop]:
    """The shops with these ids; unknown ids are left out."""
    found = tx.rows_each(query("shop_by_id"), [{"shop_id": shop_id} for shop_id in ids])
    return [Shop(*row) for rows in found for row in rows]


def list_shops(tx: Transaction) -> list[Shop]:
    return [Shop(*row) for row in tx.rows(query("list_shops"))]


def find_private_key(tx: Transaction, presented: str) -> tuple[Shop, Key] | None:
    """The shop and the key that was presented, even one that was revoked, or None if it is unknown.

    The first part of a key is the shop's id, so the lookup only reads that shop's rows (guarantee 8). Hashes are
    compared in constant time.
    """
    shop_id = shop_id_of(presented)
    if shop_id is None:
        return None
    hashed = _hash(presented)
    for row in tx.rows(_PRIVATE_KEY, (shop_id, hashed)):
        secret, *shop = row[_KEY_COLUMNS:]
        if hmac.compare_digest(secret, hashed):
            key = _key(row[:_KEY_COLUMNS])
            return Shop(key.shop_id, *shop), key
    return None


def note_uses(tx: Transaction, uses: Sequence[KeyUse]) -> list[bool]:
    """Notes that these keys were used, and of each whether that was written: not if one was within the last hour."""
    return [tx.run(query("note_use"), _key_of_use(use)) > 0 for use in uses]


def _key_of_use(use: KeyUse) -> dict[str, Any]:
    moments = {"now": int(use.at), "latest": int(use.at) - NOTED_EVERY}
    return {"shop_id": shop_id_of(use.key), "secret": _hash(use.key), **moments}


def find_public_key(tx: Transaction, public_key: str) -> tuple[Shop, Key] | None:
    """The shop and the key of a public request, or None if the key is unknown or revoked. Public keys are not secret;
    each is for one mode.

    Raises NodeAway if its shop may be on a node that does not answer.
    """
    for row in tx.rows(query("public_key"), {"secret": public_key}):
        key = _key(row[:_KEY_COLUMNS])
        return Shop(key.shop_id, *row[_KEY_COLUMNS:]), key
    tx.refuse_if_partial()
    return None


def list_keys(tx: Transaction, shop: Shop) -> list[Key]:
    """All keys of a shop, including revoked ones, oldest first."""
    return [_key(row) for row in tx.rows(query("list_keys"), {"shop_id": shop.id})]


def public_keys(tx: Transaction, shop: Shop) -> dict[int, str]:
    """A shop's public keys, which are not secret, by key id."""
    return dict(tx.rows(query("public_keys"), {"shop_id": shop.id}))


def current_public_key(tx: Transaction, shop: Shop, *, live: bool) -> str | None:
    """The newest public key of this shop and mode that is not revoked."""
    rows = tx.rows(query("current_public_key"), {"shop_id": shop.id, "live": int(live)})
    return rows[0][0] if rows else None


def cache_key_of(tx: Transaction, shop_id: int, shown: str) -> CacheKey | None:
    """The cache key for a public key of this shop; None if the public key is unknown or revoked."""
    for live, timezone, head in tx.rows(query("cache_key"), {"shop_id": shop_id, "secret": shown}):
        return CacheKey(shop_id, bool(live), timezone, head)
    return None


def find_key(tx: Transaction, key_id: int) -> Key:
    """The key with this id. Raises Refused if there is none."""
    for row in tx.rows(query("key_by_id"), {"key_id": key_id}):
        return _key(row)
    raise Refused(f"there is no key {key_id}")


def revoke_key(tx: Transaction, key_id: int, now: float) -> Key:
    """Revokes a key. Raises Refused if it does not exist or is already revoked."""
    key = find_key(tx, key_id)
    values = {"shop_id": key.shop_id, "key_id": key_id, "now": int(now)}
    if not tx.run(query("revoke_key"), values):
        raise Refused(f"key {key_id} is already revoked")
    return msgspec.structs.replace(key, revoked_at=int(now))


def _key(row: tuple[Any, ...]) -> Key:
    key_id, shop_id, kind, live, lang, created_at, revoked_at, scopes, used_at = row
    return Key(
        key_id, shop_id, kind, bool(live), lang, created_at, revoked_at, tuple(scopes.split()), used_at
    )


def _hash(key: str) -> str:
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
