"""Generates keys and salts, and signs the tokens in the links of e-mails."""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache
from hashlib import blake2b

_NUMBER = 7
"""Bytes of an order id in a token."""

_TAG = 16
"""Bytes of a token's signature: 128 bits."""


def new_private_key(shop_id: int, lang: str) -> str:
    """`<shop id>/<language>/<64 hex digits>`, the format that existing clients expect (docs/orders-api.md): the
    language has two letters there, whatever its region."""
    return f"{shop_id}/{lang[:2]}/{secrets.token_hex(32)}"


def shop_id_of(private_key: str) -> int | None:
    """The shop id in a private key, or None if the key is malformed."""
    number = private_key.partition("/")[0]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 16 else None


def new_public_key() -> str:
    """32 hex digits."""
    return secrets.token_hex(16)


def new_salt() -> str:
    return secrets.token_hex(16)


def sign_token(secret: str, purpose: str, order_id: int, subject: str) -> str:
    """A token for a link: the order's id and a signature over the id, the purpose and the subject.

    The id is masked by the signature, so that no customer's link tells how many orders there are (guarantee 8). The
    subject is the order's fingerprint. A restored database may reuse an order id, but not a fingerprint, so a link
    never opens another customer's page.
    """
    number = order_id.to_bytes(_NUMBER, "big")
    tag = _signature(secret, purpose, number, subject)
    return urlsafe_b64encode(_masked(secret, number, tag) + tag).decode().rstrip("=")


def order_id_of(secret: str, token: str) -> int | None:
    """The order id in a token, or None if the token is malformed. The signature is not checked."""
    raw = _decode(token)
    return None if raw is None else int.from_bytes(_masked(secret, raw[:_NUMBER], raw[_NUMBER:]), "big")


def is_signed(secret: str, purpose: str, token: str, subject: str) -> bool:
    """Whether the token was signed with this secret for this purpose and subject."""
    raw = _decode(token)
    if raw is None:
        return False
    tag = raw[_NUMBER:]
    number = _masked(secret, raw[:_NUMBER], tag)
    return hmac.compare_digest(tag, _signature(secret, purpose, number, subject))


def _masked(secret: str, number: bytes, tag: bytes) -> bytes:
    """The number under a mask that its signature decides; masked again, it is the number."""
    mask = blake2b(tag, digest_size=_NUMBER, key=_key(secret), person=b"mask").digest()
    return (int.from_bytes(number, "big") ^ int.from_bytes(mask, "big")).to_bytes(_NUMBER, "big")


def _decode(token: str) -> bytes | None:
    if not token.isascii() or len(token) != 31:
        return None
    try:
        raw = urlsafe_b64decode(token + "=")
    except ValueError:
        return None
    # 31 characters encode two bits too many: accept only the encoding that `sign_token` produces.
    is_canonical = urlsafe_b64encode(raw).decode().rstrip("=") == token
    return raw if is_canonical else None


def _signature(secret: str, purpose: str, number: bytes, subject: str) -> bytes:
    signed = b"\0".join((purpose.encode(), number, subject.encode()))
    return blake2b(signed, digest_size=_TAG, key=_key(secret), person=b"token").digest()


@lru_cache(maxsize=4)
def _key(secret: str) -> bytes:
    """The secret, of whatever length, as a key of 64 octets: the most that BLAKE2b takes (RFC 7693 2.1)."""
    return blake2b(secret.encode()).digest()
