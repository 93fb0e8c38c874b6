"""Shops and their keys."""

import re
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from afterword.domain.people.kept import KEEP_FOR, LONGEST_KEPT, SHORTEST_KEPT

DEFAULT_DELAY = 10 * 86_400
"""Seconds from an order's receipt to its invitation (docs/orders-api.md, "E-mail sending delay")."""

TEST_DELAY = 10
"""The same for orders sent with a test key, in seconds (docs/orders-api.md, "Test keys")."""

LONGEST_DELAY = 366 * 86_400

Mode = Literal["checks", "by hand"]
"""How a shop moderates: `checks` publishes reviews without flags at once; `by hand` has a person look at all."""

MODES: tuple[Mode, ...] = ("checks", "by hand")

OrderRules = Literal["strict", "tolerant"]
ORDER_RULES: tuple[OrderRules, ...] = ("strict", "tolerant")
"""`tolerant`: an order may lack a first or last name, and a product without an id or a name is left out of its order
(docs/orders-api.md, "Tolerant orders")."""

PUBLISH_AFTER = 7 * 86_400
"""Seconds after which a waiting review is published even if no person has looked at it, unless its flags forbid it
(docs/moderation.md)."""

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


class Shop(msgspec.Struct, frozen=True):
    """A shop. Every other row belongs to exactly one.

    Times are in seconds. `salt` (hex) keys the hashes that represent this shop's orders and addresses in the send
    journal; it never changes. `moderation` and `publish_after` decide when reviews are
    published: see `domain.reviews.moderation`. `orders`: what an order must have. `phones`: telephone numbers, with
    commas between. `keep_for`: how long after their receipt names and addresses of orders are kept.
    """

    id: int
    name: str
    lang: str
    site: str | None
    timezone: str
    email: str | None
    delay: int
    salt: str
    moderation: Mode = "checks"
    publish_after: int = PUBLISH_AFTER
    orders: OrderRules = "strict"
    phones: str | None = None
    keep_for: int = KEEP_FOR


KeyScope = Literal["orders", "reviews"]
KEY_SCOPES: tuple[KeyScope, ...] = ("orders", "reviews")
"""What a private key may be good for: sending orders; reading reviews with their authors' names and addresses."""


class Key(msgspec.Struct, frozen=True):
    """A private or public key, without its secret. Of a private key only the hash is stored.

    `scopes`: what a private key is good for; a public one has none. `used_at` is when it was last used, to the hour.
    """

    id: int
    shop_id: int
    kind: Literal["private", "public"]
    live: bool
    lang: str
    created_at: int
    revoked_at: int | None
    scopes: tuple[KeyScope, ...]
    used_at: int | None = None


def delay_for(shop: Shop, *, live: bool) -> int:
    """Seconds from receipt to due: the shop's delay in live mode, TEST_DELAY in test mode."""
    return shop.delay if live else TEST_DELAY


def parse_delay(text: str) -> int:
    """The seconds of a delay such as `10d`, `36h`, `90m` or `5s`. Raises ValueError with a sentence."""
    seconds = _seconds(text)
    if seconds > LONGEST_DELAY:
        raise ValueError(f"{text!r} is longer than the longest delay, 366d")
    return seconds


def parse_keep_for(text: str) -> int:
    """The seconds of a period such as `730d`, from one year to ten. Raises ValueError with a sentence."""
    seconds = _seconds(text)
    if not SHORTEST_KEPT <= seconds <= LONGEST_KEPT:
        raise ValueError(f"{text!r} is not from 365d to 3650d")
    return seconds


def _seconds(text: str) -> int:
    found = re.fullmatch(r"(\d{1,9})([dhms])", text.strip())
    if not found:
        raise ValueError(f"{text!r} is not a delay: write 10d, 36h, 90m or 5s")
    return int(found[1]) * _UNITS[found[2]]


def format_delay(seconds: int) -> str:
    """The shortest text that `parse_delay` reads as this many seconds."""
    for unit, size in _UNITS.items():
        if seconds % size == 0 and seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def check_name(text: str) -> str:
    """The name with white space collapsed. Raises ValueError unless it has 1 to 100 printable characters and is not
    only digits, which would read as an id."""
    name = " ".join(text.split())
    if not name or len(name) > 100 or not name.isprintable():
        raise ValueError("a shop's name is 1 to 100 printable characters")
    if name.isdigit():
        raise ValueError("a shop's name cannot be digits only: it would read as an id")
    return name


def check_lang(text: str) -> str:
    """A language tag in lower case, such as `fr` or `pt-br`. Raises ValueError."""
    lang = text.strip().lower().replace("_", "-")
    if not re.fullmatch(r"[a-z]{2,3}(-[a-z0-9]{2,8})?", lang):
        raise ValueError(f"{text!r} is not a language: write en, fr, pt-br …")
    return lang


def check_timezone(text: str) -> str:
    """A time zone name of the IANA database. Raises ValueError."""
    if text not in available_timezones():
        raise ValueError(f"{text!r} is not a time zone: write Europe/Paris, America/New_York, UTC …")
    ZoneInfo(text)
    return text


def check_site(text: str) -> str:
    """An http or https address. Raises ValueError."""
    parts = urlsplit(text.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or not text.strip().isprintable():
        raise ValueError(f"{text!r} is not a web address: write https://shop.example")
    return text.strip()


def check_phones(text: str) -> str:
    """Telephone numbers, with a comma and a blank between. Raises ValueError, which names the number that is none."""
    phones = [" ".join(phone.split()) for phone in text.split(",")]
    for phone in phones:
        if not re.fullmatch(r"[+(]?[0-9][0-9 ()./-]*", phone) or not 7 <= len(re.sub(r"\D", "", phone)) <= 15:
            raise ValueError(f"{phone!r} is not a telephone number: write +33 1 40 00 00 00, 0800 123 456 …")
    return ", ".join(phones)


def parse_mode(text: str) -> Mode:
    """`checks` or `by-hand`. Raises ValueError."""
    for mode in MODES:
        if text == format_mode(mode):
            return mode
    raise ValueError(f"{text!r} is not a moderation mode: write {' or '.join(map(format_mode, MODES))}")


def format_mode(mode: Mode) -> str:
    """The inverse of `parse_mode`."""
    return mode.replace(" ", "-")


def check_order_rules(text: str) -> OrderRules:
    """`strict` or `tolerant`. Raises ValueError."""
    for rules in ORDER_RULES:
        if text == rules:
            return rules
    raise ValueError(f"{text!r} is not how orders are read: write strict or tolerant")
