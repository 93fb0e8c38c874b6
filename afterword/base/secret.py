"""The stored secret: a file in the data folder, made once."""

import os
import secrets
from pathlib import Path

from afterword.base.errors import SettingsError
from afterword.base.files import sync

SHORTEST_SECRET = 32
"""Characters."""

PUT_BACK = (
    "it signs the links in e-mails and the chain of reviews, so put the file back from your copy. If it is lost, "
    "write 32 or more new random characters into it: links in e-mails already sent stop working, and the chain "
    "continues with a new key"
)
"""What to do about the stored secret."""


def stored_secret(path: Path) -> str:
    """The secret in this file, which is created atomically and durably if it is missing. Raises SettingsError."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        secret = secrets.token_hex(32)
        unnamed = path.with_name(f".{path.name}.{secret[:8]}")
        unnamed.touch(0o600, exist_ok=False)
        unnamed.write_text(secret)
        sync(unnamed)
        try:
            os.link(unnamed, path)  # of two processes that start together, one wins
        except FileExistsError:
            pass
        finally:
            unnamed.unlink()
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise SettingsError(f"{path} holds binary data: {PUT_BACK}") from None
    if len(secret) < SHORTEST_SECRET:
        wrong = f"too short (at least {SHORTEST_SECRET} characters)" if secret else "empty"
        raise SettingsError(f"{path} is {wrong}: {PUT_BACK}")
    return secret
