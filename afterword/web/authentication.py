"""Authenticates requests by private key."""

from typing import NamedTuple

from afterword.domain.shops import Key, Shop
from afterword.store.engine.database import Transaction
from afterword.store.shops import authenticate


class Unauthorized(Exception):
    """HTTP 401: the key is missing, unknown or revoked."""


class Sender(NamedTuple):
    """An authenticated request's shop and key."""

    shop: Shop
    key: Key


def presented_key(body_key: str, authorization: bytes) -> str:
    """The key from the body, or else from the Authorization header. Raises Unauthorized if there is none."""
    presented = body_key.strip() or _bearer(authorization)
    if not presented:
        raise Unauthorized("no API key: send it as api_key, or as Authorization: Bearer")
    return presented


def admit(tx: Transaction, presented: str) -> Sender:
    """The shop and key for a presented key. Raises Unauthorized if it is unknown or revoked."""
    found = authenticate(tx, presented)
    if found is None:
        raise Unauthorized("this API key is wrong or was revoked")
    return Sender(*found)


def _bearer(authorization: bytes) -> str:
    scheme, _, key = authorization.decode("latin-1").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""
