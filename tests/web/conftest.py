"""A running server for the stories of the web, and links as they stand in a letter."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

import pytest

from afterword.base.ids import sign_token
from afterword.domain.messages import order_fingerprint
from afterword.domain.shops import Shop
from afterword.store.engine.database import Transaction
from afterword.store.messages.invitations import find_invitation
from afterword.store.opening import open_sqlite
from afterword.store.orders import order_of
from afterword.store.shops import NewKeys, add_shop, find_shop
from afterword.store.suppressions import suppressed_because
from tests.browser import Browser
from tests.server import SERVE, TEN_DAYS, Server, an_order

SECRET = "what signs the links of this test's letters"
BODY_LIMIT = 2**20
NOW = 1_772_374_326

ROWS = "SELECT * FROM {} ORDER BY 1, 2, 3"
TABLES = ("orders", "messages", "suppressions", "reviews", "chain")

T = TypeVar("T")


class Links(NamedTuple):
    """What a letter leads to, as paths, and which order it is about."""

    review: str
    unsubscribe: str
    order_id: int


class Site(Server):
    """A server that takes orders and sends no letters, with Alba's bakery from the start."""

    def new_shop(self, **fields: Any) -> tuple[Shop, NewKeys]:
        """Another shop. Its name goes by its number when none is given."""
        number = self.read(lambda tx: len(tx.rows("SELECT shop_id FROM shops")))
        given = {
            "name": f"Shop number {number}",
            "lang": "en",
            "site": None,
            "timezone": "UTC",
            "email": None,
        }
        return self.write(lambda tx: add_shop(tx, NOW, **(given | {"delay": TEN_DAYS} | fields)))

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Runs `work` as a command does, in a process beside the server."""
        database = open_sqlite(self.database, self.journal)
        try:
            return database.write_now(work)
        finally:
            database.close_now()

    read_now, write_now = Server.read, write
    """By these names the store's cast acts on a site: `alba.on(site)`."""

    def links(self, key: str, id_order: str, **changes: object) -> Links:
        """Sends an order, and makes the links of its letter."""
        answer = self.post_orders([an_order(id_order, **changes)], key=key, details=True).body
        invitation_id = answer["orders"][0]["invitation"]["id"]
        shop = self.shop(key)
        order_id = self.read(lambda tx: find_invitation(tx, invitation_id)).number
        order = self.read(lambda tx: order_of(tx, shop, order_id))
        assert order is not None
        subject = order_fingerprint(shop.salt, live=order.live, id_order=id_order)
        token = {purpose: sign_token(SECRET, purpose, order_id, subject) for purpose in "ru"}
        return Links(f"/r/{shop.id}/{token['r']}", f"/u/{shop.id}/{token['u']}", order_id)

    def shop(self, key: str) -> Shop:
        """The shop of a private key."""
        shop = self.read(lambda tx: find_shop(tx, key.partition("/")[0]))
        assert shop is not None
        return shop

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything that a press of a button could change."""

        def read(tx: Transaction) -> dict[str, list[tuple[Any, ...]]]:
            return {name: tx.rows(ROWS.format(name)) for name in TABLES}

        return self.read(read)

    def is_stopped(self, links: Links) -> bool:
        """Whether no letter may go to the address of this order any more."""

        def read(tx: Transaction) -> bool:
            shop = find_shop(tx, links.review.split("/")[2])
            order = order_of(tx, shop, links.order_id) if shop else None
            assert shop and order
            return suppressed_because(tx, shop, order.email, live=order.live) is not None

        return self.read(read)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One server for all stories that leave it as good as it was; each takes orders of its own."""
    yield from running_site(tmp_path_factory)


@pytest.fixture
def doomed_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server for one story alone, which breaks it."""
    yield from running_site(tmp_path_factory)


def running_site(folders: pytest.TempPathFactory) -> Iterator[Site]:
    server = Site(folders.mktemp("site"), AFTERWORD_SECRET=SECRET, AFTERWORD_BODY_LIMIT=str(BODY_LIMIT))
    server.settings["AFTERWORD_URL"] = server.url
    server.start(command=(*SERVE, "--no-dispatch"))
    yield server
    server.kill()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with Browser() as opened:
        yield opened
