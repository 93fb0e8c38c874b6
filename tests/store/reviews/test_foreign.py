"""Reviews of elsewhere are imported once, even by two at the same time, and are labelled."""

from afterword.actions.reviews.foreign import Collection, ImportResult, import_reviews, which_imported_before
from afterword.domain.reviews.checks.flags import Checked
from afterword.domain.reviews.foreign import Foreign
from afterword.domain.reviews.review import SITE, Review
from afterword.store.engine.database import Database
from afterword.store.orders import order_of
from afterword.store.reviews.chain import entries_from
from afterword.store.reviews.counts import counts, ratings
from afterword.store.reviews.verification import check_now
from afterword.store.reviews.walking import all_reviews
from tests.store.cast import NOW, SIGNER, Customer, Member
from tests.store.databases import act, another, ask, at_once, closing_now
from tests.store.reviews.reviewing import notified

THEN = NOW - 86_400


def foreign(key: str = "a", scope: str = "100", text: str = "Good crust.", **fields: object) -> Foreign:
    usual = {"product_name": "Rye bread", "rating": 4, "author": "Clara N.", "lang": "en"}
    usual |= {"experience_date": "2026-01-01", "written_at": THEN, "reply": None, "replied_at": None}
    return Foreign(key=key, scope=scope, text=text, **usual | fields)  # type: ignore[arg-type]


def bring(member: Member, *found: Foreign, live: bool = True) -> list[ImportResult]:
    collection = Collection(member.shop, "Old Reviews", live)
    return act(member.store, import_reviews, collection, found, suspicious, signer=SIGNER, now=NOW)


def suspicious(checked: Checked) -> tuple[str, ...]:
    return ("link",) if "www" in checked.text else ()


def stored(member: Member, live: bool = True) -> list[Review]:
    return [row.review for row in ask(member.store, all_reviews, member.shop, live=live)]


def test_a_review_of_elsewhere_is_published_as_of_its_day_and_marked(alba: Member) -> None:
    one = foreign(reply="Thank you!", replied_at=THEN + 60)
    assert bring(alba, one) == ["imported"]
    [review] = stored(alba)
    assert (review.state, review.imported_from) == ("published", "Old Reviews")
    assert (review.written_at, review.published_at, review.changed_at) == (THEN, THEN, NOW)
    assert (review.reply, review.replied_at) == ("Thank you!", THEN + 60)
    assert (review.text, review.author, review.rating, review.scope) == ("Good crust.", "Clara N.", 4, "100")
    assert alba.asks(ratings, alba.shop.id, "100", live=True).total == 1
    kinds = [entry.kind for entry in alba.asks(entries_from, alba.shop.id, live=True)]
    assert kinds[:2] == ["key", "imported"]
    assert alba.asks(notified) == []
    assert alba.asks(check_now, alba.shop.id, review.id) == (review, [])


def test_what_the_checks_find_waits_for_a_person(alba: Member) -> None:
    assert bring(alba, foreign(text="See www.evil.example")) == ["waiting"]
    [review] = stored(alba)
    assert (review.state, review.published_at) == ("waiting", None)
    assert review.publish_at == NOW + alba.shop.publish_after
    assert review.flags == ("link",)
    assert alba.asks(check_now, alba.shop.id, review.id) == (review, [])
    assert [each.state for each in alba.asks(counts, alba.shop.id, "100", live=True)] == ["waiting"]


def test_what_its_source_does_not_clearly_show_waits_for_a_person(alba: Member) -> None:
    assert (
        bring(alba, foreign("a", is_unsure=True), foreign("b", text="www.x", is_unsure=True))
        == ["waiting"] * 2
    )
    assert [(each.state, each.publish_at, each.flags) for each in stored(alba)] == [
        ("waiting", None, ("unknown state",)),
        ("waiting", None, ("link", "unknown state")),
    ]
    assert alba.asks(ratings, alba.shop.id, "100", live=True).total == 0


def test_stars_without_words_or_a_date_of_experience_count_and_are_in_the_chain(
    alba: Member, clara: Customer
) -> None:
    """Two of them are no copies of each other, nor is what a customer writes later."""
    assert bring(alba, *(foreign(key, text="", experience_date="") for key in "abc")) == ["imported"] * 3
    assert alba.asks(ratings, alba.shop.id, "100", live=True).total == 3
    for review in stored(alba):
        assert (review.text, review.experience_date, review.flags) == ("", "", ())
        assert alba.asks(check_now, alba.shop.id, review.id) == (review, [])
    assert clara.reviews(alba.order("A-5"), text="…").flags == ()


def test_none_is_imported_twice(alba: Member) -> None:
    first, second, third = foreign("a"), foreign("b"), foreign("c")
    assert bring(alba, first, second, first) == ["imported", "imported", "imported before"]
    assert bring(alba, foreign("a", text="Other words."), third) == ["imported before", "imported"]
    assert [review.text for review in stored(alba)] == ["Good crust."] * 3
    asked = [first, foreign("d")]
    assert alba.asks(which_imported_before, alba.shop, asked, live=True) == [True, False]


def test_two_who_import_the_same_at_the_same_time_import_it_once(database: Database, alba: Member) -> None:
    became: list[ImportResult] = []

    def bring_all(own: Database) -> None:
        for number in range(20):
            became.extend(bring(alba.on(own), foreign(str(number))))

    with closing_now(another(database)) as other:
        at_once(bring_all, database, other)
    assert sorted(became) == ["imported"] * 20 + ["imported before"] * 20
    assert len(stored(alba)) == 20


def test_shops_and_modes_import_for_themselves(alba: Member, bruno: Member) -> None:
    for member, live in ((alba, True), (alba, False), (bruno, True)):
        assert bring(member, foreign(), live=live) == ["imported"]
        assert len(stored(member, live)) == 1


def test_an_imported_review_takes_no_orders_number(alba: Member) -> None:
    bring(alba, foreign("a"), foreign("b", SITE))
    found = {review.line: review for review in stored(alba)}
    assert found.keys() == {0, 1} and {review.order_id for review in found.values()} == {0}
    assert alba.asks(order_of, alba.shop, 0) is None


def test_words_that_were_imported_are_recognised_when_they_come_again(alba: Member, clara: Customer) -> None:
    words = "The crust is good, the crumb is better, and it keeps for days on end."
    bring(alba, foreign(text=words))
    assert clara.reviews(alba.order("A-3"), text=words.upper()).flags == ("copied text",)


def test_feeds_and_exports_have_each_review_with_its_order_if_it_has_one(
    alba: Member, clara: Customer
) -> None:
    clara.reviews(alba.order("A-4"), 1)
    bring(alba, foreign("a"))
    ours, imported = alba.asks(all_reviews, alba.shop, live=True)
    assert ours.order is not None and ours.order.id_order == "A-4"
    assert ours.product == ours.order.lines[0]
    assert (imported.order, imported.product) == (None, None)
