"""The signature of a message: Standard Webhooks, "Signature scheme"."""

import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from hashlib import sha256

PREFIX = "whsec_"


def new_secret() -> str:
    """`whsec_` and 32 random bytes as base64."""
    return PREFIX + b64encode(secrets.token_bytes(32)).decode()


def signed_headers(secret: str, message_id: str, body: bytes, now: float) -> Mapping[str, str]:
    """What a receiver checks: who sends what, when, and that not a byte of the body was changed."""
    moment = int(now)
    key = b64decode(secret.removeprefix(PREFIX))
    signature = hmac.new(key, b"%b.%d.%b" % (message_id.encode(), moment, body), sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(moment),
        "webhook-signature": f"v1,{b64encode(signature).decode()}",
    }
