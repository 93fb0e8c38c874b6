"""Reviews: one of each order line, whose words are its author's alone; published, rejected, answered, withdrawn."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from afterword.actions.reviews.checking import CHECKS, looked_at
from afterword.base.errors import Refused, ReviewChanged
from afterword.domain.reviews.chain import commitment, subject_of, words_of
from afterword.domain.reviews.checks.flags import FLAGS, Checked
from afterword.domain.reviews.review import PRODUCTS, SITE, Review
from afterword.store.engine.database import Database
from afterword.store.reviews.chain import chain_head, entries_from
from afterword.store.reviews.counts import ratings
from afterword.store.reviews.writing import find_review, past_versions, reviews_of_order
from tests.store.cast import NOW, Customer, Member
from tests.store.databases import another, at_once, closing_now
from tests.store.reviews.reviewing import counted, kinds, notified


@pytest.fixture
def strict(bruno: Member) -> Member:
    """A shop that looks at every review by hand."""
    return bruno.moderates()


def notified_of(member: Member) -> list[str]:
    return [kind for kind, *_ in member.asks(notified)]


def words_in(review: Review) -> tuple[object, ...]:
    """What is its author's alone."""
    return review.rating, review.text, review.author, review.version, review.salt, review.written_at


@pytest.mark.parametrize("line", [0, 1], ids=["shop", "product"])
def test_a_review_is_published_at_once_when_the_checks_find_nothing(
    alba: Member, clara: Customer, line: int
) -> None:
    review = clara.reviews(alba.order(), line, 4, text="Crisp and still warm.")
    assert (review.state, review.version) == ("published", 1)
    assert (review.rating, review.text) == (4, "Crisp and still warm.")
    assert (review.scope, review.product_name) == (("100", "Rye bread") if line else (SITE, None))
    assert (review.author, review.experience_date, review.published_at) == ("Clara N.", "2019-01-01", NOW)
    assert alba.asks(find_review, review.id) == (alba.shop, review)
    assert alba.asks(kinds, review) == ["written", "published"]
    stars = alba.asks(ratings, alba.shop.id, review.scope, live=True)
    assert (stars.total, stars.average, stars.distribution) == (1, 4.0, (0, 0, 0, 1, 0))


@pytest.mark.parametrize(
    ("before", "after"), [("sent", "answered"), ("in_doubt", "answered"), ("cancelled", "cancelled")]
)
def test_the_invitation_is_answered_whether_or_not_its_message_was_known_to_arrive(
    alba: Member, clara: Customer, before: str, after: str
) -> None:
    about = alba.order()
    alba.executes("UPDATE messages SET state = :state", {"state": before})
    clara.reviews(about)
    assert alba.state(about.order_id) == after


def test_a_change_is_a_new_version_and_the_old_one_is_kept(alba: Member, clara: Customer) -> None:
    about = alba.order()
    first = clara.reviews(about, 1, 2, text="Too hard.")
    second = clara.reviews(about, 1, 5, text="Softer now.", seen=1, now=NOW + 60)
    assert (second.id, second.version) == (first.id, 2)
    assert (second.text, second.written_at) == ("Softer now.", NOW + 60)
    assert [each.text for each in alba.asks(past_versions, second)] == ["Too hard."]
    assert alba.asks(counted, second) == {("published", "", 5): 1}
    assert alba.asks(counted, second, PRODUCTS) == {("published", "", 5): 1}


@pytest.mark.parametrize("seen", [0, 2])
def test_an_author_who_saw_another_version_is_refused_and_nothing_is_stored(
    alba: Member, clara: Customer, seen: int
) -> None:
    about = alba.order()
    review = clara.reviews(about)
    with pytest.raises(ReviewChanged):
        clara.reviews(about, text="Other words.", seen=seen)
    assert alba.finds(review) == review


def test_of_many_who_write_at_once_one_is_first_and_the_others_are_refused(
    database: Database, alba: Member, clara: Customer
) -> None:
    about = alba.order()
    became: list[str] = []

    def race(number: int) -> None:
        try:
            clara.on((database, other)[number % 2]).reviews(about, text=f"Words of number {number}.")
            became.append("stored")
        except ReviewChanged:
            became.append("refused")

    with closing_now(another(database)) as other:
        at_once(race, *range(16))
    assert sorted(became) == ["refused"] * 15 + ["stored"]
    assert len(alba.asks(reviews_of_order, alba.shop.id, about.order_id)) == 1
    assert alba.asks(chain_head, alba.shop.id, live=True)[0] == 3


def test_where_a_person_looks_a_review_waits(strict: Member, clara: Customer) -> None:
    review = clara.reviews(strict.order(), rating=1)
    assert (review.state, review.flags, review.publish_at) == ("waiting", (), NOW + 3_600)


def test_the_stars_have_no_part_in_what_waits(alba: Member, clara: Customer) -> None:
    for stars, text in enumerate(("One.", "Two.", "Three.", "Four.", "Five."), 1):
        about = alba.order(f"S-{stars}", email=f"s{stars}@x.example")
        assert clara.reviews(about, 0, stars, text=text).state == "published"


def test_words_that_are_in_another_order_are_flagged(alba: Member, clara: Customer) -> None:
    first, second = (alba.order(name, email=f"{name}@x.example") for name in ("A-7", "A-8"))
    words = "Best bakery ever! Crisp bread, kind people, and always warm when I come at seven."
    assert clara.reviews(first, 0, text=words).flags == ()
    assert clara.reviews(first, 1, text=words).flags == ()
    assert clara.reviews(second, 0, text=words.upper().replace(",", " ...")).flags == ("copied text",)


def test_what_two_people_say_by_themselves_is_not_copied(alba: Member, clara: Customer) -> None:
    for name in ("A-7", "A-8"):
        assert clara.reviews(alba.order(name, email=f"{name}@x.example"), text="Very good!").flags == ()


def test_an_address_that_reviews_many_orders_at_once_is_flagged(alba: Member, clara: Customer) -> None:
    flags = [clara.reviews(alba.order(f"M-{n}"), text=f"Order number {n}.").flags for n in range(6)]
    assert flags == [(), (), (), (), (), ("many orders",)]


def test_a_loyal_customer_who_orders_every_day_is_not_flagged(alba: Member, clara: Customer) -> None:
    for n in range(20):
        order = alba.order(f"M-{n}")
        for line in (0, 1):
            review = clara.reviews(order, line, text=f"Order number {n}.", now=NOW + n * 86_400)
            assert (review.state, review.flags) == ("published", ())


def test_a_flagged_review_is_published_in_time_unless_only_a_person_can_clear_it(
    alba: Member, clara: Customer
) -> None:
    """In both modes, and whatever the stars."""
    for member in (alba, alba.moderates()):
        in_time = NOW + member.shop.publish_after
        for n, flag in enumerate(FLAGS):
            order = member.order(f"{member.shop.moderation}-{n}", email=f"{flag[0]}{n}@x.example")
            review = clara.reviews(
                order, 0, n % 5 + 1, text=f"Number {n}.", look=lambda _, flag=flag: (flag,)
            )
            publish_at = (
                None if flag in ("e-mail address", "phone number", "threat", "unknown state") else in_time
            )
            assert (review.state, review.flags, review.publish_at) == ("waiting", (flag,), publish_at)


def test_the_checks_see_the_text_the_name_the_language_and_the_shops_own_addresses(
    alba: Member, clara: Customer
) -> None:
    seen: list[Checked] = []

    def look(checked: Checked) -> tuple[str, ...]:
        seen.append(checked)
        return CHECKS(checked)

    member = alba.changes(site="https://www.albas.example")
    lines = '[{"id":100,"name":"Rye bread","url":"https://mill.example/rye"}]'
    order = member.order("A-9", lines=lines)
    review = clara.reviews(order, text="See albas.example, mill.example.", look=look)
    [checked] = seen
    assert (checked.text, checked.author, checked.lang) == (review.text, "Clara N.", review.lang)
    assert checked.own.hosts == {"albas.example", "mill.example"}
    assert review.flags == ()
    bad = member.order("A-10", firstname="Asshole", email="evil@x.example")
    assert clara.reviews(bad, text="Fine.", look=CHECKS).flags == ("abuse",)


def test_imports_are_checked_before_the_transaction() -> None:
    """Guarantee 11: what has been looked at is not looked at again, and nothing else is."""
    asked: list[Checked] = []
    look = looked_at(lambda checked: (asked.append(checked), ("link",))[1], [Checked("a"), Checked("b")])
    assert asked == [Checked("a"), Checked("b")]
    assert look(Checked("b")) == ("link",)
    with pytest.raises(KeyError):
        look(Checked("c"))
    assert len(asked) == 2


def test_a_rejected_author_is_notified_of_the_reason_and_can_send_it_again(
    alba: Member, clara: Customer
) -> None:
    about = alba.order()
    review = clara.reviews(about, rating=1, text="See my shop instead.")
    with pytest.raises(ValueError, match="is not a reason to reject a review"):
        alba.rejects(review, "too bad for us")
    rejected = alba.rejects(review, "advertising")
    assert (rejected.state, rejected.reason, rejected.published_at) == ("rejected", "advertising", None)
    assert alba.asks(counted, review) == {("rejected", "advertising", 1): 1}
    assert alba.asks(ratings, alba.shop.id, SITE, live=True).total == 0
    assert alba.asks(notified)[-1][::2] == ("rejection", "clara@nunez.example")
    better = clara.reviews(about, rating=1, text="Stale.", seen=1)
    assert (better.state, better.reason, better.version) == ("published", None, 2)


def test_a_reply_can_be_changed_and_taken_back_and_goes_with_the_words_that_it_answers(
    alba: Member, clara: Customer
) -> None:
    about = alba.order()
    review = clara.reviews(about, wants_reply=True)
    first = alba.replies(review, "Thank you!", NOW + 1)
    second = alba.replies(first, "Thank you, Clara!", NOW + 2)
    assert (second.reply, second.replied_at) == ("Thank you, Clara!", NOW + 2)
    none = alba.replies(second, None, NOW + 3)
    assert (none.reply, none.replied_at) == (None, None)
    with pytest.raises(Refused, match="has no reply"):
        alba.replies(none, None, NOW + 4)
    assert notified_of(alba) == ["receipt", "reply", "reply"]
    assert alba.replies(none, "Come again.", NOW + 5).reply == "Come again."
    assert clara.reviews(about, text="Other words.", seen=1, now=NOW + 6).reply is None


def test_a_customer_who_does_not_wish_it_is_not_notified_of_a_reply(alba: Member, clara: Customer) -> None:
    alba.replies(clara.reviews(alba.order()))
    assert notified_of(alba) == ["receipt"]


def test_a_dispute_is_shown_beside_the_review_which_stays_published(alba: Member, clara: Customer) -> None:
    review = alba.disputes(clara.reviews(alba.order()), "This order was cancelled.")
    assert (review.state, review.dispute) == ("published", "This order was cancelled.")


def test_what_is_erased_leaves_no_word_and_the_chain_whole(alba: Member, clara: Customer) -> None:
    about = alba.order()
    clara.reviews(about, text="First words.")
    review = clara.reviews(about, text="My secret words.", seen=1)
    erased = alba.erases(review)
    assert (erased.state, erased.text, erased.author) == ("erased", "", "")
    tables = ("reviews", "past_versions", "chain")
    left = " ".join(str(alba.rows(f"SELECT * FROM {table}")) for table in tables)
    assert "words" not in left and "Clara" not in left and review.salt not in left
    with pytest.raises(ReviewChanged):
        clara.reviews(about, seen=2)


DECISIONS = [Member.publishes, Member.rejects, Member.replies, Member.disputes, Member.erases]


@pytest.mark.parametrize("decide", [*DECISIONS, Customer.withdraws])
def test_what_was_decided_of_another_version_is_refused(
    strict: Member, clara: Customer, decide: Callable[[object, Review], Review]
) -> None:
    about = strict.order()
    old = clara.reviews(about)
    clara.reviews(about, text="Other words.", seen=1)
    with pytest.raises(ReviewChanged):
        decide(strict if decide in DECISIONS else clara, old)


def test_of_two_who_decide_at_once_the_second_is_refused_though_the_state_is_the_same(
    alba: Member, clara: Customer
) -> None:
    """Neither takes away what the other has done."""
    review = clara.reviews(alba.order())
    disputed = alba.disputes(review)
    with pytest.raises(ReviewChanged):
        alba.replies(review)
    assert alba.finds(review) == disputed


def test_words_are_changed_by_their_author_alone(alba: Member, clara: Customer) -> None:
    """Guarantee 10."""
    now = review = clara.reviews(alba.order(), rating=1, text="Stale.")
    for decide in (alba.replies, alba.disputes, alba.rejects, alba.publishes, clara.withdraws):
        now = decide(now)
        assert words_in(now) == words_in(review)


def test_an_id_says_nothing_of_how_many_reviews_or_orders_there_are(
    alba: Member, bruno: Member, clara: Customer
) -> None:
    """Guarantee 8. They fit into 31 bits, are no one else's, and rise as often as they fall."""
    ids = [clara.reviews(member.order(f"A-{n}")).id for n in range(30) for member in (alba, bruno)]
    assert len(set(ids)) == 60 and min(ids) > 0 and max(ids) < 2**31
    assert 10 < sum(first < second for first, second in pairwise(ids)) < 50
    public = [entry.content() for entry in alba.asks(entries_from, alba.shop.id, live=True)]
    assert not any(b"order_id" in content for content in public)


def test_ids_of_reviews_stay_small_however_many_orders_came_before(alba: Member, clara: Customer) -> None:
    """A known client keeps them in a signed 32-bit column."""
    about, far = alba.order(), 2**41
    for table, column in (("orders", "order_id"), ("messages", "message_id")):
        assert alba.executes(f"UPDATE {table} SET {column} = {column} + :far", {"far": far}) == 1
    review = clara.reviews(about._replace(order_id=about.order_id + far))
    assert review.order_id > far and 0 < review.id < 2**31


def test_no_shop_sees_or_counts_anothers_reviews(alba: Member, bruno: Member, clara: Customer) -> None:
    review = clara.reviews(alba.order())
    assert alba.asks(reviews_of_order, bruno.shop.id, review.order_id) == {}
    assert alba.asks(ratings, bruno.shop.id, SITE, live=True).total == 0
    assert alba.asks(entries_from, bruno.shop.id, live=True) == []


def test_test_reviews_are_counted_and_chained_apart(alba: Member, clara: Customer) -> None:
    assert not clara.reviews(alba.order(live=False)).live
    for live, chain in ((True, []), (False, ["key", "written", "published"])):
        assert alba.asks(ratings, alba.shop.id, SITE, live=live).total == (not live)
        assert [each.kind for each in alba.asks(entries_from, alba.shop.id, live=live)] == chain


def test_the_receipt_is_the_entry_that_commits_to_the_words(alba: Member, clara: Customer) -> None:
    written = clara.writes(alba.order())
    assert written.entry is not None
    words = commitment(written.review.salt, words_of(written.review))
    order = commitment(written.review.salt, subject_of(written.review))
    assert written.entry.details == f'{{"commitment":"{words}","order":"{order}"}}'
    assert written.entry.shop_id == alba.shop.id
