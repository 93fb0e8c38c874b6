"""Moderation: what the checks find waits, what no one looks at is published once, what is over stays so."""

from collections.abc import Callable
from functools import partial

import pytest

from afterword.actions.reviews.moderation import is_any_overdue, publish_overdue
from afterword.base.errors import Refused
from afterword.domain.reviews.checks.abuse import BadWords, word_list
from afterword.domain.reviews.checks.flags import FLAGS, look
from afterword.domain.reviews.moderation import REJECTION_REASONS
from afterword.domain.reviews.review import Review
from afterword.store.overview import WaitingReviews, waiting_by_shop
from tests.store.cast import NOW, SIGNER, Customer, Member, phone_number_found
from tests.store.kinds import hook
from tests.store.reviews.reviewing import counted, notified


@pytest.fixture
def strict(alba: Member) -> Member:
    """Alba, who looks at each of her reviews within an hour."""
    return alba.moderates()


def one_review(clara: Customer, member: Member, name: str = "A-1", **words: object) -> Review:
    about = member.order(name, email=f"{name}@mail.example")
    return clara.reviews(about, **{"text": f"About {name}."} | words)  # type: ignore[arg-type]


def test_what_the_checks_find_is_stored_in_their_words(alba: Member, clara: Customer) -> None:
    found = "See https://evil.example or call 06 12 34 56 78, and tell them that I have sent you."
    texts = ("Crisp.", found, found.upper())
    checks = partial(look, words=BadWords(word_list([]), word_list([])))
    reviews = [one_review(clara, alba, f"A-{n}", text=text, look=checks) for n, text in enumerate(texts)]
    assert [(each.state, each.flags) for each in reviews] == [
        ("published", ()),
        ("waiting", ("link", "phone number")),
        ("waiting", ("link", "phone number", "copied text")),
    ]
    assert [each.publish_at for each in reviews] == [None, None, None]
    assert not any("," in flag for flag in FLAGS), "they are stored with commas between"


@pytest.mark.parametrize("reason", REJECTION_REASONS)
def test_one_that_was_rejected_can_be_published_after_all_and_is_counted_once(
    alba: Member, clara: Customer, reason: str
) -> None:
    review = one_review(clara, alba, rating=1)
    rejected = alba.rejects(review, reason, NOW + 1)
    assert alba.asks(counted, review) == {("rejected", reason, 1): 1}
    again = alba.publishes(rejected, NOW + 2)
    assert (again.state, again.reason, again.published_at) == ("published", None, NOW + 2)
    assert alba.asks(counted, review) == {("published", "", 1): 1}


@pytest.mark.parametrize("decide", [Member.publishes, Member.rejects, Member.replies, Member.disputes])
@pytest.mark.parametrize("end", ["withdrawn", "erased"])
def test_what_is_withdrawn_or_erased_is_left_alone(
    alba: Member, clara: Customer, end: str, decide: Callable[[Member, Review], Review]
) -> None:
    review = one_review(clara, alba)
    over = clara.withdraws(review) if end == "withdrawn" else alba.erases(review)
    with pytest.raises(Refused, match=f"review {over.id} is {end}"):
        decide(alba, over)
    assert alba.finds(over) == over


def test_another_way_of_moderating_leaves_what_waits_waiting(strict: Member, clara: Customer) -> None:
    review = one_review(clara, strict)
    strict.changes(moderation="checks", publish_after=60)
    assert strict.finds(review).publish_at == NOW + 3_600
    assert not strict.asks(is_any_overdue, NOW + 3_599)
    assert strict.asks(is_any_overdue, NOW + 3_600)


def test_what_is_overdue_is_published_a_part_at_a_time(strict: Member, clara: Customer) -> None:
    for number in range(5):
        one_review(clara, strict, f"C-{number}")
    published = [strict.acts(publish_overdue, SIGNER, NOW + 3_600, most=2) for _ in range(4)]
    assert published == [2, 2, 1, 0]


def test_no_program_is_notified_of_the_words_of_an_erased_review(alba: Member, clara: Customer) -> None:
    hook(alba)
    other = one_review(clara, alba, "A-2")
    review = one_review(clara, alba, text="My secret words.")
    alba.erases(review)
    assert set(alba.rows("SELECT review_id FROM messages WHERE queue > 0")) == {(other.id,)}
    assert "secret words" not in str(alba.rows("SELECT payload FROM messages"))
    assert alba.asks(notified)


def test_what_waits_is_counted_by_shop(strict: Member, bruno: Member, clara: Customer) -> None:
    one_review(clara, strict, "A-1")
    one_review(clara, strict, "A-2", now=NOW + 60, look=phone_number_found)
    one_review(clara, strict, "A-3", now=NOW + 90, look=phone_number_found)
    one_review(clara, bruno.moderates(), "B-1", now=NOW + 120)
    clara.reviews(strict.order("T-1", live=False), text="A test.")
    assert strict.asks(waiting_by_shop) == [
        WaitingReviews(strict.shop.id, 3, NOW, NOW + 60),
        WaitingReviews(bruno.shop.id, 1, NOW + 120, None),
    ]
