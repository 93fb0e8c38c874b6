"""Try Afterword: a new folder gets a demo shop, and its test key is printed at every start."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from afterword.actions import shops, users
from afterword.base.files import whole_file
from afterword.domain.shops import Shop
from afterword.store.engine.database import Database, Transaction
from afterword.store.messages.invitations import InvitationRow, list_invitations
from afterword.store.shops import current_public_key, find_private_key

DEMO_SHOP = "Demo shop"

DEMO_OWNER = "demo@example.com"
"""Who signs in to the demo shop. No e-mail goes there: the domain is reserved (RFC 2606)."""

MOST_ON_THEIR_WAY = 20
"""Of the newest orders, so many are looked at for e-mails that are due soon."""


class TrialFiles(NamedTuple):
    """Where a trial has its e-mails, and the test key of the demo shop."""

    outbox: Path
    key: Path


class Trial(NamedTuple):
    """The demo shop as long as it is the only one: its test key, where it is known and still good, its public key of
    test reviews, and its newest test invitations, the newest first."""

    shop: Shop
    test_key: str | None
    public_key: str | None
    invitations: Sequence[InvitationRow]

    @property
    def next_id_order(self) -> str:
        """A number that no order has yet, as long as the newest one counts on from its predecessors."""
        newest = self.invitations[0].id_order if self.invitations else "0"
        is_counted = newest.isascii() and newest.isdigit() and len(newest) < 16
        return str(int(newest) + 1) if is_counted else f"{newest[:40]}-1"


def add_demo_shop(database: Database, key_file: Path, now: float) -> str:
    """Adds the demo shop, and returns its test key, which `key_file` keeps, readable by its owner alone."""
    _, keys = database.write_now(partial(shops.add, name=DEMO_SHOP, now=now))
    with whole_file(key_file) as draft:
        draft.write_text(keys.test_key)
    return keys.test_key


def dashboard_link(tx: Transaction, shop: Shop, url: str, secret: str, now: float) -> str:
    """A link that signs in to the demo shop, once, within ten minutes."""
    users.make_owner(tx, shop, DEMO_OWNER, now)
    return users.link_for(tx, DEMO_OWNER, url, secret, now)


def found(tx: Transaction, key_file: Path) -> Trial | None:
    """None once there is another shop, or when there is none."""
    there = shops.listed(tx)
    if [shop.name for shop in there] != [DEMO_SHOP]:
        return None
    [shop] = there
    newest = [row for row in list_invitations(tx, shop, most=MOST_ON_THEIR_WAY) if not row.live]
    return Trial(shop, key_of(tx, shop, key_file), current_public_key(tx, shop, live=False), newest)


def key_of(tx: Transaction, shop: Shop, key_file: Path) -> str | None:
    """The demo shop's test key, unless its file is gone or the key was revoked."""
    try:
        key = key_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    found_shop, known = find_private_key(tx, key) or (None, None)
    is_good = found_shop == shop and known and known.revoked_at is None and not known.live
    return key if is_good else None


def example_order(now: float, id_order: str = "1") -> dict[str, object]:
    """An order dated now, as shops send it."""
    return {
        "id_order": id_order,
        "order_date": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%S"),
        "firstname": "Clara",
        "lastname": "Martin",
        "email": "clara@example.com",
        "products": [{"id": 100, "name": "Rye bread", "qty": 2, "unit_price": 3.9}],
    }
