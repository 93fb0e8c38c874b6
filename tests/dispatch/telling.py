"""Reviews of which somebody is to be told, for the stories of the notices."""

import email
import email.policy
from email.message import EmailMessage
from functools import partial

from afterword.domain.reviews.review import Review
from afterword.store.due_notices import claim_notices, due_notices, mark_notice
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.orders import StoredOrder
from afterword.store.webhooks import Webhook, add_webhook
from tests.peers import RelayPeer
from tests.store.cast import Member, MovableClock, order
from tests.store.reviews.reviewing import LINES, SIGNER, reviewed_order, write

SECRET = "whsec_" + "QWZ0ZXJ3b3Jk" * 3


def written(
    database: EngineDatabase, member: Member, id_order: str = "1234", *, live: bool = True, **more: object
) -> tuple[StoredOrder, Review]:
    """Clara's review of the shop."""

    def work(tx):  # type: ignore[no-untyped-def]
        one = order(id_order, lines=LINES, email=f"clara+{id_order}@nunez.example")
        reviewed = reviewed_order(tx, member, one, live=live)
        return reviewed, write(tx, reviewed, wants_reply=True, **more).review

    found: tuple[StoredOrder, Review] = database.write_now(work)
    return found


def decided(
    database: EngineDatabase, work: object, review: Review, *more: object, clock: MovableClock
) -> Review:
    found: Review = database.write_now(lambda tx: work(tx, review, *more, SIGNER, clock.now))  # type: ignore[operator]
    return found


def hooked(database: EngineDatabase, member: Member, url: str, *, live: bool = True) -> Webhook:
    return database.write_now(lambda tx: add_webhook(tx, member.shop, url, SECRET, live=live, now=0))


def waiting(database: EngineDatabase) -> list[tuple[object, ...]]:
    return database.read_now(
        lambda tx: tx.rows("SELECT kind, state, tries, error FROM notices ORDER BY notice_id")
    )


def nothing_waits(database: EngineDatabase) -> bool:
    return waiting(database) == []


def claimed(database: EngineDatabase, clock: MovableClock) -> list:  # type: ignore[type-arg]
    due = database.read_now(lambda tx: due_notices(tx, now=clock.now, most=10))
    work = partial(claim_notices, wanted=due, put_off=[], holder="dead", now=clock.now)
    return database.write_now(partial(work, lease_until=int(clock.now) + 100))


def marked(database: EngineDatabase, clock: MovableClock) -> bool:
    [claim] = claimed(database, clock)
    work = partial(mark_notice, claim=claim, now=clock.now, lease_until=int(clock.now) + 100)
    return database.write_now(work)


def letters(peer: RelayPeer) -> list[EmailMessage]:
    return [email.message_from_bytes(each.content, policy=email.policy.default) for each in peer.messages]  # type: ignore[misc]
