"""A language that nobody has written yet: one file beside the others, and everything speaks it."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from email import message_from_bytes, policy
from html import unescape
from typing import Any

import pytest

from tests.i18n.catalogues import POLISH, written
from tests.peers import RelayPeer
from tests.server import PROJECT, Server, an_order
from tools import texts

COMMAND = (sys.executable, "-P", "-m", "afterword")
"""`-P`: of the package that PYTHONPATH names, not of the one in this folder."""


def made_up(message: texts.Message) -> str:
    """An entry whose translation is the message in brackets, and each plural form with its number."""
    if isinstance(message, str):
        return f'msgid "{message}"\nmsgstr "⟦{message}⟧"\n'
    forms = "".join(f'msgstr[{form}] "⟦{form}: {message[1]}⟧"\n' for form in range(3))
    return f'msgid "{message[0]}"\nmsgid_plural "{message[1]}"\n{forms}'


@pytest.fixture(scope="module")
def peer() -> Iterator[RelayPeer]:
    with RelayPeer() as running:
        yield running


@pytest.fixture(scope="module")
def polish(tmp_path_factory: pytest.TempPathFactory, peer: RelayPeer) -> Iterator[Server]:
    """A server whose package has one file more than ours."""
    folder = tmp_path_factory.mktemp("polish")
    shutil.copytree(PROJECT / "afterword", folder / "afterword", ignore=shutil.ignore_patterns("__pycache__"))
    entries = dict.fromkeys(message for asked in texts.messages().values() for message in asked)
    written(folder / "afterword/i18n/locales", "pl", POLISH, "\n".join(map(made_up, entries)))
    server = Server(folder, PYTHONPATH=str(folder), AFTERWORD_SMTP=peer.url, AFTERWORD_FROM="r@mail.example")
    server.settings["AFTERWORD_URL"] = server.url
    server.start(command=(*COMMAND, "serve"))
    yield server
    server.kill()


@pytest.fixture(scope="module")
def shop(polish: Server) -> dict[str, Any]:
    """What `afterword shop add` says of it."""
    options = ("--lang", "pl", "--delay", "1s", "--site", "https://ola.example", "--json")
    done = subprocess.run(
        (*COMMAND, "shop", "add", "Ola", *options), env=polish.environment(), capture_output=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def email(polish: Server, shop: dict[str, Any], peer: RelayPeer) -> Any:
    answer = polish.post_orders([an_order("A-1")], key=shop["private_key"])
    assert answer.body["orders_imported"] == 1
    [received] = peer.wait_for(1)
    return message_from_bytes(received.content, policy=policy.default)


def test_the_email_is_in_it(email: Any) -> None:
    assert email["Subject"] == "⟦How was your order from Ola?⟧"
    assert "⟦Hello Clara,⟧" in email.get_body(("plain",)).get_content()


def test_the_form_and_the_shops_page_are_in_it(polish: Server, shop: dict[str, Any], email: Any) -> None:
    [link] = set(re.findall(rf"{polish.url}(/r/\S+)", email.get_body(("plain",)).get_content()))
    form, page = (unescape(polish.get(path).content.decode()) for path in (link, f"/s/{shop['id']}?lang=pl"))
    assert '<html lang="pl" dir="ltr">' in form and "<h1>⟦How was your order?⟧</h1>" in form
    assert "1 marca 2026" in form
    assert "⟦2: Authors can change a review for <bdi>180</bdi> days" in page
    assert ">Polski</span>" in page, "the page does not offer the language"


def test_the_widget_is_in_it(polish: Server) -> None:
    answer = polish.get("/widget/pl-PL.json")
    words = json.loads(answer.content)
    assert (words["lang"], words["dir"], words["locale"]) == ("pl", "ltr", "pl")
    assert words["read"] == "⟦Read our reviews⟧"
    forms = {form: text[:3] for form, text in words["reviews"].items()}
    assert forms == {"other": "⟦2:", "many": "⟦2:", "one": "⟦0:", "few": "⟦1:"}
