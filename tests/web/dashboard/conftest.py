"""A shop on a running server, and browsers in which its people are signed in."""

import http.client
import time
from typing import NamedTuple, Self
from urllib.parse import urlencode, urlsplit

import pytest

from afterword.actions.users import link_for, make_owner
from afterword.domain.people.users import Role
from afterword.domain.shops import Shop
from afterword.store.users import put_role, put_user
from tests.server import Answer
from tests.store.cast import NOW
from tests.web.conftest import SECRET, Site
from tests.web.reviewed import Reviewed


class Signed(NamedTuple):
    """A browser that holds a session, as a role in one shop; without a cookie it is signed out."""

    site: Site
    shop: Shop
    cookie: str = ""

    def get(self, path: str = "", *, live: bool = True) -> Answer:
        """`path` is below the shop's pages, or from the top if it begins with `dashboard`."""
        return self.request("GET", path, live=live)

    def press(self, path: str, *, live: bool = True, site: str = "same-origin", **fields: object) -> Answer:
        """Posts a form. `site` is what the browser says of the page that has it."""
        body = urlencode({name.rstrip("_"): value for name, value in fields.items()})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        headers |= {"Sec-Fetch-Site": site} if site else {}
        return self.request("POST", path, body, headers, live=live)

    def request(
        self,
        method: str,
        path: str,
        body: str | None = None,
        headers: dict[str, str] | None = None,
        *,
        live: bool = True,
    ) -> Answer:
        whole = path if path.startswith("dashboard") else self.base(live=live) + path
        address = urlsplit(self.site.url)
        assert address.hostname
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
        cookie = {"Cookie": f"session={self.cookie}"} if self.cookie else {}
        connection.request(method, f"/{whole}", body, (headers or {}) | cookie)
        answer = connection.getresponse()
        found = Answer(answer.status, {n.lower(): v for n, v in answer.getheaders()}, answer.read())
        connection.close()
        return found

    def base(self, *, live: bool = True) -> str:
        return f"dashboard/{self.shop.id}" + ("" if live else "/test")

    def of(self, shop: Shop) -> Self:
        """The same browser, at the pages of another shop."""
        return self._replace(shop=shop)


def sign_in(site: Site, shop: Shop, email: str, role: Role) -> Signed:
    """Someone with this role, who has pressed the button of a link."""
    site.write(lambda tx: put_role(tx, put_user(tx, email, NOW), shop, role, NOW))
    link = site.write(lambda tx: link_for(tx, email, site.url, SECRET, clock()))
    return press_link(site, shop, link)


def press_link(site: Site, shop: Shop, link: str) -> Signed:
    nobody = Signed(site, shop)
    answer = nobody.press(urlsplit(link).path.lstrip("/"))
    assert answer.status == 303, answer
    return nobody._replace(cookie=cookie_of(answer))


def cookie_of(answer: Answer) -> str:
    name, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
    assert name == "session"
    return value


def clock() -> float:
    """The server's clock is the real one."""
    return time.time()


@pytest.fixture
def reviewed(site: Site) -> Reviewed:
    """A shop of its own for each test."""
    return Reviewed.new(site)


@pytest.fixture
def owner(reviewed: Reviewed) -> Signed:
    return sign_in(reviewed.site, reviewed.shop, f"owner{reviewed.shop.id}@alba.example", "owner")


@pytest.fixture
def moderator(reviewed: Reviewed) -> Signed:
    return sign_in(reviewed.site, reviewed.shop, f"moderator{reviewed.shop.id}@alba.example", "moderator")


@pytest.fixture
def reader(reviewed: Reviewed) -> Signed:
    return sign_in(reviewed.site, reviewed.shop, f"reader{reviewed.shop.id}@alba.example", "reader")


@pytest.fixture
def stranger(site: Site) -> Signed:
    """The owner of another shop."""
    other = Reviewed.new(site)
    site.write(lambda tx: make_owner(tx, other.shop, f"stranger{other.shop.id}@bruno.example", NOW))
    return sign_in(site, other.shop, f"stranger{other.shop.id}@bruno.example", "owner")
