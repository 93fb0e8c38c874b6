"""A running server for the tests of the web, and links as they are in an e-mail."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

import pytest

from afterword.base.ids import sign_token
from afterword.domain.messages import order_fingerprint
from afterword.store.engine.database import Transaction
from afterword.store.messages.invitations import find_invitation
from afterword.store.opening import open_sqlite
from afterword.store.orders import StoredOrder, order_of
from afterword.store.shops import NewKeys, add_shop, find_shop
from afterword.store.suppressions import suppressed_because
from tests.browser import Browser
from tests.server import SERVE, TEN_DAYS, Server, an_order
from tests.store.databases import ask, closing_now, rows

SECRET = "what signs the links of this test's e-mails"
BODY_LIMIT = 2**20
NOW = 1_772_374_326

TABLES = ("orders", "messages", "suppressions", "reviews", "chain")

T = TypeVar("T")


class Links(NamedTuple):
    """What an e-mail leads to, as paths, and which order it is about."""

    review: str
    unsubscribe: str
    order: StoredOrder


class Site(Server):
    """A server that takes orders and sends no e-mails, with Alba's bakery from the start."""

    def new_shop(self, **fields: Any) -> NewKeys:
        """The keys of another shop. Its name goes by its number when none is given."""
        number = self.read(lambda tx: len(tx.rows("SELECT shop_id FROM shops")))
        usual = {"name": f"Shop number {number}", "lang": "en", "site": None, "timezone": "UTC"}
        usual |= {"email": None, "delay": TEN_DAYS}
        return self.write(lambda tx: add_shop(tx, NOW, **(usual | fields)))[1]

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Runs `work` as a command does, in a process beside the server."""
        with closing_now(open_sqlite(self.database, self.journal)) as database:
            return database.write_now(work)

    read_now, write_now = Server.read, write
    """By these names the store's cast acts on a site: `alba.on(site)`."""

    def links(self, key: str, id_order: str, **changes: object) -> Links:
        """Sends an order, and makes the links of its e-mail."""
        answer = self.post_orders([an_order(id_order, **changes)], key=key, details=True).body
        order_id = ask(self, find_invitation, answer["orders"][0]["invitation"]["id"]).number
        shop = ask(self, find_shop, key.partition("/")[0])
        order = ask(self, order_of, shop, order_id)
        subject = order_fingerprint(shop.salt, live=order.live, id_order=id_order)
        token = {purpose: sign_token(SECRET, purpose, order_id, subject) for purpose in "ru"}
        return Links(f"/r/{shop.id}/{token['r']}", f"/u/{shop.id}/{token['u']}", order)

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything that a press of a button could change."""
        return {name: rows(self, f"SELECT * FROM {name} ORDER BY 1, 2, 3") for name in TABLES}

    def is_stopped(self, links: Links) -> bool:
        """Whether no e-mail may go to the address of this order any more."""
        shop, email, live = links.order.shop, links.order.email, links.order.live
        return ask(self, suppressed_because, shop, email, live=live) is not None


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
