"""Reviews of elsewhere come in once, whoever imports them, and are marked as what they are."""

import threading

from afterword.actions.reviews.foreign import Became, import_reviews, which_imported_before
from afterword.domain.reviews.foreign import Foreign
from afterword.domain.reviews.review import SITE, Review
from afterword.store.engine.database import Transaction
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.orders import order_of
from afterword.store.reviews.chain import entries_from
from afterword.store.reviews.counts import counts, ratings
from afterword.store.reviews.verification import check_now
from afterword.store.reviews.walking import all_reviews
from afterword.store.shops import Shop
from tests.store.cast import NOW, Member, another, closing_now, import_one, order
from tests.store.reviews.reviewing import SIGNER, nothing_found, reviewed_order, told, write

THEN = NOW - 86_400


def foreign(key: str = "a", scope: str = "100", text: str = "Good crust.", **fields: object) -> Foreign:
    usual = {"product_name": "Rye bread", "rating": 4, "author": "Clara N.", "lang": "en"}
    usual |= {"experience_date": "2026-01-01", "written_at": THEN, "reply": None, "replied_at": None}
    return Foreign(key=key, scope=scope, text=text, **usual | fields)  # type: ignore[arg-type]


def bring(tx: Transaction, member: Member, *found: Foreign, live: bool = True) -> list[Became]:
    return import_reviews(
        tx, member.shop, "Old Reviews", found, live=live, look=suspicious, signer=SIGNER, now=NOW
    )


def suspicious(text: str) -> tuple[str, ...]:
    return ("link",) if "www" in text else ()


def stored(database: EngineDatabase, shop: Shop, live: bool = True) -> list[Review]:
    return [row.review for row in database.read_now(lambda tx: all_reviews(tx, shop.id, live=live))]


def test_a_review_of_elsewhere_is_published_as_of_its_day_and_marked(
    database: EngineDatabase, alba: Member
) -> None:
    one = foreign(reply="Thank you!", replied_at=THEN + 60)
    assert database.write_now(lambda tx: bring(tx, alba, one)) == ["imported"]
    [review] = stored(database, alba.shop)
    assert (review.state, review.imported_from) == ("published", "Old Reviews")
    assert (review.written_at, review.published_at, review.changed_at) == (THEN, THEN, NOW)
    assert (review.reply, review.replied_at) == ("Thank you!", THEN + 60)
    assert (review.text, review.author, review.rating, review.scope) == ("Good crust.", "Clara N.", 4, "100")
    assert database.read_now(lambda tx: ratings(tx, alba.shop.id, "100", live=True)).total == 1
    kinds = [entry.kind for entry in database.read_now(lambda tx: entries_from(tx, alba.shop.id, live=True))]
    assert kinds[:2] == ["key", "imported"]
    assert database.read_now(told) == []
    assert database.read_now(lambda tx: check_now(tx, alba.shop.id, review.id)) == (review, [])


def test_what_the_checks_find_waits_for_a_person(database: EngineDatabase, alba: Member) -> None:
    one = foreign(text="See www.evil.example")
    assert database.write_now(lambda tx: bring(tx, alba, one)) == ["waiting"]
    [review] = stored(database, alba.shop)
    assert (review.state, review.published_at, review.publish_at) == ("waiting", None, None)
    assert review.flags == ("link",)
    assert database.read_now(lambda tx: check_now(tx, alba.shop.id, review.id)) == (review, [])
    assert [
        each.state for each in database.read_now(lambda tx: counts(tx, alba.shop.id, "100", live=True))
    ] == ["waiting"]


def test_none_is_imported_twice(database: EngineDatabase, alba: Member) -> None:
    first, second, third = foreign("a"), foreign("b"), foreign("c")
    assert database.write_now(lambda tx: bring(tx, alba, first, second, first)) == [
        "imported",
        "imported",
        "imported before",
    ]
    assert database.write_now(lambda tx: bring(tx, alba, foreign("a", text="Other words."), third)) == [
        "imported before",
        "imported",
    ]
    assert [review.text for review in stored(database, alba.shop)] == ["Good crust."] * 3
    found = database.read_now(
        lambda tx: which_imported_before(tx, alba.shop, [first, foreign("d")], live=True)
    )
    assert found == [True, False]


def test_two_who_import_the_same_at_the_same_time_import_it_once(
    database: EngineDatabase, alba: Member
) -> None:
    became: list[Became] = []
    begin = threading.Barrier(2)

    def bring_all(own: EngineDatabase) -> None:
        begin.wait(10)
        for number in range(20):
            became.extend(own.write_now(lambda tx, number=number: bring(tx, alba, foreign(str(number)))))

    with closing_now(another(database)) as other:
        threads = [threading.Thread(target=bring_all, args=(each,)) for each in (database, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert sorted(became) == ["imported"] * 20 + ["imported before"] * 20
    assert len(stored(database, alba.shop)) == 20


def test_shops_and_worlds_import_for_themselves(
    database: EngineDatabase, alba: Member, bruno: Member
) -> None:
    for member, live in ((alba, True), (alba, False), (bruno, True)):
        assert database.write_now(lambda tx, m=member, w=live: bring(tx, m, foreign(), live=w)) == [
            "imported"
        ]
        assert len(stored(database, member.shop, live)) == 1


def test_an_imported_review_takes_no_orders_number(database: EngineDatabase, alba: Member) -> None:
    before = database.write_now(lambda tx: import_one(tx, alba, order("A-1"))).invitation_id
    database.write_now(lambda tx: bring(tx, alba, foreign("a"), foreign("b", SITE)))
    after = database.write_now(lambda tx: import_one(tx, alba, order("A-2"))).invitation_id
    [product, shop] = stored(database, alba.shop)
    assert len({before, product.order_id, shop.order_id, after}) == 4
    assert (product.line, shop.line) == (1, 0)
    assert database.read_now(lambda tx: order_of(tx, alba.shop, product.order_id)) is None


def test_words_that_were_imported_are_known_when_they_come_again(
    database: EngineDatabase, alba: Member
) -> None:
    words = "The crust is good, the crumb is better, and it keeps for days on end."

    def work(tx: Transaction) -> Review:
        bring(tx, alba, foreign(text=words))
        return write(
            tx, reviewed_order(tx, alba, order("A-3")), text=words.upper(), look=nothing_found
        ).review

    assert database.write_now(work).flags == ("copied text",)


def test_feeds_and_exports_have_each_review_with_its_order_if_it_has_one(
    database: EngineDatabase, alba: Member
) -> None:
    def work(tx: Transaction) -> None:
        write(tx, reviewed_order(tx, alba, order("A-4")), 1)
        bring(tx, alba, foreign("a"))

    database.write_now(work)
    ours, imported = database.read_now(lambda tx: all_reviews(tx, alba.shop.id, live=True))
    assert ours.order is not None and ours.order.id_order == "A-4"
    assert ours.product == ours.order.lines[0]
    assert (imported.order, imported.product) == (None, None)
