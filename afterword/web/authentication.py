"""Who sends this: the key of a request, and its shop."""

from typing import NamedTuple

from afterword.domain.shops import Key, Shop
from afterword.store.engine.database import Transaction
from afterword.store.shops import authenticate


class Unauthorized(Exception):
    """401: no key, a wrong one, or a revoked one."""


class Sender(NamedTuple):
    """Whose key came with a request."""

    shop: Shop
    key: Key


def presented_key(body_key: str, authorization: bytes) -> str:
    """The key in the body, or else in the header. Raises Unauthorized with a sentence when there is none."""
    presented = body_key.strip() or _bearer(authorization)
    if not presented:
        raise Unauthorized("no API key: send it as api_key, or as Authorization: Bearer")
    return presented


def admit(tx: Transaction, presented: str) -> Sender:
    """The sender whose key this is. Raises Unauthorized with a sentence."""
    found = authenticate(tx, presented)
    if found is None:
        raise Unauthorized("this API key is wrong or was revoked")
    return Sender(*found)


def _bearer(authorization: bytes) -> str:
    scheme, _, key = authorization.decode("latin-1").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""
