"""Hundreds of messages of every kind on their way to a real SMTP peer and a real webhook, and what arrived."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from secrets import token_hex
from select import select
from typing import Any, NamedTuple

from afterword.actions.users import make_owner
from afterword.base.settings import read_settings
from afterword.domain.messages import MessageKind, fingerprint, numbered, order_fingerprint
from afterword.mail.kinds import kinds
from afterword.store.engine.database import Transaction
from afterword.store.messages.enqueue import notify_author, send_sign_in
from afterword.store.opening import open_database
from afterword.store.users import add_sign_in
from tests.conftest import closing_now
from tests.end_to_end.letters import SENDER
from tests.mail.conftest import example
from tests.needs import scale
from tests.peers import Received, RelayPeer
from tests.processes import moved_clock
from tests.server import Server, an_order
from tests.store.cast import Customer, add_member, order
from tests.store.kinds import hook
from tests.webhooks.receiver import Receiver

CONNECTIONS = 16 + 2
"""E-mails that a server has in the transport's hands at the same time: invitations, and others."""

LEASE_AND_ROUND = 60
"""Seconds after which what a crash left in hand is taken up."""

KINDS = frozenset({*kinds(), "webhook"})
"""Of e-mails, and the deliveries to programs."""

CAUSED = {"invitation", "receipt", "withdrawal", "digest", "rejection", "reply", "sign_in", "webhook"}
"""What orders, reviews and their moderation cause, and someone who signs in."""

_MESSAGE_ID = re.compile(rb"^Message-ID: <(\w+)@", re.MULTILINE)

Expected = dict[str, MessageKind]
"""The kind of each message that has to arrive, by its fingerprint."""


class Taken(NamedTuple):
    """One message that a peer took, and when (`monotonic_ns`)."""

    fingerprint: str
    at: int
    recipient: str = ""


class WatchedRelay(RelayPeer):
    """A mail server that notes what it accepted, and may take its time over each e-mail: half of it before it accepts
    it, the other half before it says so."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__()
        self.seconds = seconds
        self.taken: list[Taken] = []

    def accept(self, message: Received) -> None:
        [named], [recipient] = _MESSAGE_ID.findall(message.content), message.recipients
        self.taken.append(Taken(named.decode(), time.monotonic_ns(), recipient))
        super().accept(message)

    async def handle_DATA(self, *call: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        await asyncio.sleep(self.seconds / 2)
        answer = await super().handle_DATA(*call)
        await asyncio.sleep(self.seconds / 2)
        return answer


class WatchedReceiver(Receiver):
    """A webhook that takes its time over each delivery, and does not take it if nobody waits for the answer then."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__()
        self.seconds = seconds
        self.taken: list[Taken] = []

    def take(self, request: BaseHTTPRequestHandler) -> None:
        time.sleep(self.seconds)
        is_left, _, _ = select([request.connection], [], [], 0)
        if not is_left:
            named = request.headers["webhook-id"].removeprefix("msg_")
            self.taken.append(Taken(named, time.monotonic_ns()))
            super().take(request)


def mailing_server(folder: Path, relay: RelayPeer, delay: int = 1, **settings: str) -> Server:
    to_us = {
        "AFTERWORD_SMTP": relay.url,
        "AFTERWORD_FROM": SENDER,
        "AFTERWORD_WEBHOOK_ALLOW": "127.0.0.0/8, ::1",
    }
    return Server(folder, delay=delay, **to_us | settings)


def import_orders(alba: Server, count: int) -> list[str]:
    """That many orders of as many customers; their `id_order`."""
    ids = [f"L-{n}" for n in range(count)]
    for first in range(0, count, 500):
        orders = [an_order(one) for one in ids[first : first + 500]]
        assert alba.post_orders(orders).counts == (1, len(orders), len(orders))
    return ids


@dataclass
class Mailing:
    """A server, the mail server and the webhook that it sends to, and the kind of each message that has to arrive
    there, by its fingerprint. Also, of which kinds there were messages waiting, and in hand, at each trouble."""

    server: Server
    relay: WatchedRelay
    receiver: WatchedReceiver
    expected: Expected = field(default_factory=dict)
    waiting: Counter[MessageKind] = field(default_factory=Counter)
    in_hand: Counter[MessageKind] = field(default_factory=Counter)

    def cause(self, shops: int) -> None:
        """Messages of shops that nobody serves yet. Each has eight invitations due and seven other e-mails, in any
        order, and every second six deliveries."""
        with closing_now(open_database(read_settings(self.server.environment()))) as database:
            for number in range(shops):
                url = None if number % 2 else self.receiver.url
                database.write_now(lambda tx, url=url: _cause(tx, url))
            shuffled = (
                "UPDATE messages SET next_try_at = next_try_at - (message_id * 2654435761 / 65536 & 1023)"
            )
            database.write_now(lambda tx: tx.run(shuffled))
        self.expected = {named: kind for named, (kind, _) in messages(self.server).items()}
        assert set(self.expected.values()) == KINDS

    @property
    def taken(self) -> list[Taken]:
        return [*self.relay.taken, *self.receiver.taken]

    def count(self) -> Counter[MessageKind]:
        """How many of each kind were taken."""
        return Counter(self.expected[one.fingerprint] for one in self.taken)

    def note_trouble(self) -> None:
        left = self.server.read(lambda tx: tx.rows("SELECT DISTINCT kind, state FROM messages"))
        self.waiting.update(kind for kind, state in left if state == "scheduled")
        self.in_hand.update(kind for kind, state in left if state in ("claimed", "sending"))

    def settle(self, most_in_doubt: int, before: Iterable[Taken] = ()) -> None:
        """Leaves a server in peace until nothing is left; it is started a minute later, unless it runs already.
        `before`: what others have taken."""
        self.relay.seconds = self.receiver.seconds = 0.0
        if not self.server.process:
            self.server.start(**moved_clock(LEASE_AND_ROUND))
        self.server.wait_until(lambda: is_settled(self.server), 120 * scale())
        self.server.stop()
        in_doubt = check_once(self.server, [*before, *self.taken], self.expected, most_in_doubt)
        print(f"of {dict(Counter(self.expected.values()))} in doubt in the end: {dict(+in_doubt)}")

    def check_trouble(self, least: float) -> None:
        """Every kind had its part in it, and there was some of it left at so many of the troubles."""
        for kind in KINDS:
            assert self.in_hand[kind], f"no {kind} was ever in hand"
            assert self.waiting[kind] >= least, f"there was no {kind} left before the trouble was over"
        heard = {(each.headers["webhook-id"], each.body) for each in self.receiver.heard}
        assert len(heard) == len({named for named, _ in heard}), "a delivery came again with other words"
        assert len(heard) < len(self.receiver.heard), "no delivery was interrupted"


@contextmanager
def mailing(folder: Path, to_mail: float, to_deliver: float, **settings: str) -> Iterator[Mailing]:
    """With the seconds that the mail server takes for an e-mail, and the webhook for a delivery."""
    with WatchedRelay(to_mail) as relay, WatchedReceiver(to_deliver) as receiver:
        yield Mailing(mailing_server(folder, relay, **settings), relay, receiver)


def _cause(tx: Transaction, url: str | None) -> None:
    """A shop whose customers were invited; two of them have written: one waits and has withdrawn another review, one
    was rejected and replied to. Of what that does not cause there is one about a review."""
    now = time.time()
    shop = add_member(tx, f"Shop {token_hex(8)}").moderates().changes(email="hello@shop.example")
    due = now - shop.shop.delay - 60
    shop.sends_batch(*[order(f"{n}", email=f"invited-{n}@mail.example") for n in range(6)], at=due)
    if url:
        hook(shop, url)
    clara = Customer(shop.store)
    for name in ("waits", "replied"):
        about = shop.order(name, email=f"{name}@mail.example", at=due)
        first = clara.reviews(about, 0, now=now)
        if name == "waits":
            clara.withdraws(clara.reviews(about, 1, now=now), now)
        else:
            shop.rejects(first, now=now)
            shop.replies(shop.publishes(clara.reviews(about, 1, wants_reply=True, now=now), now), now=now)
    owner = make_owner(tx, shop.shop, f"{token_hex(8)}@shop.example", now)
    send_sign_in(tx, shop.shop.id, add_sign_in(tx, owner, now), now)
    for kind in sorted(KINDS - CAUSED):
        notify_author(tx, first, kind, example(kind).details, now=now)


def messages(alba: Server) -> dict[str, tuple[MessageKind, str]]:
    """The kind and state of each message in the database, by its fingerprint; what was sent may be gone."""
    asked = (
        "SELECT m.message_id, m.kind, m.state, m.live, m.created_at, s.salt, o.id_order FROM messages m "
        "JOIN shops s ON s.shop_id = m.shop_id "
        "LEFT JOIN orders o ON o.shop_id = m.shop_id AND o.order_id = m.message_id"
    )
    return {
        fingerprint(salt, kind, id_order or numbered(message_id, created_at), live=bool(live)): (kind, state)
        for message_id, kind, state, live, created_at, salt, id_order in alba.read(lambda tx: tx.rows(asked))
    }


def invitations(alba: Server, ids: Iterable[str]) -> Expected:
    """Those of Alba's orders."""
    [(salt,)] = alba.read(lambda tx: tx.rows("SELECT salt FROM shops WHERE name LIKE 'Alba%'"))
    return {order_fingerprint(salt, live=True, id_order=one): "invitation" for one in ids}


def check_once(
    alba: Server, taken: Iterable[Taken], expected: Expected, most_in_doubt: int
) -> Counter[MessageKind]:
    """Guarantee 5: an e-mail that is not in doubt has arrived once, one that is at most once; a delivery has arrived
    at least once, and is settled. How many are in doubt of each kind."""
    arrived, left = Counter(one.fingerprint for one in taken), messages(alba)
    assert arrived.keys() <= expected.keys(), "what nobody caused was sent"
    in_doubt: Counter[MessageKind] = Counter()
    for named, kind in expected.items():
        _, state = left.get(named, (kind, "lost" if kind == "invitation" else "sent"))
        if kind == "webhook":
            assert arrived[named] and named not in left, f"a delivery was lost: {state}"
            continue
        assert arrived[named] <= 1, f"{kind} {named} went twice"
        assert state in ("sent", "in_doubt"), (kind, state)
        assert arrived[named] == 1 or state == "in_doubt", f"{kind} {named} was forgotten"
        in_doubt[kind] += state == "in_doubt"
    assert in_doubt.total() <= most_in_doubt
    return in_doubt


def is_settled(alba: Server) -> bool:
    """Whether nothing is left of what is due."""
    asked = (
        "SELECT count(*) FROM messages WHERE state IN ('scheduled', 'claimed', 'sending') AND due_at <= :now"
    )
    return alba.read(lambda tx: tx.rows(asked, {"now": int(time.time())})) == [(0,)]
