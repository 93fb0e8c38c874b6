"""E-mails about reviews: what they say, who gets them, and that none goes which is not true any more."""

import pytest

from afterword.store.engine.database import Database
from tests.dispatch.running import emails, outbox, reviewed, send_all, suppressing, text_of
from tests.peers import Peer, RelayPeer
from tests.scripted_peer import ScriptedPeer
from tests.store.cast import Customer, Member, MovableClock
from tests.store.databases import rows
from tests.store.kinds import hook
from tests.webhooks.receiver import Receiver

pytestmark = pytest.mark.usefixtures("reachable")


def subjects(peer: Peer) -> list[str]:
    return [str(message["Subject"]) for message in emails(peer)]


def test_an_author_gets_the_receipt_of_each_review(
    database: Database, alba: Member, clara: Customer, clock: MovableClock
) -> None:
    review = reviewed(alba, clara, text="Good bread.\nAnd <b>rolls</b>.")
    [(entry,)] = rows(database, "SELECT hash FROM chain WHERE kind = 'written'")
    with RelayPeer() as peer:
        send_all(alba, clock, peer)
    [message] = emails(peer)
    said = text_of(message)
    assert peer.messages[0].recipients == ["clara+1234@nunez.example"]
    assert all(each in said for each in (entry, review.salt, "> Good bread.", "> And <b>rolls</b>."))
    assert f"https://reviews.example/s/{alba.shop.id}/verify" in said
    assert f"https://reviews.example/r/{alba.shop.id}/" in said
    assert "&lt;b&gt;rolls" in text_of(message, "html")


def test_a_message_of_test_mode_becomes_a_file_and_its_webhook_is_called(
    alba: Member, clara: Customer, clock: MovableClock
) -> None:
    with RelayPeer() as peer, Receiver() as receiver, Receiver() as live:
        hook(alba, receiver.url, live=False)
        hook(alba, live.url)
        reviewed(alba, clara, live=False)
        send_all(alba, clock, peer)
    [file] = outbox(alba)
    assert f"https://reviews.example/s/{alba.shop.id}/test/verify" in file.read_text() and peer.messages == []
    assert len(receiver.heard) == 2 and live.heard == []


def test_an_author_is_notified_of_each_decision(alba: Member, clara: Customer, clock: MovableClock) -> None:
    with RelayPeer() as peer:
        review = reviewed(alba, clara)
        send_all(alba, clock, peer)
        rejected = alba.rejects(review, "advertising")
        send_all(alba, clock, peer)
        alba.replies(alba.publishes(rejected), "Thank you, Clara!")
        send_all(alba, clock, peer)
    assert subjects(peer) == [
        "Thank you for your review of Alba's bakery",
        "Your review of Alba's bakery was not published",
        "Alba's bakery has replied to your review",
    ]
    assert "advertising, or a link to another site." in text_of(emails(peer)[1])
    assert "> Thank you, Clara!" in text_of(emails(peer)[2])


def test_what_is_not_so_any_more_is_not_sent(alba: Member, clara: Customer, clock: MovableClock) -> None:
    rejected = alba.rejects(reviewed(alba, clara))
    clara.withdraws(alba.replies(alba.publishes(rejected)))
    alba.erases(reviewed(alba, clara, "2"))
    with RelayPeer() as peer:
        send_all(alba, clock, peer)
    assert sorted(subjects(peer)) == [
        "Thank you for your review of Alba's bakery",
        "Your review of Alba's bakery was withdrawn",
    ]


def test_an_author_suppressed_between_rcpt_and_data_gets_no_message(
    alba: Member, clara: Customer, clock: MovableClock
) -> None:
    reviewed(alba, clara)
    with ScriptedPeer({"RCPT": suppressing(alba, "clara+1234@nunez.example")}) as peer:
        send_all(alba, clock, peer)
    assert not any(line.startswith("DATA") for line in peer.dialogue)


def test_a_shop_gets_one_digest_of_all_that_waits(alba: Member, clara: Customer, clock: MovableClock) -> None:
    strict = alba.changes(email="hello@alba.example").moderates()
    for name in ("1", "2"):
        reviewed(strict, clara, name)
    with RelayPeer() as peer:
        send_all(alba, clock, peer)
    assert len(peer.messages) == 3
    [digest] = [each for each in emails(peer) if "hello@alba.example" in str(each["To"])]
    assert digest["Subject"] == "Alba's bakery: 2 reviews are waiting for you"
    assert f"https://reviews.example/dashboard/{alba.shop.id}/moderation" in text_of(digest)
