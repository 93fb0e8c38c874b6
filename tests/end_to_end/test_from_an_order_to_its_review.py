"""The whole way: the published page's example over PHP, the letter over SMTP, the form in a browser, and what is read
in the end."""

import json
from pathlib import Path
from typing import Any

from tests.browser import Browser
from tests.end_to_end.example import run_example
from tests.end_to_end.letters import read_letter, recipients
from tests.end_to_end.mailing import mailing_server
from tests.needs import needs
from tests.peers import RelayPeer
from tests.server import Server

JOHN = "john.doe@mail.example"

FILL_IN = """
document.querySelector('#stars-0-5').checked = true;
document.querySelector('#text-0').value = 'Quick, and well packed.\\nI come again.';
document.querySelector('#stars-1-4').checked = true;
document.querySelector('#text-1').value = 'Does what it should.';
document.querySelector('#lived').checked = true;
"""
"""What John presses and types, of the shop and of its one product."""


def public(alba: Server, scope: str) -> dict[str, Any]:
    """What a shop's page reads, with the key that is no secret."""
    answer = alba.get(f"/public/v3/reviews/{alba.keys.public_key}/{scope}")
    assert answer.status == 200
    found: dict[str, Any] = json.loads(answer.content)
    return found


def test_an_order_over_php_becomes_a_review_that_the_public_api_and_the_shops_page_show(
    tmp_path: Path,
) -> None:
    needs("php")
    with (
        RelayPeer() as relay,
        mailing_server(tmp_path, relay) as alba,
        Browser() as browser,
    ):
        assert '"orders_imported": 1' in run_example(alba)
        relay.wait_for(1)
        alba.wait_until(lambda: alba.states() == {"1234": "sent"})
        letter = read_letter(relay.messages[0])
        assert letter.recipient == JOHN

        browser.open(letter.review)
        assert public(alba, "site")["reviews"] == []
        browser.evaluate(FILL_IN)
        seen = browser.press(".send button")
        assert not seen.violations and all(url.startswith(alba.url) for url in seen.requests)
        assert alba.states() == {"1234": "answered"}

        # What was read before is kept for a second.
        alba.wait_until(lambda: bool(public(alba, "site")["reviews"]))
        of_shop, of_product = public(alba, "site"), public(alba, "100")
        [review] = of_shop["reviews"]
        written = {"c": "John D.", "r": 5, "txt": "Quick, and well packed.\nI come again."}
        unanswered = {"odate": "2019-01-01", "reply": "", "rdate": ""}
        assert (written | unanswered).items() <= review.items()
        distribution = {"1": 0, "2": 0, "3": 0, "4": 0, "5": 1}
        assert of_shop["ratings"] == {"total": 1, "average": 5.0, "distribution": distribution}
        assert [(each["r"], each["txt"]) for each in of_product["reviews"]] == [(4, "Does what it should.")]

        relay.wait_for(2)
        assert recipients(relay.messages) == [JOHN, JOHN]
        receipt = relay.messages[1].content.decode()
        page = alba.get(f"/s/{alba.keys.private_key.partition('/')[0]}").content.decode()
        assert "Quick, and well packed." in page and "John D." in page
        [entry] = {word for word in receipt.split() if word.isalnum() and len(word) == 64} & hashes(alba)
        assert entry


def hashes(alba: Server) -> set[str]:
    """The hashes of the chain's entries about the shop."""
    asked = (
        "SELECT c.hash FROM chain c JOIN reviews r ON r.shop_id = c.shop_id AND r.review_id = c.review_id "
        "WHERE c.kind = 'written' AND r.line = 0"
    )
    return {hashed for (hashed,) in alba.read(lambda tx: tx.rows(asked))}
