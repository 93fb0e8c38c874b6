"""A dispatcher as `afterword serve` builds it, run for a while against peers that are real servers."""

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path

from afterword.app import build_dispatcher
from afterword.base.clock import Clock
from afterword.base.settings import read_settings
from afterword.dispatch.dispatcher import Dispatcher
from afterword.domain.reviews.review import Review
from afterword.store.engine.engine_database import EngineDatabase
from tests.peers import Peer, RelayPeer
from tests.store.cast import Customer, Member, import_one, order, seen
from tests.store.databases import rows

MORE: dict[str, str] = {}
"""Settings of a test's own."""

SECRET = "a secret that signs the links of these tests"


def dispatcher_for(database: EngineDatabase, clock: Clock, smtp: str | None) -> Dispatcher:
    environment = {
        "AFTERWORD_DATA": str(database.journal.address.parent),
        "AFTERWORD_URL": "https://reviews.example",
        "AFTERWORD_SECRET": SECRET,
        **MORE,
    }
    if smtp is not None:
        environment |= {"AFTERWORD_SMTP": smtp, "AFTERWORD_FROM": "Reviews <reviews@afterword.example>"}
    return build_dispatcher(read_settings(environment), database, clock)


@asynccontextmanager
async def dispatching(
    database: EngineDatabase, clock: Clock, peer: Peer | None = None
) -> AsyncIterator[Dispatcher]:
    """Dispatches until the end of the block, then stops as SIGTERM does; without a peer, into the outbox."""
    dispatcher = dispatcher_for(database, clock, None if peer is None else peer.url)
    running = asyncio.create_task(dispatcher.run())
    try:
        yield dispatcher
    finally:
        dispatcher.stop()
        await asyncio.wait_for(running, 15)


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> float:
    """Waits for the condition and says how long that took. Fails when it takes longer than `seconds`."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while not condition():
        assert loop.time() - begun < seconds, "it did not come true"
        await asyncio.sleep(0.005)
    return loop.time() - begun


async def until_state(
    database: EngineDatabase, invitation_id: int, state: str, seconds: float = 5.0
) -> float:
    return await until(lambda: seen(database, invitation_id).state == state, seconds)


def imported(
    database: EngineDatabase, member: Member, id_order: str = "1234", *, live: bool = True, email: str = ""
) -> int:
    """The invitation of an order that came when these stories begin."""
    one = order(id_order, email=email or f"clara+{id_order}@nunez.example")
    return database.write_now(lambda tx: import_one(tx, member, one, live=live)).number


def reviewed(
    member: Member, clara: Customer, name: str = "1234", *, live: bool = True, **more: object
) -> Review:
    """Clara's review of the shop, about an order that came just before; she wants to know of a reply."""
    about = member.order(name, live=live, email=f"clara+{name}@nunez.example")
    return clara.reviews(about, wants_reply=True, **more)


def unsent(database: EngineDatabase) -> list[tuple[object, ...]]:
    """What is left besides invitations: kind, state, tries and reason."""
    asked = "SELECT kind, state, tries, reason FROM messages WHERE queue > 0 AND state <> 'sent' ORDER BY message_id"
    return rows(database, asked)


def all_is_sent(database: EngineDatabase) -> bool:
    return unsent(database) == []


def emails(peer: RelayPeer) -> list[EmailMessage]:
    """What the mail server took."""
    return [email.message_from_bytes(each.content, policy=email.policy.default) for each in peer.messages]  # type: ignore[misc]


def text_of(message: EmailMessage, subtype: str = "plain") -> str:
    part = message.get_body((subtype,))
    assert part is not None
    return str(part.get_content())


def outbox(database: EngineDatabase) -> list[Path]:
    """The letters in the outbox."""
    folder = database.journal.address.with_name("outbox")
    return sorted(folder.glob("*.eml")) if folder.exists() else []
