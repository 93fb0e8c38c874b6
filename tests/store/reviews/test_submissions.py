"""What one form can cost: what is checked before the transaction, how often reviews change, copies in one order."""

import json

import pytest

from afterword.actions.reviews.writing import (
    REVIEWS_A_TRANSACTION,
    Said,
    Submission,
    prepare,
    unwritten,
    write_reviews,
)
from afterword.base.errors import ReviewChanged, TooManyChanges
from afterword.domain.reviews.review import CHANGES_WITHIN, MOST_ALIKE, MOST_CHANGES, Words
from afterword.store.orders import StoredOrder
from afterword.store.reviews.writing import reviews_of_order
from tests.store.cast import NOW, SIGNER, Customer, Member, nothing_found


def submitted(about: StoredOrder, *said: tuple[int, str, int]) -> Submission:
    """A form: of each review its line, its words, and the version that its author saw."""
    return Submission(about, [Said(line, Words(5, text), seen) for line, text, seen in said])


def test_only_what_would_be_stored_is_checked_and_once(alba: Member, clara: Customer) -> None:
    """Guarantee 11: a form that changes nothing, or that is refused, costs no check."""
    about, seen = alba.order(), []
    clara.reviews(about, 0, text="Kind people.")
    form = submitted(about, (0, "Kind people.", 1), (1, "Good bread.", 0), (2, "Good bread.", 0))
    new = clara.asks(unwritten, form, NOW)
    assert [said.line for said in new] == [1, 2]
    prepare(form, new, lambda checked: (seen.append(checked.text), ())[1])
    assert seen == ["Good bread."]
    with pytest.raises(ReviewChanged):
        clara.asks(unwritten, submitted(about, (0, "Unkind.", 0)), NOW)


def test_what_was_not_checked_is_not_stored(alba: Member, clara: Customer) -> None:
    """As when a review is withdrawn in another window after it was found unchanged."""
    about = alba.order()
    form = submitted(about, (0, "Kind people.", 1), (1, "Good bread.", 0))
    review = clara.reviews(about, 0, text="Kind people.")
    prepared = prepare(form, clara.asks(unwritten, form, NOW))
    clara.withdraws(review)
    with pytest.raises(ReviewChanged):
        clara.acts(write_reviews, form, prepared, signer=SIGNER, now=NOW)
    assert [one.state for one in clara.asks(reviews_of_order, about.shop.id, about.order_id).values()] == [
        "withdrawn"
    ]


def test_reviews_can_be_changed_twenty_times_a_day(alba: Member, clara: Customer) -> None:
    about, other = alba.order(), alba.order("A-2")
    clara.reviews(about, 1, text="Version 0.")
    for version in range(1, MOST_CHANGES):
        clara.reviews(about, 1, text=f"Version {version}.", seen=version, now=NOW + version)
    gone = clara.withdraws(clara.reviews(about, 0, text="Kind."), NOW + 30)
    again = clara.reviews(about, 0, text="Kind people.", seen=gone.version, now=NOW + 40)
    for line, seen in ((1, MOST_CHANGES), (0, again.version)):
        with pytest.raises(TooManyChanges):
            clara.reviews(about, line, text="Once more.", seen=seen, now=NOW + CHANGES_WITHIN)
    assert alba.finds(again).version == 2
    clara.reviews(about, 2, text="First words.", now=NOW + 50)
    clara.reviews(about, 0, text="Kind people.", seen=2, wants_reply=True, now=NOW + 50)
    clara.withdraws(alba.finds(again), NOW + 60)
    clara.reviews(other, 1, text="Another order.", now=NOW + 50)
    clara.reviews(about, 1, text="Once more.", seen=MOST_CHANGES, now=NOW + CHANGES_WITHIN + 1)


def test_the_same_words_about_many_products_of_one_order_are_copies(alba: Member, clara: Customer) -> None:
    same = "The very same words about each of the products that were in the parcel, one by one."
    lines = json.dumps([{"id": number, "name": f"Bread {number}"} for number in range(1, 9)])
    for count in (MOST_ALIKE, MOST_ALIKE + 1):
        about = alba.order(f"{count}", lines=lines, email=f"{count}@x.example")
        form = submitted(about, *((line, f"{same} {count}", 0) for line in range(count)), (8, "Short.", 0))
        prepared = prepare(form, form.said, nothing_found)
        written = clara.acts(write_reviews, form, prepared, signer=SIGNER, now=NOW)
        flags = [one.review.flags for one in written]
        assert flags == [("copied text",) * (count > MOST_ALIKE)] * count + [()]
    late = clara.reviews(about, 6, text=f"{same} {count}")
    assert late.flags == ("copied text",)


def test_a_form_is_stored_in_parts_for_which_nobody_waits_long(alba: Member) -> None:
    form = submitted(alba.order(), *((line, "Good.", 0) for line in range(2 * REVIEWS_A_TRANSACTION + 1)))
    assert [len(part.said) for part in form.parts()] == [REVIEWS_A_TRANSACTION, REVIEWS_A_TRANSACTION, 1]
    assert [said for part in form.parts() for said in part.said] == form.said
