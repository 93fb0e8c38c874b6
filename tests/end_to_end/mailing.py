"""Hundreds of messages of every kind on their way to a real SMTP peer and a real webhook, and what arrived."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from secrets import token_hex
from select import select
from typing import Any, NamedTuple

from afterword.base.settings import read_settings
from afterword.domain.messages import MessageKind, fingerprint, numbered, order_fingerprint
from afterword.mail.kinds import kinds
from afterword.store.engine.database import Transaction
from afterword.store.opening import open_database
from tests.conftest import closing_now
from tests.end_to_end.letters import SENDER
from tests.peers import Received, RelayPeer
from tests.server import Server, an_order
from tests.store.cast import Customer, add_member
from tests.store.kinds import hook
from tests.webhooks.receiver import Receiver

CONNECTIONS = 16 + 2
"""E-mails that a server has in the transport's hands at the same time: invitations, and others."""

LEASE_AND_ROUND = 60
"""Seconds after which what a crash left in hand is taken up."""

KINDS = frozenset({*kinds(), "webhook"})
"""Of e-mails, and the deliveries to programs."""

_MESSAGE_ID = re.compile(rb"^Message-ID: <(\w+)@", re.MULTILINE)

Expected = dict[str, MessageKind]
"""The kind of each message that has to arrive, by its fingerprint."""


class Taken(NamedTuple):
    """One message that a peer took, and when (`monotonic_ns`)."""

    fingerprint: str
    at: int
    recipient: str = ""


class WatchedRelay(RelayPeer):
    """A mail server that notes what it accepted, and may take its time over each e-mail."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__()
        self.seconds = seconds
        self.taken: list[Taken] = []

    def accept(self, message: Received) -> None:
        [named], [recipient] = _MESSAGE_ID.findall(message.content), message.recipients
        self.taken.append(Taken(named.decode(), time.monotonic_ns(), recipient))
        super().accept(message)

    async def handle_DATA(self, *call: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        await asyncio.sleep(self.seconds)
        return await super().handle_DATA(*call)


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

    def repeats(self) -> int:
        """How many deliveries came again, each with the id and the words that it had before."""
        heard = {(each.headers["webhook-id"], each.body) for each in self.heard}
        assert len(heard) == len({named for named, _ in heard}), "a delivery has changed"
        return len(self.heard) - len(heard)


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


def cause_every_kind(alba: Server, receiver: Receiver, shops: int) -> Expected:
    """Other shops, before anybody serves them: each has six e-mails due beside two invitations, in any order, and
    every second six deliveries. All of them."""
    with closing_now(open_database(read_settings(alba.environment()))) as database:
        for number in range(shops):
            database.write_now(lambda tx, n=number: _cause(tx, None if n % 2 else receiver.url))
    caused = {named: kind for named, (kind, _) in messages(alba).items()}
    assert set(caused.values()) == KINDS
    return caused


def _cause(tx: Transaction, url: str | None) -> None:
    """A shop whose customers were invited and have written: one waits, one was rejected and replied to."""
    now = time.time()
    shop = add_member(tx, f"Shop {token_hex(8)}").moderates().changes(email="hello@shop.example")
    clara = Customer(shop.store)
    if url:
        hook(shop, url)
    for number in range(2):
        about = shop.order(
            f"{number}", email=f"customer-{number}@mail.example", at=now - shop.shop.delay - 60
        )
        reviews = [clara.reviews(about, line, wants_reply=True, now=now) for line in (0, 1)[: number + 1]]
        if number:
            shop.rejects(reviews[0], now=now)
            shop.replies(shop.publishes(reviews[1], now), now=now)
    shop.executes("UPDATE messages SET next_try_at = next_try_at - (message_id * 7919 & 1023)")


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


def count_kinds(expected: Expected, *peers: WatchedRelay | WatchedReceiver) -> Counter[MessageKind]:
    """How many of each kind they took."""
    return Counter(expected[one.fingerprint] for peer in peers for one in peer.taken)


class Interrupted:
    """Of which kinds there were messages waiting, and in hand, at each trouble that a test made."""

    def __init__(self) -> None:
        self.waiting: Counter[MessageKind] = Counter()
        self.in_hand: Counter[MessageKind] = Counter()

    def note(self, alba: Server) -> None:
        left = alba.read(lambda tx: tx.rows("SELECT DISTINCT kind, state FROM messages"))
        self.waiting.update(kind for kind, state in left if state == "scheduled")
        self.in_hand.update(kind for kind, state in left if state in ("claimed", "sending"))

    def check(self, least: float) -> None:
        """Every kind had its part in the trouble."""
        for kind in KINDS:
            assert self.in_hand[kind], f"no {kind} was ever in hand"
            assert self.waiting[kind] >= least, f"there was no {kind} left before the trouble was over"


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
        _, state = left.get(named, (kind, "sent"))
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
