"""People are told by mail what became of reviews: each letter at most once, and nobody who wants none."""

import asyncio
from pathlib import Path

import pytest

from afterword.actions.moderation import answer, erase, publish, reject
from afterword.actions.writing import withdraw
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.shops import change_shop
from afterword.store.suppressions import suppress
from tests.dispatch.running import dispatching, outbox, until
from tests.dispatch.telling import claimed, decided, hooked, letters, marked, nothing_waits, waiting, written
from tests.peers import RelayPeer, run
from tests.scripted_peer import Line, ScriptedPeer
from tests.store.cast import Member, MovableClock, add_member, another, closing_now, open_database
from tests.store.reviews.reviewing import by_hand
from tests.webhooks.receiver import Receiver

pytestmark = pytest.mark.usefixtures("reachable")


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
        "Thank you for your review of Alba's bakery",
        "Your review of Alba's bakery was not published",
        "Alba's bakery has replied to your review",
    ]
    texts = [letter.get_body(("plain",)).get_content() for letter in letters(peer)]  # type: ignore[union-attr]
    assert "advertising, or a link to another site." in texts[2]
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
    assert subjects(peer) == ["Thank you for your review of Alba's bakery"]


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
    assert "2 reviews of Alba's bakery are waiting" in first and "4 reviews of Alba's bakery are" in second
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
    database.journal.address.unlink()
    with Receiver() as receiver, RelayPeer() as peer, closing_now(another(database)) as held:
        assert held.is_held
        hooked(database, alba, receiver.url)
        run(watch(held))
        assert peer.messages == [] and receiver.heard == []
