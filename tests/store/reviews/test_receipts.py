"""Receipts: what an author keeps to prove which words were theirs, and what became of them."""

from afterword.store.reviews.chain import entries_from
from afterword.store.reviews.receipts import find_receipt
from tests.store.cast import NOW, Customer, Member


def test_a_receipt_says_what_became_of_the_words(alba: Member, clara: Customer) -> None:
    def became() -> tuple[str, bool | None]:
        salt = first.review.salt
        found = alba.asks(find_receipt, alba.shop.id, first.entry.hash, live=True, salt=salt)
        assert found is not None
        return found.status, found.has_words

    about = alba.order()
    first = clara.writes(about, text="First words.")
    assert first.entry is not None
    assert became() == ("published", True)
    rejected = alba.rejects(first.review)
    assert became() == ("rejected", True)
    second = clara.reviews(about, text="Second words.", seen=1, now=NOW + 9)
    assert rejected.version == 1 and became() == ("changed", True)
    alba.erases(second, NOW + 10)
    assert became() == ("erased", False)


def test_a_receipt_is_of_an_author_and_of_one_chain(bakery: Member, bruno: Member) -> None:
    shop = bakery.shop.id
    for entry in bruno.asks(entries_from, shop, live=True):
        found = bruno.asks(find_receipt, shop, entry.hash, live=True)
        assert (found is not None) == (entry.kind in ("written", "imported"))
        for other, live in ((bruno.shop.id, True), (shop, False)):
            assert bruno.asks(find_receipt, other, entry.hash, live=live) is None


def test_words_that_were_exchanged_are_not_those_of_the_receipt(alba: Member, clara: Customer) -> None:
    written = clara.writes(alba.order(), text="Stale.")
    assert written.entry is not None
    alba.executes("UPDATE reviews SET text = 'Fresh.'")
    asked = alba.shop.id, written.entry.hash
    found = alba.asks(find_receipt, *asked, live=True, salt=written.review.salt)
    assert found is not None and (found.status, found.has_words) == ("other words", False)
    alba.executes("DELETE FROM reviews")
    found = alba.asks(find_receipt, *asked, live=True)
    assert found is not None and (found.status, found.has_words) == ("lost", None)
