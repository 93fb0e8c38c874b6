"""A dispatcher as `afterword serve` builds it, run for a while against peers that are real servers."""

import asyncio
import email
import email.policy
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from afterword.app import build_dispatcher
from afterword.base.clock import Clock
from afterword.base.settings import read_settings
from afterword.dispatch.dispatcher import Dispatcher
from afterword.domain.reviews.review import Review
from afterword.store.engine.database import Database
from tests.peers import Peer, run
from tests.store.cast import DUE, Customer, Member, another, closing_now, order
from tests.store.given import Imported, Invited

MORE: dict[str, str] = {}
"""Settings of a test's own."""

SECRET = "a secret that signs the links of these tests"


def database_of(member: Member) -> Database:
    assert isinstance(member.store, Database)
    return member.store


@asynccontextmanager
async def dispatching(member: Member, clock: Clock, peer: Peer | None = None) -> AsyncIterator[Dispatcher]:
    """Dispatches from the member's database until the end of the block, then stops as SIGTERM does; without a peer,
    into the outbox."""
    database = database_of(member)
    environment = {
        "AFTERWORD_DATA": str(database.journal.address.parent),
        "AFTERWORD_URL": "https://reviews.example",
        "AFTERWORD_SECRET": SECRET,
        "AFTERWORD_SMTP": "outbox:",
        **MORE,
    }
    if peer is not None:
        environment |= {"AFTERWORD_SMTP": peer.url, "AFTERWORD_FROM": "Reviews <reviews@afterword.example>"}
    dispatcher = build_dispatcher(read_settings(environment), database, clock)
    running = asyncio.create_task(dispatcher.run())
    try:
        yield dispatcher
    finally:
        dispatcher.stop()
        await asyncio.wait_for(running, 15)


def dispatch_until(
    holds: Callable[[], bool],
    member: Member,
    clock: Clock,
    peer: Peer | None = None,
    *,
    then: float = 0.0,
    within: float = 20.0,
) -> float:
    """Dispatches until the condition holds, and `then` seconds more. Says how long it took to hold."""

    async def watch() -> float:
        async with dispatching(member, clock, peer):
            took = await until(holds, within)
            await asyncio.sleep(then)
            return took

    return run(watch(), 40)


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> float:
    """Waits for the condition and says how long that took. Fails when it takes longer than `seconds`."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while not condition():
        assert loop.time() - begun < seconds, "it did not come true"
        await asyncio.sleep(0.005)
    return loop.time() - begun


async def until_state(member: Member, of: Invited, state: str, seconds: float = 5.0) -> float:
    return await until(lambda: member.state(of) == state, seconds)


class LateAnswer:
    """The answer to a message, which the mail server gives when it may."""

    def __init__(self) -> None:
        self._asked, self._may_answer = threading.Event(), threading.Event()

    def __call__(self) -> str:
        self._asked.set()
        assert self._may_answer.wait(10)
        return "250 2.0.0 queued"

    async def asked(self) -> None:
        assert await asyncio.to_thread(self._asked.wait, 5)

    def give(self) -> None:
        self._may_answer.set()

    @contextmanager
    def given_at_the_end(self) -> Iterator[None]:
        try:
            yield
        finally:
            self.give()


def suppressing(member: Member, address: str) -> Callable[[], str]:
    """The answer of a mail server while another process suppresses this address."""

    def answer() -> str:
        with closing_now(another(database_of(member))) as other:
            member.on(other).suppresses(address, now=DUE)
        return "250 2.1.5 ok"

    return answer


def imported(member: Member, id_order: str = "1234", *, live: bool = True, email: str = "") -> Imported:
    """The invitation of an order that came when these tests begin."""
    return member.sends(id_order, live=live, email=email or f"clara+{id_order}@nunez.example")


def many(member: Member, count: int) -> list[Imported]:
    """The invitations of this many orders, which came together."""
    batch = [order(f"{number}", email=f"clara+{number}@nunez.example") for number in range(count)]
    return [each for each in member.sends_batch(*batch) if each]


def reviewed(
    member: Member, clara: Customer, name: str = "1234", *, live: bool = True, **more: object
) -> Review:
    """Clara's review of the shop, about an order that came just before; she wants to know of a reply."""
    about = member.order(name, live=live, email=f"clara+{name}@nunez.example")
    return clara.reviews(about, wants_reply=True, **more)


def unsent(member: Member) -> list[tuple[Any, ...]]:
    """What is left besides invitations: kind, state, tries and reason."""
    return member.rows(
        "SELECT kind, state, tries, reason FROM messages WHERE queue > 0 AND state <> 'sent' ORDER BY message_id"
    )


def send_all(member: Member, clock: Clock, peer: Peer | None = None) -> None:
    """Dispatches until only invitations are left."""
    dispatch_until(lambda: unsent(member) == [], member, clock, peer)


def emails(peer: Peer) -> list[EmailMessage]:
    """What the mail server took."""
    return [email.message_from_bytes(each.content, policy=email.policy.default) for each in peer.messages]  # type: ignore[misc]


def text_of(message: EmailMessage, subtype: str = "plain") -> str:
    part = message.get_body((subtype,))
    assert part is not None
    return str(part.get_content())


def reached(peer: Peer) -> list[str]:
    """Who the mail server took messages to."""
    return [received.recipients[0] for received in peer.messages]


def outbox(member: Member) -> list[Path]:
    """The messages in the outbox."""
    folder = database_of(member).journal.address.with_name("outbox")
    return sorted(folder.glob("*.eml")) if folder.exists() else []
