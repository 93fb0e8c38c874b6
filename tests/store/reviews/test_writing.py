"""Reviews: one of each order line, whose words are its author's alone; published, rejected, answered, withdrawn."""

import threading
from collections.abc import Callable
from functools import partial

import pytest

from afterword.actions.reviews.moderation import answer, doubt, erase, publish, publish_overdue, reject
from afterword.actions.reviews.writing import withdraw
from afterword.base.errors import Refused, ReviewChanged
from afterword.domain.reviews.chain import commitment, words_of
from afterword.domain.reviews.review import PRODUCTS, SITE, Review
from afterword.store.engine.database import Transaction
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.reviews.chain import chain_head, entries_from, entries_of_review
from afterword.store.reviews.counts import ratings
from afterword.store.reviews.writing import find_review, past_versions, reviews_of_order
from afterword.store.shops import change_shop, find_shop
from tests.store.cast import NOW, Member, add_member, another, closing_now, order, state
from tests.store.reviews.reviewing import LINES, SIGNER, by_hand, counted, reviewed_order, told, write

SHOP_AND_PRODUCT = [0, 1]


@pytest.fixture
def strict(database: EngineDatabase) -> Member:
    """A shop that looks at every review by hand."""

    def work(tx: Transaction) -> Member:
        member = add_member(tx, "Carla's cheese")
        return member._replace(shop=change_shop(tx, member.shop, **by_hand(member.shop)))

    return database.write_now(work)


def kinds(tx: Transaction, review: Review) -> list[str]:
    return [entry.kind for entry in entries_of_review(tx, review.shop_id, review.id)]


@pytest.mark.parametrize("line", SHOP_AND_PRODUCT)
def test_a_review_is_published_at_once_when_the_checks_find_nothing(
    database: EngineDatabase, alba: Member, line: int
) -> None:
    def work(tx: Transaction) -> Review:
        about = reviewed_order(tx, alba, order("A-1", lines=LINES))
        return write(tx, about, line, 4, "Crisp and still warm.").review

    review = database.write_now(work)
    assert (review.state, review.version, review.rating, review.text) == (
        "published",
        1,
        4,
        "Crisp and still warm.",
    )
    assert (review.scope, review.product_name) == (("100", "Rye bread") if line else (SITE, None))
    assert (review.author, review.experience_date, review.published_at) == ("Clara N.", "2019-01-01", NOW)
    assert database.read_now(lambda tx: find_review(tx, review.id)) == (alba.shop, review)
    assert database.read_now(lambda tx: kinds(tx, review)) == ["written", "published"]
    stars = database.read_now(lambda tx: ratings(tx, alba.shop.id, review.scope, live=True))
    assert (stars.total, stars.average, stars.distribution) == (1, 4.0, (0, 0, 0, 1, 0))


def test_the_invitation_is_answered_whether_or_not_its_letter_was_known_to_arrive(
    database: EngineDatabase, alba: Member
) -> None:
    def work(tx: Transaction, state: str) -> int:
        about = reviewed_order(tx, alba, order(state))
        tx.run("UPDATE invitations SET state = :state", {"state": state})
        return write(tx, about).review.order_id

    for before, after in (("sent", "answered"), ("in_doubt", "answered"), ("cancelled", "cancelled")):
        order_id = database.write_now(partial(work, state=before))
        assert state(database, order_id) == after


def test_the_same_words_again_change_nothing_and_tell_nobody(database: EngineDatabase, alba: Member) -> None:
    about = database.write_now(lambda tx: reviewed_order(tx, alba, order("A-2")))
    first = database.write_now(lambda tx: write(tx, about))
    again = database.write_now(lambda tx: write(tx, about, now=NOW + 60))
    assert again.review == first.review and again.entry is None
    assert database.read_now(lambda tx: kinds(tx, first.review)) == ["written", "published"]
    assert len(database.read_now(told)) == 1


def test_a_change_is_a_new_version_and_the_old_one_is_kept(database: EngineDatabase, alba: Member) -> None:
    about = database.write_now(lambda tx: reviewed_order(tx, alba, order("A-3", lines=LINES)))
    first = database.write_now(lambda tx: write(tx, about, 1, 2, "Too hard.")).review
    second = database.write_now(lambda tx: write(tx, about, 1, 5, "Softer now.", seen=1, now=NOW + 60)).review
    assert (second.id, second.version, second.text, second.written_at) == (
        first.id,
        2,
        "Softer now.",
        NOW + 60,
    )
    assert [each.text for each in database.read_now(lambda tx: past_versions(tx, second))] == ["Too hard."]
    assert database.read_now(lambda tx: counted(tx, second)) == {("published", "", 5): 1}
    assert database.read_now(lambda tx: counted(tx, second, PRODUCTS)) == {("published", "", 5): 1}


def test_whoever_saw_another_version_is_told_and_nothing_is_stored(
    database: EngineDatabase, alba: Member
) -> None:
    about = database.write_now(lambda tx: reviewed_order(tx, alba, order("A-4")))
    review = database.write_now(lambda tx: write(tx, about)).review
    for seen in (0, 2):
        with pytest.raises(ReviewChanged):
            database.write_now(lambda tx, seen=seen: write(tx, about, text="Other words.", seen=seen))
    assert database.read_now(lambda tx: find_review(tx, review.id))[1] == review


def test_of_many_who_write_at_once_one_is_first_and_the_others_are_told(
    database: EngineDatabase, alba: Member
) -> None:
    about = database.write_now(lambda tx: reviewed_order(tx, alba, order("A-5")))
    became: list[str] = []

    def race(mine: EngineDatabase, number: int) -> None:
        try:
            mine.write_now(lambda tx: write(tx, about, text=f"Words of number {number}."))
            became.append("stored")
        except ReviewChanged:
            became.append("told")

    with closing_now(another(database)) as other:
        racers = [
            threading.Thread(target=race, args=((database, other)[number % 2], number))
            for number in range(16)
        ]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
    assert sorted(became) == ["stored"] + ["told"] * 15
    assert len(database.read_now(lambda tx: reviews_of_order(tx, alba.shop.id, about.order_id))) == 1
    assert database.read_now(lambda tx: chain_head(tx, alba.shop.id, live=True))[0] == 3


def test_where_a_person_looks_a_review_waits_and_time_publishes_it(
    database: EngineDatabase, strict: Member
) -> None:
    def work(tx: Transaction) -> Review:
        return write(tx, reviewed_order(tx, strict, order("C-1")), rating=1).review

    review = database.write_now(work)
    assert (review.state, review.publish_at) == ("waiting", NOW + 3_600)
    assert database.write_now(lambda tx: publish_overdue(tx, SIGNER, NOW + 3_599)) == 0
    assert database.write_now(lambda tx: publish_overdue(tx, SIGNER, NOW + 3_600)) == 1
    found = database.read_now(lambda tx: find_review(tx, review.id))[1]
    assert (found.state, found.published_at) == ("published", NOW + 3_600)
    assert database.write_now(lambda tx: publish_overdue(tx, SIGNER, NOW + 9_999)) == 0


def test_what_the_checks_find_waits_for_a_person_however_long(database: EngineDatabase, alba: Member) -> None:
    def work(tx: Transaction) -> Review:
        about = reviewed_order(tx, alba, order("A-6"))
        return write(tx, about, look=lambda text: ("link",)).review

    review = database.write_now(work)
    assert (review.state, review.flags, review.publish_at) == ("waiting", ("link",), None)
    assert database.write_now(lambda tx: publish_overdue(tx, SIGNER, NOW + 10**8)) == 0


def test_the_stars_have_no_part_in_what_waits(database: EngineDatabase, alba: Member) -> None:
    def work(tx: Transaction) -> list[str]:
        return [
            write(
                tx, reviewed_order(tx, alba, order(f"S-{stars}", email=f"s{stars}@x.example")), 0, stars, text
            ).review.state
            for stars, text in enumerate(("One.", "Two.", "Three.", "Four.", "Five."), 1)
        ]

    assert database.write_now(work) == ["published"] * 5


def test_words_that_stand_in_another_order_are_looked_at(database: EngineDatabase, alba: Member) -> None:
    def work(tx: Transaction) -> list[tuple[str, ...]]:
        first, second = (
            reviewed_order(tx, alba, order(name, email=f"{name}@x.example", lines=LINES))
            for name in ("A-7", "A-8")
        )
        words = "Best bakery ever! Crisp bread, kind people, and always warm when I come at seven."
        return [
            write(tx, first, 0, text=words).review.flags,
            write(tx, first, 1, text=words).review.flags,
            write(tx, second, 0, text=words.upper().replace(",", " ...")).review.flags,
        ]

    assert database.write_now(work) == [(), (), ("copied text",)]


def test_what_two_people_say_by_themselves_is_not_copied(database: EngineDatabase, alba: Member) -> None:
    def work(tx: Transaction) -> list[tuple[str, ...]]:
        return [
            write(
                tx, reviewed_order(tx, alba, order(name, email=f"{name}@x.example")), text="Very good!"
            ).review.flags
            for name in ("A-7", "A-8")
        ]

    assert database.write_now(work) == [(), ()]


def test_an_address_that_reviews_many_orders_is_looked_at(database: EngineDatabase, alba: Member) -> None:
    def work(tx: Transaction) -> list[tuple[str, ...]]:
        return [
            write(
                tx, reviewed_order(tx, alba, order(f"M-{number}")), text=f"Order number {number}."
            ).review.flags
            for number in range(4)
        ]

    assert database.write_now(work) == [(), (), (), ("many orders",)]


def test_a_rejected_author_is_told_the_reason_and_can_send_it_again(
    database: EngineDatabase, alba: Member
) -> None:
    about = database.write_now(lambda tx: reviewed_order(tx, alba, order("A-9")))
    review = database.write_now(lambda tx: write(tx, about, rating=1, text="See my shop instead.")).review
    with pytest.raises(ValueError, match="is no reason to reject a review"):
        database.write_now(lambda tx: reject(tx, review, "too bad for us", SIGNER, NOW))
    rejected = database.write_now(lambda tx: reject(tx, review, "advertising", SIGNER, NOW + 1))
    assert (rejected.state, rejected.reason, rejected.published_at) == ("rejected", "advertising", None)
    assert database.read_now(lambda tx: counted(tx, review)) == {("rejected", "advertising", 1): 1}
    assert database.read_now(told)[-1][::2] == ("rejected", "clara@nunez.example")
    better = database.write_now(lambda tx: write(tx, about, rating=1, text="Stale.", seen=1)).review
    assert (better.state, better.reason, better.version) == ("published", None, 2)


def test_a_reply_can_be_changed_and_taken_back_and_goes_with_the_words_that_it_answers(
    database: EngineDatabase, alba: Member
) -> None:
    about = database.write_now(lambda tx: reviewed_order(tx, alba, order("A-10")))
    review = database.write_now(lambda tx: write(tx, about, wants_reply=True)).review
    first = database.write_now(lambda tx: answer(tx, review, "Thank you!", SIGNER, NOW + 1))
    second = database.write_now(lambda tx: answer(tx, first, "Thank you, Clara!", SIGNER, NOW + 2))
    assert (second.reply, second.replied_at) == ("Thank you, Clara!", NOW + 2)
    none = database.write_now(lambda tx: answer(tx, second, None, SIGNER, NOW + 3))
    assert (none.reply, none.replied_at) == (None, None)
    with pytest.raises(Refused, match="has no reply"):
        database.write_now(lambda tx: answer(tx, none, None, SIGNER, NOW + 4))
    assert [kind for kind, *_ in database.read_now(told)] == ["receipt", "reply", "reply"]
    again = database.write_now(lambda tx: answer(tx, none, "Come again.", SIGNER, NOW + 5))
    changed = database.write_now(lambda tx: write(tx, about, text="Other words.", seen=1, now=NOW + 6)).review
    assert again.reply == "Come again." and changed.reply is None


def test_a_customer_who_does_not_wish_it_is_not_told_of_a_reply(
    database: EngineDatabase, alba: Member
) -> None:
    def work(tx: Transaction) -> list[str]:
        review = write(tx, reviewed_order(tx, alba, order("A-11"))).review
        answer(tx, review, "Thank you!", SIGNER, NOW)
        return [kind for kind, *_ in told(tx)]

    assert database.write_now(work) == ["receipt"]


def test_an_author_withdraws_and_may_write_again(database: EngineDatabase, alba: Member) -> None:
    about = database.write_now(lambda tx: reviewed_order(tx, alba, order("A-12")))
    review = database.write_now(lambda tx: write(tx, about)).review
    gone = database.write_now(lambda tx: withdraw(tx, review, SIGNER, NOW + 1))
    assert (gone.state, gone.published_at) == ("withdrawn", None)
    assert database.read_now(lambda tx: ratings(tx, alba.shop.id, SITE, live=True)).total == 0
    back = database.write_now(lambda tx: write(tx, about, seen=1, now=NOW + 2)).review
    assert (back.state, back.version) == ("published", 2)


def test_a_doubt_is_kept_beside_the_review_which_stays_where_it_is(
    database: EngineDatabase, alba: Member
) -> None:
    def work(tx: Transaction) -> Review:
        review = write(tx, reviewed_order(tx, alba, order("A-13"))).review
        return doubt(tx, review, "This order was cancelled.", SIGNER, NOW)

    review = database.write_now(work)
    assert (review.state, review.doubt) == ("published", "This order was cancelled.")


def test_what_is_erased_leaves_no_word_and_the_chain_whole(database: EngineDatabase, alba: Member) -> None:
    about = database.write_now(lambda tx: reviewed_order(tx, alba, order("A-14")))
    database.write_now(lambda tx: write(tx, about, text="First words."))
    review = database.write_now(lambda tx: write(tx, about, text="My secret words.", seen=1)).review
    erased = database.write_now(lambda tx: erase(tx, review, SIGNER, NOW + 1))
    assert (erased.state, erased.text, erased.author) == ("erased", "", "")

    def everything(tx: Transaction) -> str:
        tables = ("reviews", "past_versions", "chain")
        return " ".join(str(tx.rows(f"SELECT * FROM {table}")) for table in tables)

    left = database.read_now(everything)
    assert "words" not in left and "Clara" not in left and review.salt not in left
    with pytest.raises(ReviewChanged):
        database.write_now(lambda tx: write(tx, about, seen=2))


@pytest.mark.parametrize(
    "act",
    [
        lambda tx, review: publish(tx, review, "shop", SIGNER, NOW),
        lambda tx, review: withdraw(tx, review, SIGNER, NOW),
        lambda tx, review: reject(tx, review, "abuse", SIGNER, NOW),
        lambda tx, review: answer(tx, review, "Thanks.", SIGNER, NOW),
        lambda tx, review: doubt(tx, review, "Not ours.", SIGNER, NOW),
        lambda tx, review: erase(tx, review, SIGNER, NOW),
    ],
)
def test_what_was_decided_of_another_state_is_refused(
    database: EngineDatabase, strict: Member, act: Callable[[Transaction, Review], Review]
) -> None:
    def work(tx: Transaction) -> Review:
        about = reviewed_order(tx, strict, order("C-2"))
        old = write(tx, about).review
        write(tx, about, text="Other words.", seen=1)
        return old

    old = database.write_now(work)
    with pytest.raises(ReviewChanged):
        database.write_now(lambda tx: act(tx, old))


def test_of_two_who_decide_at_once_the_second_is_told_though_the_state_is_the_same(
    database: EngineDatabase, alba: Member
) -> None:
    """Neither takes away what the other has done."""
    about = database.write_now(lambda tx: reviewed_order(tx, alba, order("A-19")))
    review = database.write_now(lambda tx: write(tx, about)).review
    database.write_now(lambda tx: doubt(tx, review, "This order was cancelled.", SIGNER, NOW))
    with pytest.raises(ReviewChanged):
        database.write_now(lambda tx: answer(tx, review, "Thank you!", SIGNER, NOW))
    found = database.read_now(lambda tx: find_review(tx, review.id))[1]
    assert (found.doubt, found.reply) == ("This order was cancelled.", None)


def test_words_change_by_nobody_but_their_author(database: EngineDatabase, alba: Member) -> None:
    """Guarantee 10."""
    about = database.write_now(lambda tx: reviewed_order(tx, alba, order("A-15")))
    review = database.write_now(lambda tx: write(tx, about, rating=1, text="Stale.")).review
    steps: list[Callable[[Transaction, Review], Review]] = [
        lambda tx, each: answer(tx, each, "Sorry.", SIGNER, NOW + 1),
        lambda tx, each: doubt(tx, each, "Not our bread.", SIGNER, NOW + 2),
        lambda tx, each: reject(tx, each, "off topic", SIGNER, NOW + 3),
        lambda tx, each: publish(tx, each, "shop", SIGNER, NOW + 4),
        lambda tx, each: withdraw(tx, each, SIGNER, NOW + 5),
    ]
    now = review
    for step in steps:
        now = database.write_now(lambda tx, step=step, now=now: step(tx, now))
        kept = (now.rating, now.text, now.author, now.version, now.salt, now.written_at)
        assert kept == (1, "Stale.", review.author, 1, review.salt, review.written_at)


def test_no_shop_sees_or_counts_anothers_reviews(
    database: EngineDatabase, alba: Member, bruno: Member
) -> None:
    def work(tx: Transaction) -> Review:
        return write(tx, reviewed_order(tx, alba, order("A-16"))).review

    review = database.write_now(work)
    assert database.read_now(lambda tx: reviews_of_order(tx, bruno.shop.id, review.order_id)) == {}
    assert database.read_now(lambda tx: ratings(tx, bruno.shop.id, SITE, live=True)).total == 0
    assert database.read_now(lambda tx: entries_from(tx, bruno.shop.id, live=True)) == []


def test_test_reviews_are_a_world_of_their_own(database: EngineDatabase, alba: Member) -> None:
    def work(tx: Transaction) -> Review:
        return write(tx, reviewed_order(tx, alba, order("A-17"), live=False)).review

    review = database.write_now(work)
    assert not review.live
    assert database.read_now(lambda tx: ratings(tx, alba.shop.id, SITE, live=True)).total == 0
    assert database.read_now(lambda tx: ratings(tx, alba.shop.id, SITE, live=False)).total == 1
    assert database.read_now(lambda tx: entries_from(tx, alba.shop.id, live=True)) == []
    assert [
        each.kind for each in database.read_now(lambda tx: entries_from(tx, alba.shop.id, live=False))
    ] == [
        "key",
        "written",
        "published",
    ]


def test_the_receipt_is_the_entry_that_commits_to_the_words(database: EngineDatabase, alba: Member) -> None:
    def work(tx: Transaction) -> None:
        written = write(tx, reviewed_order(tx, alba, order("A-18")))
        assert written.entry is not None
        words = commitment(written.review.salt, words_of(written.review))
        assert written.entry.details == f'{{"commitment":"{words}"}}'
        assert find_shop(tx, str(written.entry.shop_id)) == alba.shop

    database.write_now(work)
