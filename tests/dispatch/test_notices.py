"""People by mail and programs by webhook are told what became of reviews: letters at most once, programs at least
once, and whoever cannot be told delays nobody else."""

import asyncio
import email
import email.policy
import json
import time
from email.message import EmailMessage
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from afterword.dispatch.receivers import Receiver as Receiver_
from afterword.domain.notices import GIVE_UP_POST_AFTER, Notice, next_try_at
from afterword.domain.reviews import Review
from afterword.store.due_notices import claim_notices, due_notices, mark_notice
from afterword.store.engine_database import EngineDatabase
from afterword.store.moderation import answer, erase, publish, reject
from afterword.store.reviews import ReviewedOrder, review_of, withdraw
from afterword.store.shops import change_shop
from afterword.store.suppressions import suppress
from afterword.store.webhooks import Webhook, add_webhook, webhooks_of
from tests.dispatch.running import dispatching, imported, outbox, until, until_state
from tests.peers import RelayPeer, run
from tests.scripted_peer import Line, ScriptedPeer
from tests.store.cast import Member, MovableClock, add_member, another, closing_now, open_database, order
from tests.store.reviewing import LINES, SIGNER, by_hand, reviewed_order, told, write
from tests.store.test_invitations import DUE
from tests.webhooks.receiver import Receiver, status

SECRET = "whsec_" + "QWZ0ZXJ3b3Jk" * 3
ALLOW = "127.0.0.0/8, ::1"


@pytest.fixture(autouse=True)
def reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine may be reached, and nobody waits long."""
    monkeypatch.setattr("tests.dispatch.running.MORE", {"AFTERWORD_WEBHOOK_ALLOW": ALLOW})
    monkeypatch.setattr("afterword.dispatch.notices.TICK", 0.02)
    monkeypatch.setattr("afterword.dispatch.receivers.FIRST_PAUSE", 0.05)


def written(
    database: EngineDatabase, member: Member, id_order: str = "1234", *, live: bool = True, **more: object
) -> tuple[ReviewedOrder, Review]:
    """Clara's review of the shop."""

    def work(tx):  # type: ignore[no-untyped-def]
        one = order(id_order, lines=LINES, email=f"clara+{id_order}@nunez.example")
        reviewed = reviewed_order(tx, member, one, live=live)
        return reviewed, write(tx, reviewed, wants_reply=True, **more).review

    found: tuple[ReviewedOrder, Review] = database.write_now(work)
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


def letters(peer: RelayPeer) -> list[EmailMessage]:
    return [email.message_from_bytes(each.content, policy=email.policy.default) for each in peer.messages]  # type: ignore[misc]


def subjects(peer: RelayPeer) -> list[str]:
    return [str(letter["Subject"]) for letter in letters(peer)]


def test_a_letter_has_the_receipt_of_each_review(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock, peer):
            await until(lambda: nothing_waits(database))

    _, review = written(database, alba, text="Good bread.\nAnd <b>rolls</b>.")
    entry = database.read_now(lambda tx: tx.rows("SELECT hash FROM chain WHERE kind = 'written'"))[0][0]
    with RelayPeer() as peer:
        run(watch())
    [letter] = letters(peer)
    said = letter.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert peer.messages[0].recipients == ["clara+1234@nunez.example"]
    assert all(each in said for each in (entry, review.salt, "> Good bread.", "> And <b>rolls</b>."))
    assert f"https://reviews.example/s/{alba.shop.id}/verify" in said
    assert f"https://reviews.example/r/{alba.shop.id}/" in said
    assert "&lt;b&gt;rolls" in letter.get_body(("html",)).get_content()  # type: ignore[union-attr]


def test_a_letter_of_the_test_world_becomes_a_file_and_its_webhook_is_called(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock, peer):
            await until(lambda: nothing_waits(database))

    with RelayPeer() as peer, Receiver() as receiver, Receiver() as live:
        hooked(database, alba, receiver.url, live=False)
        hooked(database, alba, live.url)
        written(database, alba, live=False)
        run(watch())
    [file] = outbox(database)
    assert f"https://reviews.example/s/{alba.shop.id}/test/verify" in file.read_text() and peer.messages == []
    assert len(receiver.heard) == 2 and live.heard == []


def test_what_becomes_of_a_review_is_told_to_its_author(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock, peer):
            await until(lambda: len(peer.messages) == 2 and nothing_waits(database))
            rejected = decided(database, reject, review, "advertising", clock=clock)
            await until(lambda: len(peer.messages) == 3 and nothing_waits(database))
            published = decided(database, publish, rejected, "shop", clock=clock)
            decided(database, answer, published, "Thank you, Clara!", clock=clock)
            await until(lambda: len(peer.messages) == 4 and nothing_waits(database))

    with RelayPeer() as peer:
        _, review = written(database, alba)
        written(database, alba, "2")
        run(watch())
    assert subjects(peer)[1:] == [
        "Alba's bakery: thank you for your review",
        "Alba's bakery: your review was not published",
        "Alba's bakery has replied to your review",
    ]
    texts = [letter.get_body(("plain",)).get_content() for letter in letters(peer)]  # type: ignore[union-attr]
    assert "advertising, or a link to somewhere else." in texts[2]
    assert "> Thank you, Clara!" in texts[3]


def test_what_is_not_so_any_more_is_not_told(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock, peer):
            await until(lambda: nothing_waits(database))

    _, review = written(database, alba)
    rejected = decided(database, reject, review, "abuse", clock=clock)
    published = decided(database, publish, rejected, "shop", clock=clock)
    replied = decided(database, answer, published, "Thanks!", clock=clock)
    decided(database, withdraw, replied, clock=clock)
    _, gone = written(database, alba, "2")
    decided(database, erase, gone, clock=clock)
    with RelayPeer() as peer:
        run(watch())
    assert subjects(peer) == ["Alba's bakery: thank you for your review"]


def test_a_shop_is_told_of_all_that_waits_in_one_letter_and_then_left_in_peace(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    def is_left_in_peace() -> bool:
        return "told" in [row[0] for row in waiting(database)]

    async def watch() -> None:
        async with dispatching(database, clock, peer):
            await until(lambda: len(told_to_shop(peer)) == 1 and is_left_in_peace(), 15)
            written(database, strict, "3")
            written(database, strict, "4")
            await until(lambda: len(peer.messages) == 5, 15)
            await asyncio.sleep(0.2)
            assert len(told_to_shop(peer)) == 1
            clock.step(901)
            await until(lambda: len(told_to_shop(peer)) == 2 and is_left_in_peace(), 15)
            clock.step(901)
            await until(lambda: nothing_waits(database), 15)

    changes = by_hand(alba.shop) | {"email": "hello@alba.example"}
    strict = alba._replace(shop=database.write_now(lambda tx: change_shop(tx, alba.shop, **changes)))
    written(database, strict)
    written(database, strict, "2")
    with RelayPeer() as peer:
        run(watch())
    assert len(peer.messages) == 6
    first, second = told_to_shop(peer)
    assert "2 reviews of Alba's bakery wait" in first and "4 reviews of Alba's bakery wait" in second
    assert "afterword review list 1" in first


def told_to_shop(peer: RelayPeer) -> list[str]:
    return [
        letter.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        for letter in letters(peer)
        if "hello@alba.example" in str(letter["To"])
    ]


def test_an_author_who_wants_no_more_letters_gets_none(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock, peer):
            await until(lambda: nothing_waits(database))

    reviewed, _ = written(database, alba)
    stop = {"live": True, "reason": "unsubscribed", "now": clock.now}
    database.write_now(lambda tx: suppress(tx, alba.shop, reviewed.email, **stop))
    with RelayPeer() as peer:
        run(watch())
    assert peer.messages == []


def test_an_author_suppressed_between_rcpt_and_data_gets_no_letter(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    def suppress_now() -> str:
        stop = {"live": True, "reason": "unsubscribed", "now": clock.now}
        with closing_now(another(database)) as other:
            other.write_now(lambda tx: suppress(tx, alba.shop, reviewed.email, **stop))
        return "250 ok"

    async def watch() -> None:
        async with dispatching(database, clock, peer):
            await until(lambda: nothing_waits(database))

    reviewed, _ = written(database, alba)
    with ScriptedPeer({"RCPT": suppress_now}) as peer:
        run(watch())
    assert peer.messages == []
    assert not any(line.startswith("DATA") for line in peer.dialogue)


def test_a_letter_is_tried_again_when_the_server_says_later(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock, peer):
            await until(lambda: waiting(database) == [("receipt", "waiting", 1, "451 later")])
            clock.step(400)
            await until(lambda: nothing_waits(database))

    written(database, alba)
    with ScriptedPeer({"RCPT": ["451 later"]}) as peer:
        run(watch())
    assert len(peer.messages) == 1


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ({"RCPT": "550 no such user"}, "550 no such user"),
        ({"letter": Line.CUT}, "the connection broke"),
    ],
)
def test_a_letter_that_cannot_go_or_may_have_gone_is_given_up(
    database: EngineDatabase, alba: Member, clock: MovableClock, script: dict[str, str | Line], error: str
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock, peer):
            await until(lambda: waiting(database)[0][1] == "failed")

    written(database, alba)
    with ScriptedPeer(dict(script)) as peer:
        run(watch())
    assert error in str(waiting(database)[0][3])


def test_a_mail_server_in_trouble_costs_no_try(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock, peer):
            await until(lambda: bool(waiting(database)[0][3]))
            assert waiting(database)[0][1:3] == ("waiting", 0)
            clock.step(10)
            await until(lambda: nothing_waits(database))

    written(database, alba)
    with ScriptedPeer({"greeting": ["421 not now"]}) as peer:
        run(watch())
    assert len(peer.messages) == 1


def test_what_a_crash_left_after_the_mark_does_not_go_again(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock, peer):
            await until(lambda: waiting(database)[0][1] == "failed")

    written(database, alba)
    assert marked(database, clock)
    clock.step(1_000)
    with RelayPeer() as peer:
        run(watch())
    assert peer.messages == []
    assert "whether it arrived is not known" in str(waiting(database)[0][3])


def test_what_a_crash_left_before_the_mark_goes(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock, peer):
            await asyncio.sleep(0.2)
            assert peer.messages == [], "its lease counts still"
            clock.step(1_000)
            await until(lambda: nothing_waits(database))

    written(database, alba)
    assert len(claimed(database, clock)) == 1
    with RelayPeer() as peer:
        run(watch())
    assert len(peer.messages) == 1


def claimed(database: EngineDatabase, clock: MovableClock) -> list:  # type: ignore[type-arg]
    due = database.read_now(lambda tx: due_notices(tx, now=clock.now, most=10))
    work = partial(claim_notices, wanted=due, put_off=[], holder="dead", now=clock.now)
    return database.write_now(partial(work, lease_until=int(clock.now) + 100))


def marked(database: EngineDatabase, clock: MovableClock) -> bool:
    [claim] = claimed(database, clock)
    work = partial(mark_notice, claim=claim, now=clock.now, lease_until=int(clock.now) + 100)
    return database.write_now(work)


def test_a_restored_database_does_not_send_a_letter_again(tmp_path: Path, clock: MovableClock) -> None:
    """Guarantee 9 counts for letters about reviews too."""

    async def watch(opened: EngineDatabase) -> None:
        async with dispatching(opened, clock, peer):
            await until(lambda: nothing_waits(opened))

    with RelayPeer() as peer:
        with closing_now(open_database(tmp_path)) as database:
            written(database, database.write_now(lambda tx: add_member(tx, "Alba's bakery")))
            database.read_now(lambda tx: tx.rows(f"VACUUM INTO '{tmp_path / 'backup.db'}'"))
            run(watch(database))
        for each in tmp_path.glob("afterword.db*"):
            each.unlink()
        (tmp_path / "backup.db").rename(tmp_path / "afterword.db")
        with closing_now(open_database(tmp_path)) as restored:
            run(watch(restored))
    assert len(peer.messages) == 1


def test_nothing_is_told_while_the_database_is_held(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    async def watch(opened: EngineDatabase) -> None:
        async with dispatching(opened, clock, peer):
            await asyncio.sleep(0.3)

    written(database, alba)
    assert marked(database, clock)
    written(database, alba, "2")
    database.journal.unlink()
    with Receiver() as receiver, RelayPeer() as peer, closing_now(another(database)) as held:
        assert held.is_held
        hooked(database, alba, receiver.url)
        run(watch(held))
        assert peer.messages == [] and receiver.heard == []


def test_two_dispatchers_tell_nobody_twice(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    async def watch(other: EngineDatabase) -> None:
        async with dispatching(database, clock, peer), dispatching(other, clock, peer):
            await until(lambda: nothing_waits(database), 15)

    with RelayPeer() as peer, Receiver() as receiver, closing_now(another(database)) as other:
        hooked(database, alba, receiver.url)
        for number in range(10):
            written(database, alba, f"{number}")
        to_tell = len([row for row in database.read_now(told) if row[1]])
        run(watch(other))
    assert len(peer.messages) == len({str(letter["Message-ID"]) for letter in letters(peer)}) == 10
    assert len(receiver.heard) == len({each.headers["webhook-id"] for each in receiver.heard}) == to_tell


def test_a_program_is_told_each_event_with_the_review_as_it_was(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock):
            await until(lambda: nothing_waits(database))

    with Receiver() as receiver:
        hooked(database, alba, receiver.url)
        _, review = written(database, alba)
        decided(database, reject, review, "off topic", clock=clock)
        run(watch())
    told_of = [json.loads(each.body) for each in receiver.heard]
    assert sorted(each["type"] for each in told_of) == [
        "review.published",
        "review.received",
        "review.rejected",
    ]
    states = {each["type"]: each["data"]["state"] for each in told_of}
    assert states == {
        "review.received": "published",
        "review.published": "published",
        "review.rejected": "rejected",
    }
    assert {each["data"]["text"] for each in told_of} == {"Good bread."}
    [webhook] = database.read_now(lambda tx: webhooks_of(tx, alba.shop.id))
    assert webhook.answered_at == int(clock.now)


def test_a_message_is_sent_again_under_the_same_id_until_it_is_taken(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock):
            for heard in (1, 2, 3):
                await until(lambda heard=heard: len(receiver.heard) >= heard)
                await asyncio.sleep(0.1)
                clock.step(100)
            await until(lambda: nothing_waits(database))

    with Receiver(status(500), status(302, Location="http://127.0.0.1:1/")) as receiver:
        hooked(database, alba, receiver.url)
        written(database, alba)
        run(watch())
    ids = [each.headers["webhook-id"] for each in receiver.heard]
    assert len(ids) == 4 and len(set(ids)) == 2
    bodies = {each.headers["webhook-id"]: each.body for each in receiver.heard}
    assert all(bodies[each.headers["webhook-id"]] == each.body for each in receiver.heard)


def test_a_program_that_says_that_it_is_gone_is_told_nothing_more(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock):
            await until(lambda: {row[1] for row in waiting(database)} == {"failed"})

    with Receiver(status(410)) as receiver:
        hooked(database, alba, receiver.url)
        written(database, alba)
        run(watch())
        written(database, alba, "2")
        assert len(receiver.heard) == 1
    [webhook] = database.read_now(lambda tx: webhooks_of(tx, alba.shop.id))
    assert webhook.stopped == "it answered 410: it is gone"
    kinds = database.read_now(told)
    assert [row for row in kinds if row[1]] == [("received", 1, ""), ("published", 1, "")]


def test_a_program_that_takes_nothing_for_three_days_is_stopped(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock):
            await until(lambda: max(row[2] for row in waiting(database)) == 1)
            clock.step(3 * 86_400)
            await until(lambda: {row[1] for row in waiting(database)} == {"failed"})

    with Receiver(*[status(500)] * 9) as receiver:
        hooked(database, alba, receiver.url)
        written(database, alba)
        run(watch())
    [webhook] = database.read_now(lambda tx: webhooks_of(tx, alba.shop.id))
    assert webhook.stopped == "it answered 500"


def test_a_dead_receiver_delays_neither_invitations_nor_other_receivers(
    database: EngineDatabase, alba: Member, bruno: Member, clock: MovableClock
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock, peer):
            await until(lambda: len(dead.heard) == 1)
            clock.now = DUE
            assert await until_state(database, invitation, "sent") < 2
            written(database, bruno, "2")
            assert await until(lambda: len(well.heard) == 2) < 2
            assert len(dead.heard) == 1, "one at a time"
            dead.__exit__()

    with RelayPeer() as peer, Receiver() as well, Receiver() as dead:
        dead.answers = [dead.stall] * 99
        hooked(database, alba, dead.url)
        hooked(database, bruno, well.url)
        invitation = imported(database, alba, "9")
        for number in range(3):
            written(database, alba, f"a{number}")
        run(watch())


def test_stopping_finishes_what_is_in_hand_and_puts_the_rest_back(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    def slowly(request: BaseHTTPRequestHandler) -> None:
        time.sleep(0.3)
        status(204)(request)

    async def watch() -> None:
        async with dispatching(database, clock):
            await until(lambda: len(receiver.heard) == 1)

    with Receiver(slowly) as receiver:
        hooked(database, alba, receiver.url)
        written(database, alba)
        run(watch())
        assert len(receiver.heard) == 1
    left = database.read_now(
        lambda tx: tx.rows("SELECT kind, state, claim FROM notices WHERE webhook_id > 0")
    )
    assert left == [("published", "waiting", None)]


def test_more_than_a_look_reads_of_one_receiver_hides_nobody_elses(
    database: EngineDatabase,
    alba: Member,
    bruno: Member,
    clock: MovableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def watch() -> None:
        async with dispatching(database, clock):
            await until(lambda: len(well.heard) == 2)
            dead.__exit__()

    monkeypatch.setattr("afterword.dispatch.notices.LOOK", 5)
    with Receiver() as well, Receiver() as dead:
        dead.answers = [dead.stall] * 99
        hooked(database, alba, dead.url)
        hooked(database, bruno, well.url)
        for number in range(6):
            written(database, alba, f"a{number}")
        written(database, bruno, "2")
        run(watch())


def test_a_review_that_was_erased_is_told_to_no_program(
    database: EngineDatabase, alba: Member, clock: MovableClock
) -> None:
    with Receiver() as receiver:
        hooked(database, alba, receiver.url)
        _, review = written(database, alba)
        decided(database, erase, review, clock=clock)
    assert "Good bread" not in str(database.read_now(lambda tx: tx.rows("SELECT payload FROM notices")))
    assert database.read_now(lambda tx: review_of(tx, alba.shop.id, review.id)) is not None


def test_who_takes_things_slowly_gets_the_next_when_it_would_be_ready() -> None:
    receiver = Receiver_()
    assert receiver.is_free
    receiver.is_in_trouble()
    assert not receiver.is_free and 0 < receiver.pause <= 1
    before = receiver.pause
    receiver.is_in_trouble()
    assert receiver.pause == 2 * before
    receiver.took_it(3.0)
    assert receiver.is_free and receiver.pause == 0
    assert [receiver.seconds_until(place) for place in (0, 1, 5)] == [1.0, 4.0, 16.0]


def test_a_program_is_tried_sooner_at_first_and_for_three_days() -> None:
    tries = [0]
    while True:
        notice = Notice(1, 1, True, "received", 7, 1, "", "{}", 0, len(tries) - 1)
        again = next_try_at(notice, tries[-1], 0.0)
        if again is None:
            break
        tries.append(again)
    assert tries[:6] == [0, 5, 65, 365, 2_165, 9_365]
    assert GIVE_UP_POST_AFTER - 15 * 3_600 < tries[-1] <= GIVE_UP_POST_AFTER
    assert next_try_at(Notice(1, 1, True, "received", 7, 1, "", "{}", 0, 0), 0, 1.0) == 6


def test_a_letter_is_tried_as_every_letter_is() -> None:
    notice = Notice(1, 1, True, "receipt", 0, 1, "clara@nunez.example", "{}", 0, 0)
    assert next_try_at(notice, 10, 0.0) == 310
    assert next_try_at(notice, 5 * 86_400, 0.0) is None
