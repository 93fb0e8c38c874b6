"""What a customer finds in a letter."""

import email
import email.policy
import html
import re
from email.message import EmailMessage
from typing import NamedTuple

from tests.peers import Received

_LINK = re.compile(r"""https?://[^\s"'<>]+""")
_HREF = re.compile(r"""href=["']([^"']+)""")

SENDER = "Alba's bakery <reviews@bakery.example>"


class Read(NamedTuple):
    """A letter as a mail program shows it: its links, wherever they stand, and where one press unsubscribes."""

    recipient: str
    subject: str
    links: set[str]
    unsubscribe: str

    @property
    def review(self) -> str:
        [link] = [link for link in self.links if "/r/" in link]
        return link


def read_letter(received: Received) -> Read:
    """Fails when the letter has not the one-click header of RFC 8058, or its two parts lead elsewhere."""
    message = email.message_from_bytes(received.content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    [unsubscribe] = _LINK.findall(message["List-Unsubscribe"])
    text, page = (part.get_content() for part in message.iter_parts())
    links = set(_LINK.findall(text))
    assert unsubscribe in links
    assert links == {html.unescape(link) for link in _HREF.findall(page)}
    return Read(received.recipients[0], message["Subject"], links, unsubscribe)


def recipients(messages: list[Received]) -> list[str]:
    return [recipient for message in messages for recipient in message.recipients]
