"""Moderation: what the checks find waits, what nobody looks at is published once, what is over stays so."""

import threading
from collections.abc import Callable

import pytest

from afterword.actions.reviews.moderation import (
    answer,
    doubt,
    erase,
    is_any_overdue,
    publish,
    publish_overdue,
    reject,
)
from afterword.actions.reviews.writing import withdraw
from afterword.base.errors import Refused
from afterword.domain.reviews.flags import FLAGS, look
from afterword.domain.reviews.moderation import REJECTION_REASONS
from afterword.domain.reviews.review import Review
from afterword.store.engine.database import Transaction
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.notices import tell_programs
from afterword.store.overview import WaitingReviews, waiting_by_shop
from afterword.store.reviews.chain import entries_of_review
from afterword.store.reviews.writing import find_review
from afterword.store.shops import change_shop
from tests.store.cast import NOW, Member, another, closing_now, order
from tests.store.reviews.reviewing import SIGNER, by_hand, counted, reviewed_order, told, write


def strict(tx: Transaction, member: Member) -> Member:
    return member._replace(shop=change_shop(tx, member.shop, **by_hand(member.shop)))


def one_review(tx: Transaction, member: Member, name: str = "A-1", **words: object) -> Review:
    about = reviewed_order(tx, member, order(name, email=f"{name}@mail.example"))
    return write(tx, about, **{"text": f"About {name}."} | words).review  # type: ignore[arg-type]


def test_what_the_checks_find_is_stored_in_their_words(database: EngineDatabase, alba: Member) -> None:
    def work(tx: Transaction) -> list[Review]:
        found = "See https://evil.example or call 06 12 34 56 78, and tell them that I have sent you."
        texts = ("Crisp.", found, found.upper())
        return [one_review(tx, alba, f"A-{n}", text=text, look=look) for n, text in enumerate(texts)]

    reviews = database.write_now(work)
    assert [each.state for each in reviews] == ["published", "waiting", "waiting"]
    assert [each.flags for each in reviews] == [
        (),
        ("link", "phone number"),
        ("link", "phone number", "copied text"),
    ]
    assert not any("," in flag for flag in FLAGS), "they are stored with commas between"


@pytest.mark.parametrize("reason", REJECTION_REASONS)
def test_one_that_was_rejected_can_be_published_after_all_and_is_counted_once(
    database: EngineDatabase, alba: Member, reason: str
) -> None:
    review = database.write_now(lambda tx: one_review(tx, alba, rating=1))
    rejected = database.write_now(lambda tx: reject(tx, review, reason, SIGNER, NOW + 1))
    assert database.read_now(lambda tx: counted(tx, review)) == {("rejected", reason, 1): 1}
    again = database.write_now(lambda tx: publish(tx, rejected, "shop", SIGNER, NOW + 2))
    assert (again.state, again.reason, again.published_at) == ("published", None, NOW + 2)
    assert database.read_now(lambda tx: counted(tx, review)) == {("published", "", 1): 1}


@pytest.mark.parametrize("end", [withdraw, erase])
@pytest.mark.parametrize(
    "act",
    [
        lambda tx, each: publish(tx, each, "shop", SIGNER, NOW),
        lambda tx, each: reject(tx, each, "abuse", SIGNER, NOW),
        lambda tx, each: answer(tx, each, "Thanks.", SIGNER, NOW),
        lambda tx, each: doubt(tx, each, "Not ours.", SIGNER, NOW),
    ],
)
def test_what_is_withdrawn_or_erased_is_left_alone(
    database: EngineDatabase,
    alba: Member,
    end: Callable[..., Review],
    act: Callable[[Transaction, Review], Review],
) -> None:
    over = database.write_now(lambda tx: end(tx, one_review(tx, alba), SIGNER, NOW + 1))
    with pytest.raises(Refused, match=f"review {over.id} is {over.state}"):
        database.write_now(lambda tx: act(tx, over))
    assert database.read_now(lambda tx: find_review(tx, over.id))[1] == over


def test_another_mode_leaves_what_waits_waiting(database: EngineDatabase, alba: Member) -> None:
    carla = database.write_now(lambda tx: strict(tx, alba))
    review = database.write_now(lambda tx: one_review(tx, carla))
    database.write_now(lambda tx: change_shop(tx, carla.shop, moderation="checks", publish_after=60))
    assert database.read_now(lambda tx: find_review(tx, review.id))[1].publish_at == NOW + 3_600
    assert not database.read_now(lambda tx: is_any_overdue(tx, NOW + 3_599))
    assert database.read_now(lambda tx: is_any_overdue(tx, NOW + 3_600))


def test_what_is_overdue_is_published_a_part_at_a_time(database: EngineDatabase, alba: Member) -> None:
    def work(tx: Transaction) -> None:
        carla = strict(tx, alba)
        for number in range(5):
            one_review(tx, carla, f"C-{number}")

    database.write_now(work)
    published = [
        database.write_now(lambda tx: publish_overdue(tx, SIGNER, NOW + 3_600, most=2)) for _ in range(4)
    ]
    assert published == [2, 2, 1, 0]


def test_of_two_who_publish_what_is_overdue_each_review_is_published_by_one(
    database: EngineDatabase, alba: Member, bruno: Member
) -> None:
    def work(tx: Transaction) -> list[Review]:
        members = [strict(tx, member) for member in (alba, bruno)]
        return [one_review(tx, members[number % 2], f"N-{number}") for number in range(20)]

    def publish_all(mine: EngineDatabase) -> None:
        ready.wait()
        try:
            while count := mine.write_now(lambda tx: publish_overdue(tx, SIGNER, NOW + 3_600, most=7)):
                published.append(count)
        except Exception as error:
            failed.append(error)

    reviews = database.write_now(work)
    published: list[int] = []
    failed: list[Exception] = []
    ready = threading.Barrier(2)
    with closing_now(another(database)) as other:
        both = [threading.Thread(target=publish_all, args=(each,)) for each in (database, other)]
        for each in both:
            each.start()
        for each in both:
            each.join()
    assert failed == []
    assert sum(published) == 20
    for review in reviews:
        entries = database.read_now(
            lambda tx, review=review: entries_of_review(tx, review.shop_id, review.id)
        )
        assert [entry.kind for entry in entries] == ["written", "published"]


def test_nobody_is_told_the_words_of_what_was_erased(database: EngineDatabase, alba: Member) -> None:
    def work(tx: Transaction) -> None:
        tx.run(
            "INSERT INTO webhooks (shop_id, webhook_id, live, url, secret, created_at) "
            "VALUES (:shop_id, 1, 1, 'https://alba.example/hook', 's', 1)",
            {"shop_id": alba.shop.id},
        )
        other = one_review(tx, alba, "A-2")
        review = one_review(tx, alba, text="My secret words.")
        tell_programs(tx, review, "received", now=NOW)
        erase(tx, review, SIGNER, NOW + 1)
        assert {row[0] for row in tx.rows("SELECT review_id FROM notices")} == {other.id}
        assert "secret words" not in str(tx.rows("SELECT payload FROM notices"))
        assert told(tx)

    database.write_now(work)


def test_what_waits_is_counted_by_shop(database: EngineDatabase, alba: Member, bruno: Member) -> None:
    def work(tx: Transaction) -> list[WaitingReviews]:
        carla = strict(tx, alba)
        one_review(tx, carla, "A-1")
        one_review(tx, carla, "A-2", now=NOW + 60, look=lambda text: ("link",))
        one_review(tx, carla, "A-3", now=NOW + 90, look=lambda text: ("link",))
        one_review(tx, strict(tx, bruno), "B-1", now=NOW + 120)
        about = reviewed_order(tx, carla, order("T-1"), live=False)
        write(tx, about, text="A test.")
        return waiting_by_shop(tx)

    assert database.write_now(work) == [
        WaitingReviews(alba.shop.id, 3, NOW, NOW + 60),
        WaitingReviews(bruno.shop.id, 1, NOW + 120, None),
    ]
