"""E-mails about reviews: what they say, who gets them, and that none goes which is not true any more."""

import asyncio
from email.message import EmailMessage

import pytest

from afterword.store.engine.engine_database import EngineDatabase
from tests.dispatch.running import all_is_sent, dispatching, emails, outbox, reviewed, text_of, unsent, until
from tests.peers import RelayPeer, run
from tests.scripted_peer import ScriptedPeer
from tests.store.cast import Customer, Member, MovableClock, another, closing_now
from tests.store.databases import rows
from tests.store.kinds import claims_one, hook
from tests.webhooks.receiver import Receiver

pytestmark = pytest.mark.usefixtures("reachable")


def send_all(database: EngineDatabase, clock: MovableClock, peer: RelayPeer | ScriptedPeer) -> None:
    async def watch() -> None:
        async with dispatching(database, clock, peer):
            await until(lambda: all_is_sent(database), 15)

    run(watch())


def subjects(peer: RelayPeer) -> list[str]:
    return [str(message["Subject"]) for message in emails(peer)]


def test_an_author_gets_the_receipt_of_each_review(
    database: EngineDatabase, alba: Member, clara: Customer, clock: MovableClock
) -> None:
    review = reviewed(alba, clara, text="Good bread.\nAnd <b>rolls</b>.")
    [(entry,)] = rows(database, "SELECT hash FROM chain WHERE kind = 'written'")
    with RelayPeer() as peer:
        send_all(database, clock, peer)
    [message] = emails(peer)
    said = text_of(message)
    assert peer.messages[0].recipients == ["clara+1234@nunez.example"]
    assert all(each in said for each in (entry, review.salt, "> Good bread.", "> And <b>rolls</b>."))
    assert f"https://reviews.example/s/{alba.shop.id}/verify" in said
    assert f"https://reviews.example/r/{alba.shop.id}/" in said
    assert "&lt;b&gt;rolls" in text_of(message, "html")


def test_a_message_of_test_mode_becomes_a_file_and_its_webhook_is_called(
    database: EngineDatabase, alba: Member, clara: Customer, clock: MovableClock
) -> None:
    with RelayPeer() as peer, Receiver() as receiver, Receiver() as live:
        hook(alba, receiver.url, live=False)
        hook(alba, live.url)
        reviewed(alba, clara, live=False)
        send_all(database, clock, peer)
    [file] = outbox(database)
    assert f"https://reviews.example/s/{alba.shop.id}/test/verify" in file.read_text() and peer.messages == []
    assert len(receiver.heard) == 2 and live.heard == []


def test_an_author_is_notified_of_each_decision(
    database: EngineDatabase, alba: Member, clara: Customer, clock: MovableClock
) -> None:
    with RelayPeer() as peer:
        review = reviewed(alba, clara)
        send_all(database, clock, peer)
        rejected = alba.rejects(review, "advertising")
        send_all(database, clock, peer)
        alba.replies(alba.publishes(rejected), "Thank you, Clara!")
        send_all(database, clock, peer)
    assert subjects(peer) == [
        "Thank you for your review of Alba's bakery",
        "Your review of Alba's bakery was not published",
        "Alba's bakery has replied to your review",
    ]
    assert "advertising, or a link to another site." in text_of(emails(peer)[1])
    assert "> Thank you, Clara!" in text_of(emails(peer)[2])


def test_what_is_not_so_any_more_is_not_sent(
    database: EngineDatabase, alba: Member, clara: Customer, clock: MovableClock
) -> None:
    rejected = alba.rejects(reviewed(alba, clara))
    clara.withdraws(alba.replies(alba.publishes(rejected)))
    alba.erases(reviewed(alba, clara, "2"))
    with RelayPeer() as peer:
        send_all(database, clock, peer)
    assert subjects(peer) == ["Thank you for your review of Alba's bakery"]


def test_a_shop_gets_one_digest_of_all_that_waits_and_the_next_after_a_while(
    database: EngineDatabase, alba: Member, clara: Customer, clock: MovableClock
) -> None:
    def digests() -> list[EmailMessage]:
        return [each for each in emails(peer) if "hello@alba.example" in str(each["To"])]

    async def watch() -> None:
        async with dispatching(database, clock, peer):
            await until(lambda: all_is_sent(database))
            for name in ("3", "4"):
                reviewed(strict, clara, name, now=clock.now)
            await until(lambda: [row[0] for row in unsent(database)] == ["digest"])
            await asyncio.sleep(0.1)
            assert len(digests()) == 1
            clock.step(901)
            await until(lambda: all_is_sent(database))

    strict = alba.changes(email="hello@alba.example").moderates()
    for name in ("1", "2"):
        reviewed(strict, clara, name)
    with RelayPeer() as peer:
        run(watch())
        first, second = digests()
    assert len(peer.messages) == 6
    assert first["Subject"] == "Alba's bakery: 2 reviews are waiting for you"
    assert second["Subject"] == "Alba's bakery: 4 reviews are waiting for you"
    assert "afterword review list 1" in text_of(first)


def test_an_author_suppressed_between_rcpt_and_data_gets_no_message(
    database: EngineDatabase, alba: Member, clara: Customer, clock: MovableClock
) -> None:
    def suppress_now() -> str:
        with closing_now(another(database)) as other:
            alba.on(other).suppresses("clara+1234@nunez.example")
        return "250 ok"

    reviewed(alba, clara)
    with ScriptedPeer({"RCPT": suppress_now}) as peer:
        send_all(database, clock, peer)
    assert peer.messages == []
    assert not any(line.startswith("DATA") for line in peer.dialogue)


def test_nothing_is_sent_while_the_journal_is_missing(
    database: EngineDatabase, alba: Member, clara: Customer, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(held, clock, peer):
            await asyncio.sleep(0.3)

    reviewed(alba, clara)
    assert alba.marks(claims_one("receipt", alba, clock.now), clock.now)
    reviewed(alba, clara, "2")
    database.journal.address.unlink()
    with Receiver() as receiver, RelayPeer() as peer, closing_now(another(database)) as held:
        assert held.is_held
        hook(alba, receiver.url)
        run(watch())
        assert peer.messages == [] and receiver.heard == []
