"""Alba's e-mails to Clara: an example of every kind, how it is composed, and what a mail program sees of it."""

import email
import email.policy
from email.message import EmailMessage
from html.parser import HTMLParser
from importlib import import_module

from msgspec.structs import replace

from afterword.domain.messages import Message, MessageKind, MessageOrder, Recipient
from afterword.domain.orders.order import OrderLine
from afterword.domain.shops import Shop
from afterword.mail.compose import Composer
from afterword.mail.kinds import kinds
from afterword.mail.links import Links
from afterword.mail.transport import ComposedMessage
from tests.domain.reviews.chains import REVIEW as REVIEW_OF_A_CHAIN

NOW = 1_772_374_326.7
CLIPPED_AT = 102 * 1024
COMPOSER = Composer("Reviews <reviews@afterword.example>", "reviews.example")
LINKS = Links(
    "https://reviews.alba.example/r/1/abc",
    "https://reviews.alba.example/u/1/def",
    "https://reviews.alba.example/s/1/verify",
    "https://reviews.alba.example/dashboard/sign-in/ghi",
)
ALBA = Shop(
    id=1,
    name="Alba's bakery",
    lang="en",
    site="https://alba.example/",
    delay=864_000,
    timezone="Europe/Madrid",
    email="hello@alba.example",
    salt="5a" * 16,
)
TO_CLARA = ComposedMessage(
    "post@alba.example",
    "clara@example.org",
    "c0ffee",
    b"Subject: How was the bread?\r\n\r\nDear Clara,\r\nhow was it?\r\n",
)
CLARA = Recipient("clara@nunez.example", "en", "Clara", "Núñez")
LINES = [
    ("Sourdough loaf", 2),
    ("Rye and walnut loaf, sliced, 1 kg", 1),
    ("Crème brûlée tartlets, box of six", 3),
]
ORDER = MessageOrder(
    7, "1234", None, "2026-02-18 10:00:00", tuple(OrderLine(id=1, name=name, qty=qty) for name, qty in LINES)
)
REVIEW = replace(REVIEW_OF_A_CHAIN, shop_id=1, scope="1", text="Good bread.\n\nMy family likes it.")


async def marked() -> bool:
    """The dispatcher's mark: it may go."""
    return True


def message(kind: MessageKind, order: MessageOrder | None = ORDER, **fields: object) -> Message:
    """A message to Clara about her order; without an order, to Alba."""
    recipient = CLARA if order else Recipient("hello@alba.example", "en")
    usual = {"id": 9, "shop_id": 1, "live": True, "tries": 0, "first_try_at": None, "due_at": int(NOW)}
    known = {"created_at": int(NOW), "recipient": recipient, "order": order}
    return Message(kind=kind, **usual | known | fields)  # type: ignore[arg-type]


def example(kind: str) -> Message:
    """The EXAMPLE in the test of this kind."""
    return import_module(f"tests.mail.kinds.test_{kind}").EXAMPLE


def subject(kind: str) -> str:
    """The SUBJECT in the test of this kind: that of its example."""
    return import_module(f"tests.mail.kinds.test_{kind}").SUBJECT


KINDS = sorted(kinds())
TO_CUSTOMER = [name for name, kind in kinds().items() if not kind.to_shop]


def fields_of(kind: str, *without: str) -> list[str]:
    """The names of the header fields that a kind has."""
    unsubscribe = ["List-Unsubscribe", "List-Unsubscribe-Post"] if kind in TO_CUSTOMER else []
    fields = ["From", "Reply-To", "To", "Subject", "Date", "Message-ID", *unsubscribe, "Auto-Submitted"]
    fields += ["MIME-Version", "Content-Type", "Content-Transfer-Encoding"]
    return [name for name in fields if name not in without]


def compose(
    what: Message | str, shop: Shop = ALBA, links: Links = LINKS, composer: Composer = COMPOSER, **reader: str
) -> ComposedMessage:
    """A message, or the example of a kind, with its reader changed."""
    found = example(what) if isinstance(what, str) else what
    found = replace(found, recipient=replace(found.recipient, **reader))
    return composer.compose(found, shop, links, NOW)


def read(composed: ComposedMessage) -> EmailMessage:
    found = email.message_from_bytes(composed.content, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def part(composed: ComposedMessage, kind: str) -> str:
    body = read(composed).get_body((kind,))
    assert body is not None
    content: str = body.get_content()
    return content.replace("\r\n", "\n")


def check_wire(composed: ComposedMessage) -> None:
    """What every message keeps on the wire (RFC 5322 2.1.1 and 2.3), and that mail programs show all of it."""
    content = composed.content
    assert content.isascii() and content.endswith(b"\r\n") and b"\0" not in content
    assert content.count(b"\r") == content.count(b"\n") == content.count(b"\r\n")
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert len(content) < CLIPPED_AT


def text_of(what: Message | str, shop: Shop = ALBA, **reader: str) -> str:
    return part(compose(what, shop, **reader), "plain")


class Page(HTMLParser):
    """What a mail program sees of the HTML part: its tags, its links and its words."""

    def __init__(self, composed: ComposedMessage) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.links: list[str | None] = []
        self.words = ""
        self.feed(part(composed, "html"))
        self.close()
        self.words = " ".join(self.words.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "a":
            self.links.append(dict(attrs)["href"])

    def handle_data(self, data: str) -> None:
        self.words += data
