"""Who sends this: the key of a request, and its shop."""

from time import monotonic
from typing import NamedTuple

from afterword.domain.shops import Key, Shop
from afterword.store.database import Database
from afterword.store.shops import authenticate

MOST_REMEMBERED = 10_000
REMEMBERED_FOR = 0.01
"""Seconds for which a good key is believed without asking the store whether anything was committed since."""


class Unauthorized(Exception):
    """401: no key, a wrong one, or a revoked one."""


class Sender(NamedTuple):
    """Whose key came with a request."""

    shop: Shop
    key: Key


class Gate:
    """Remembers good keys while nothing is committed: a revoked key is refused within a hundredth of a second."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, Sender] = {}
        self._version = -1
        self._looked_at = -1.0

    async def admit(self, body_key: str, authorization: bytes) -> Sender:
        """The sender, by the key in the body, or else by the header. Raises Unauthorized with a sentence."""
        presented = body_key.strip() or _bearer(authorization)
        if not presented:
            raise Unauthorized("no API key: send it as api_key, or as Authorization: Bearer")
        if monotonic() - self._looked_at > REMEMBERED_FOR:
            self._forget_what_may_have_changed()
        return self._known.get(presented) or await self._look_up(presented)

    def _forget_what_may_have_changed(self) -> None:
        version = self._database.version()
        self._looked_at = monotonic()
        if version != self._version or len(self._known) > MOST_REMEMBERED:
            self._known.clear()
            self._version = version

    async def _look_up(self, presented: str) -> Sender:
        found = await self._database.read(lambda tx: authenticate(tx, presented))
        if found is None:
            raise Unauthorized("this API key is wrong or was revoked")
        sender = self._known[presented] = Sender(*found)
        return sender


def _bearer(authorization: bytes) -> str:
    scheme, _, key = authorization.decode("latin-1").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""
