"""The first page of a trial: who sees it, and that each of its links leads on."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from afterword.actions import keys, shops
from afterword.actions.trial import TrialFiles, add_demo_shop
from afterword.domain.shops import Key
from afterword.mail.outbox import OutboxTransport
from afterword.store.engine.database import Database
from afterword.store.orders import Arrival, import_orders
from afterword.store.shops import current_public_key, find_private_key
from afterword.web.server import WebSettings, build_web
from tests.axe import serious
from tests.browser import Browser
from tests.cli.command import Command
from tests.mail.conftest import compose, example, marked
from tests.peers import run
from tests.server import Answer
from tests.store.cast import NOW, closing_now, open_database, order
from tests.web.asking import is_safe, plain
from tests.web.conftest import BODY_LIMIT, SECRET

HERE = "http://127.0.0.1:8000"


class Tried:
    """A trial, asked without a network: by default by a visitor on this machine."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.files = TrialFiles(folder / "outbox", folder / "demo.key")
        self.key = add_demo_shop(database, self.files.key, NOW)
        [self.shop] = database.read_now(shops.listed)
        settings = WebSettings(SECRET, BODY_LIMIT, folder, HERE, self.files)
        self._web = build_web(database, None, lambda: NOW, settings)  # type: ignore[arg-type]

    def get(self, path: str = "/", *, peer: str = "127.0.0.1", at: str = HERE, **headers: str) -> Answer:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._web, client=(peer, 50_000))
            async with httpx.AsyncClient(transport=transport, base_url=at) as client:
                return await client.get(path, headers=headers)

        found = asyncio.run(ask())
        return Answer(found.status_code, dict(found.headers), found.content)

    def owns(self) -> list[Key]:
        return [each.key for each in self.database.read_now(lambda tx: keys.listed(tx, self.shop))]

    def writes_email(self, id_order: str = "1234", **links: str) -> None:
        write_email(self.files.outbox, id_order, **links)


def write_email(outbox: Path, id_order: str, review: str = f"{HERE}/r/1/abc") -> None:
    """An invitation in the outbox, as the transport puts it there."""
    composed = compose(example("invitation"))
    content = composed.content.replace(b"https://reviews.alba.example/r/1/abc", review.encode())
    run(OutboxTransport(outbox).deliver(composed._replace(content=content, id_order=id_order), marked))


@pytest.fixture
def tried(tmp_path: Path) -> Iterator[Tried]:
    with closing_now(open_database(tmp_path)) as database:
        yield Tried(database, tmp_path)


def test_a_visitor_on_this_machine_gets_an_order_to_send(tried: Tried) -> None:
    answer = tried.get()
    assert answer.status == 200 and is_safe(answer) and answer.headers["cache-control"] == "no-store"
    assert tried.key in plain(answer.content) and '"id_order": "1"' in plain(answer.content)
    assert "No e-mail yet" in plain(answer.content)


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("at", ["http://localhost", "http://127.0.0.1:8000", "http://[::1]:8000"])
def test_every_way_to_this_machine_is_one(tried: Tried, peer: str, at: str) -> None:
    assert tried.get(peer=peer, at=at).status == 200


@pytest.mark.parametrize(
    "asked",
    [
        {"peer": "192.0.2.1"},
        {"peer": "::ffff:192.0.2.1"},
        {"peer": "unix"},
        {"at": "http://rebound.example"},
        {"at": "http://127.0.0.1.rebound.example"},
        {"at": "http://localhost.rebound.example:8000"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"x-forwarded-host": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"X-Real-IP": "127.0.0.1"},
        {"Via": "1.1 proxy"},
    ],
)
def test_anyone_else_finds_nothing(tried: Tried, asked: dict[str, Any]) -> None:
    tried.writes_email()
    [file] = tried.files.outbox.iterdir()
    for path in ("/", f"/trial/emails/{file.name}", "/trial/widget"):
        assert tried.get(path).status == 200
        answer = tried.get(path, **asked)
        assert answer.status == 404 and is_safe(answer) and b"1/en/" not in answer.content


def test_a_second_shop_ends_the_trial(tried: Tried) -> None:
    tried.database.write_now(lambda tx: shops.add(tx, "Alba's bakery", NOW))
    assert [tried.get(path).status for path in ("/", "/trial/widget")] == [404, 404]


def test_a_demo_shop_elsewhere_than_in_a_new_folder_is_no_trial(tried: Tried, tmp_path: Path) -> None:
    settings = WebSettings(SECRET, BODY_LIMIT, tmp_path, HERE)
    tried._web = build_web(tried.database, None, lambda: NOW, settings)  # type: ignore[arg-type]
    assert tried.get().status == 404


def test_emails_are_listed_with_their_forms(tried: Tried) -> None:
    tried.writes_email("A/1", review=f"{HERE}/r/1/first")
    content = tried.get().content.decode()
    said = plain(content)
    assert "1 e-mail so far." in said and "Clara Núñez clara@nunez.example" in said
    assert "How was your order from Alba's bakery? Order A-1" in said
    assert f'href="{HERE}/r/1/first"' in content
    [shown] = re.findall(r'href="\./(trial/emails/[^"]+)"', content)
    email = tried.get(f"/{shown}")
    assert f"{HERE}/r/1/first" in email.content.decode() and "script" not in email.headers
    assert email.headers["content-security-policy"].startswith("default-src 'none';")


def test_the_newest_emails_come_first_and_a_page_has_thirty(tried: Tried) -> None:
    for number in range(32):
        tried.writes_email(f"A-{number:02}")
    said = plain(tried.get().content)
    assert "32 e-mails so far, the newest first." in said
    listed = re.findall(r"Order (A-\d\d)", said)
    assert len(listed) == 30 and set(listed) <= {f"A-{number:02}" for number in range(32)}


def test_a_link_to_another_server_is_no_form(tried: Tried) -> None:
    tried.writes_email(review="https://elsewhere.example/r/1/abc")
    assert b"elsewhere" not in tried.get().content


@pytest.mark.parametrize("name", ["nothing.eml", "..%2Fdemo.key", ".hidden.eml", "%2e%2e", "demo.key"])
def test_only_emails_of_the_outbox_are_shown(tried: Tried, name: str) -> None:
    tried.writes_email()
    (tried.files.outbox / ".hidden.eml").write_text("Subject: hidden\n\n")
    assert tried.get(f"/trial/emails/{name}").status == 404


def test_the_widgets_have_the_demo_shops_key_of_test_reviews(tried: Tried) -> None:
    key = tried.database.read_now(lambda tx: current_public_key(tx, tried.shop, live=False))
    answer = tried.get("/trial/widget")
    assert answer.content.decode().count(f'<script src="../widget.js" data-key="{key}"') == 3
    assert f'data-key="{key}"' in plain(answer.content)


def test_orders_on_their_way_are_counted_and_the_next_number_is_free(tried: Tried) -> None:
    [_, key] = tried.database.read_now(lambda tx: find_private_key(tx, tried.key)) or []
    for number in ("1", "2"):
        arrival = Arrival(tried.shop, key, [(0, order(number))], NOW)
        tried.database.write_now(lambda tx, arrival=arrival: import_orders(tx, [arrival]))
    said = plain(tried.get().content)
    assert "2 e-mails are on their way" in said and '"id_order": "3"' in said


def test_without_its_key_the_page_says_how_to_add_one(tried: Tried) -> None:
    [key_id] = [key.id for key in tried.owns() if key.kind == "private" and not key.live]
    tried.database.write_now(lambda tx: keys.revoke(tx, key_id, NOW))
    said = plain(tried.get().content)
    assert "afterword key add 'Demo shop' --test" in said and tried.key not in said


def test_it_speaks_the_visitors_language(tried: Tried) -> None:
    tried.writes_email()
    said = plain(tried.get(**{"Accept-Language": "fr"}).content)
    assert "Afterword est en marche" in said and "Lisez l’e-mail" in said and "Le formulaire" in said


WINDOWS = [(320, False), (375, True), (1000, False)]


def test_nothing_is_wrong_with_it_in_any_window(tmp_path: Path, browser: Browser) -> None:
    trial = Command(tmp_path, default=True)
    write_email(trial.data / "outbox", "1234")
    process = trial.start("serve", "--no-dispatch")
    try:
        assert process.stdout and any("To add your own shop" in line for line in process.stdout)
        home = f"http://127.0.0.1:{trial.port}/"
        for width, dark in WINDOWS:
            for path, scripts in (("", 0), ("trial/widget", 3)):
                seen = browser.open(home + path, width=width, dark=dark)
                assert (seen.violations, serious(browser)) == ([], []), (path, width, dark)
                assert {urlsplit(url).netloc for url in seen.requests} == {urlsplit(home).netloc}
                assert browser.evaluate("document.scripts.length") == scripts
                assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
    finally:
        process.kill()
        process.wait()
