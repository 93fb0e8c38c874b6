"""The address of the mail server, as AFTERWORD_SMTP gives it."""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

Tls = Literal["none", "starttls", "tls"]


@dataclass(frozen=True, slots=True)
class SmtpAddress:
    """The mail server, and how to reach it. The password is not in the repr."""

    host: str
    port: int = 587
    tls: Tls = "starttls"
    user: str | None = None
    password: str | None = field(default=None, repr=False)


def parse_smtp_url(text: str) -> SmtpAddress:
    """The address in `smtp://user:password@host:port?tls=none|starttls|tls`.

    Port 587 and starttls by default, also when only one of the two is given. User and password are
    percent-decoded. Raises ValueError with a sentence that repeats no part of the text, because a
    password with an unescaped character can turn up in any part of it.
    """
    if text.strip().startswith("smtps:"):
        raise ValueError(
            "an SMTP address begins with smtp://: for smtps://, write smtp://user:password@host:465?tls=tls"
        )
    parts, port = _split(text.strip())
    if parts is None or parts.scheme != "smtp" or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError(
            "an SMTP address looks like smtp://user:password@host:587?tls=starttls; "
            "in the user and password, write / ? # @ as %2F %3F %23 %40"
        )
    tls = _tls(parts)
    user, password = _decoded(parts.username), _decoded(parts.password)
    if bool(user) != bool(password):
        raise ValueError("an SMTP address needs both a user and a password, or neither")
    return SmtpAddress(parts.hostname, 587 if port is None else port, tls, user or None, password or None)


def _split(text: str) -> tuple[SplitResult | None, int | None]:
    # The library's own errors quote the text, and so the password: they end here.
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None, None
    if parts.fragment or port == 0 or not text.isprintable() or " " in text:
        return None, None
    return parts, port


def _tls(parts: SplitResult) -> Tls:
    match parse_qsl(parts.query, keep_blank_values=True):
        case []:
            return "starttls"
        case [("tls", "none" | "starttls" | "tls" as tls)]:
            return tls
    raise ValueError("an SMTP address may end in ?tls=none, ?tls=starttls or ?tls=tls, and in nothing else")


def _decoded(text: str | None) -> str | None:
    with suppress(UnicodeDecodeError):
        decoded = None if text is None else unquote(text, errors="strict")
        if decoded is None or "\0" not in decoded:
            return decoded
    raise ValueError("the user and password of an SMTP address are UTF-8 text, percent-encoded")
