"""Authenticates requests by private key."""

import asyncio
from typing import Literal, NamedTuple

from afterword.base.security import refusals
from afterword.domain.shops import Key, KeyScope, Shop
from afterword.store.engine.database import Database, Transaction
from afterword.store.shops import NOTED_EVERY, KeyUse, find_private_key, note_uses

NOTED_AFTER = 60.0
"""Seconds from a key's use to the write that notes it."""

Why = Literal["missing", "wrong", "revoked", "not for orders", "not for reviews"]

_SENTENCES: dict[Why, str] = {
    "missing": "no API key: send it as api_key, or as Authorization: Bearer",
    "wrong": "this API key is wrong or was revoked",
    "revoked": "this API key is wrong or was revoked",
    "not for orders": "this API key may not send orders: use one that was added with the scope orders",
    "not for reviews": "this API key may not read reviews: use one that was added with the scope reviews",
}
"""A stranger does not learn whether a key was good before."""


class Unauthorized(Exception):
    """HTTP 401: the key is missing, unknown, revoked, or not good for this. `key` is one that is known."""

    def __init__(self, why: Why, key: Key | None = None) -> None:
        super().__init__(why, key)  # it comes from the writing process by pickle
        self.why = why
        self.key = key

    def __str__(self) -> str:
        return _SENTENCES[self.why]


class Sender(NamedTuple):
    """An authenticated request's shop and key."""

    shop: Shop
    key: Key


def presented_key(body_key: str, authorization: bytes) -> str:
    """The key from the body, or else from the Authorization header. Raises Unauthorized if there is none."""
    presented = body_key.strip() or _bearer(authorization)
    if not presented:
        raise Unauthorized("missing")
    return presented


def admit(tx: Transaction, presented: str, scope: KeyScope) -> Sender:
    """The shop and key for a presented key. Raises Unauthorized if it is unknown, revoked or without this scope."""
    found = find_private_key(tx, presented)
    if found is None:
        raise Unauthorized("wrong")
    shop, key = found
    if key.revoked_at is not None:
        raise Unauthorized("revoked", key)
    if scope not in key.scopes:
        raise Unauthorized("not for orders" if scope == "orders" else "not for reviews", key)
    return Sender(shop, key)


def log_refused(refused: Unauthorized, api: KeyScope) -> None:
    """A line of the security log."""
    if key := refused.key:
        refusals.key(refused.why, api=api, shop=key.shop_id, key=key.id, live=key.live)
    else:
        refusals.key(refused.why, api=api)


class KeyUses:
    """Notes when keys were last used: after the request, and once an hour a key."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._hour = 0
        self._noted: set[str] = set()
        """The keys that were used in this hour."""

    def note(self, presented: str, shop_id: int, now: float) -> None:
        """For a key that was accepted, of this shop. A use that cannot be written, or that a stop follows at once, is
        not noted."""
        hour = int(now // NOTED_EVERY)
        if hour != self._hour:
            self._hour, self._noted = hour, set()
        if presented not in self._noted:
            self._noted.add(presented)
            use = KeyUse(presented, now)
            asyncio.get_running_loop().call_later(NOTED_AFTER, self._write, use, shop_id)

    def _write(self, use: KeyUse, shop_id: int) -> None:
        written = self._database.write_together(note_uses, use, shop_id)
        written.add_done_callback(lambda done: done.cancelled() or done.exception())


def _bearer(authorization: bytes) -> str:
    scheme, _, key = authorization.decode("latin-1").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""
