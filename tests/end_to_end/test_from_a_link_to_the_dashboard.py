"""Signing in, the whole way: an address typed in a browser, the e-mail over SMTP, its link, its button."""

import re
import time
from email import message_from_bytes
from email.policy import default
from functools import partial
from pathlib import Path

from afterword.actions.users import make_owner
from afterword.base.settings import read_settings
from afterword.store.opening import open_database
from afterword.store.shops import find_shop
from tests.browser import Browser
from tests.end_to_end.mailing import mailing_server
from tests.peers import RelayPeer
from tests.store.databases import closing_now

ALBA = "alba@bakery.example"


def test_an_owner_signs_in_by_the_link_that_came_by_email(tmp_path: Path) -> None:
    with RelayPeer() as relay, mailing_server(tmp_path, relay) as alba, Browser() as browser:
        shop = alba.read(lambda tx: find_shop(tx, "1"))
        with closing_now(open_database(read_settings(alba.environment()))) as database:
            database.write_now(partial(make_owner, shop=shop, email=ALBA, now=time.time()))

        browser.open(f"{alba.url}/dashboard/1/orders")
        assert browser.evaluate("location.pathname") == "/dashboard/sign-in"
        browser.evaluate("document.querySelector('#email').focus()")
        browser.type("Alba@Bakery.example")
        assert not browser.press("form button").violations
        assert "Look into your mailbox" in browser.evaluate("document.body.innerText")

        [sent] = relay.wait_for(1)
        assert sent.recipients == [ALBA]
        text = message_from_bytes(sent.content, policy=default).get_body(("plain",)).get_content()  # type: ignore[union-attr, attr-defined]
        [link] = re.findall(r"http\S+/dashboard/sign-in/\S+", text)
        browser.open(link)
        browser.open(link)
        browser.press("form button")
        assert browser.evaluate("location.pathname") == "/dashboard/1"
        assert "Needs your attention" in browser.evaluate("document.body.innerText")
        browser.open(link)
        assert "This link does not work any more" in browser.evaluate("document.body.innerText")
