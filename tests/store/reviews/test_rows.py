"""Reviews in pages: none is skipped or told twice while others come, and none is read but those that are given."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from afterword.actions.reviews.moderation import answer, erase, reject
from afterword.actions.reviews.writing import withdraw
from afterword.domain.reviews.review import PRODUCTS, SITE, Review, ReviewState
from afterword.store.engine.database import Transaction
from afterword.store.engine.engine_database import EngineDatabase
from afterword.store.queries import query
from afterword.store.reviews.pages import (
    LISTED,
    Selection,
    count_selected,
    cursors_of,
    reviews_at,
    simplified,
)
from afterword.store.reviews.rows import (
    NEWEST_START,
    OLDEST_START,
    Cursor,
    changed_reviews,
    published_reviews,
    reviews_by_stars,
    shown_reviews,
    waiting_reviews,
)
from afterword.store.shops import cache_key_of, current_public_key, revoke_key
from tests.store.cast import NOW, Member, order
from tests.store.reviews.reviewing import LINES, SIGNER, reviewed_order, write

Page = Callable[[Transaction, Cursor], list[Review]]


def review(tx: Transaction, member: Member, id_order: str, line: int = 0, **said: Any) -> Review:
    one = order(id_order, email=f"{id_order}@mail.example", lines=LINES)
    about = reviewed_order(tx, member, one, live=said.pop("live", True))
    return write(tx, about, line, **{"text": f"About {id_order}.", **said}).review


# What is shown.


def test_what_is_shown_is_what_is_published_of_one_scope_the_newest_first(
    database: EngineDatabase, alba: Member, bruno: Member
) -> None:
    def work(tx: Transaction) -> list[int]:
        made = [review(tx, alba, f"A-{n}", now=NOW + n // 2) for n in range(4)]
        review(tx, alba, "product", 1)
        review(tx, alba, "test", live=False)
        review(tx, alba, "waits", look=lambda text: ("link",))
        review(tx, bruno, "other shop")
        return [each.id for each in made]

    ids = database.write_now(work)
    shown = database.read_now(lambda tx: shown_reviews(tx, alba.shop.id, SITE, live=True, most=1_000))
    assert [each.id for each in shown] == ids[::-1]
    assert (shown[0].author, shown[0].published_at, shown[0].reply) == ("Clara N.", NOW + 1, None)
    three = database.read_now(lambda tx: shown_reviews(tx, alba.shop.id, SITE, live=True, most=3))
    assert three == shown[:3]


def test_the_standing_changes_with_whatever_becomes_of_a_review(
    database: EngineDatabase, alba: Member
) -> None:
    key = alba.shown.public_key
    seen = []

    def look() -> None:
        seen.append(database.read_now(lambda tx: cache_key_of(tx, alba.shop.id, key)))

    look()
    made = database.write_now(lambda tx: review(tx, alba, "A-1"))
    look()
    replied = database.write_now(lambda tx: answer(tx, made, "Thank you!", SIGNER, NOW))
    look()
    database.write_now(lambda tx: withdraw(tx, replied, SIGNER, NOW))
    look()
    assert len(set(seen)) == 4
    database.write_now(lambda tx: review(tx, alba, "A-1", live=False))
    look()
    assert seen[-1] == seen[-2], "the other world's reviews are none of its business"


def test_a_public_key_is_its_shops_until_it_is_revoked(
    database: EngineDatabase, alba: Member, bruno: Member
) -> None:
    key = alba.shown.public_key
    assert database.read_now(lambda tx: cache_key_of(tx, bruno.shop.id, key)) is None
    assert database.read_now(lambda tx: current_public_key(tx, alba.shop, live=True)) == key
    [(key_id,)] = database.read_now(lambda tx: tx.rows("SELECT key_id FROM keys WHERE secret = :key", (key,)))
    database.write_now(lambda tx: revoke_key(tx, key_id, NOW))
    assert database.read_now(lambda tx: cache_key_of(tx, alba.shop.id, key)) is None
    assert database.read_now(lambda tx: current_public_key(tx, alba.shop, live=True)) is None
    test_key = database.read_now(lambda tx: current_public_key(tx, alba.shop, live=False))
    assert test_key == alba.shown.public_test_key


# Pages.


def pages(alba: Member) -> dict[str, tuple[Page, Cursor, Callable[[Review], Cursor]]]:
    """Each way of reading in pages of two: how, where it begins, and where a review stands in it."""
    shop_id = alba.shop.id

    def listed(newest_first: bool) -> Page:
        selection = Selection(shop_id, True, newest_first=newest_first)

        def read(tx: Transaction, behind: Cursor) -> list[Review]:
            places = cursors_of(tx, selection, behind=behind, most=2)
            return [found for found, _ in reviews_at(tx, shop_id, places)]

        return read

    def published(order: Any, **more: Any) -> Page:
        return lambda tx, behind: published_reviews(
            tx, shop_id, SITE, live=True, order=order, behind=behind, most=2, **more
        )

    by_publication = lambda found: Cursor(found.published_at or 0, found.id)  # noqa: E731
    by_words = lambda found: Cursor(found.written_at, found.id)  # noqa: E731
    by_change = lambda found: Cursor(found.changed_at, found.id)  # noqa: E731
    return {
        "newest": (published("newest"), NEWEST_START, by_publication),
        "oldest": (published("oldest"), OLDEST_START, by_publication),
        "of rating": (published("newest", rating=5), NEWEST_START, by_publication),
        "waiting": (
            lambda tx, behind: waiting_reviews(tx, shop_id, live=True, behind=behind, most=2),
            OLDEST_START,
            by_words,
        ),
        "changed": (
            lambda tx, behind: changed_reviews(tx, shop_id, live=True, behind=behind, most=2),
            NEWEST_START,
            by_change,
        ),
        "listed, newest": (listed(True), NEWEST_START, by_words),
        "listed, oldest": (listed(False), OLDEST_START, by_words),
    }


WAYS = ("newest", "oldest", "of rating", "waiting", "changed", "listed, newest", "listed, oldest")


@pytest.mark.parametrize("way", WAYS)
def test_paging_neither_skips_nor_repeats_while_others_come(
    database: EngineDatabase, alba: Member, way: str
) -> None:
    page, behind, place_of = pages(alba)[way]
    look = {"look": lambda text: ("link",)} if way == "waiting" else {}

    def more(tx: Transaction, name: str, many: int, now: int) -> list[int]:
        return [review(tx, alba, f"{name}-{n}", now=now + n // 3, **look).id for n in range(many)]

    there = database.write_now(lambda tx: more(tx, "first", 8, NOW))
    seen: list[int] = []
    while found := database.read_now(lambda tx, b=behind: page(tx, b)):  # type: ignore[misc]
        behind = place_of(found[-1])
        seen += [each.id for each in found]
        if len(seen) < 8:
            name, at = f"at-{len(seen)}", NOW + 100 * len(seen)
            database.write_now(lambda tx, n=name, at=at: more(tx, n, 2, at))  # type: ignore[misc]
    from_the_front = way in ("oldest", "waiting", "listed, oldest")
    assert len(set(seen)) == len(seen)
    assert seen[:8] == (there if from_the_front else there[::-1])
    assert len(seen) == (14 if from_the_front else 8)


def test_the_pages_of_some_stars_go_on_behind_the_last_review(
    database: EngineDatabase, alba: Member, bruno: Member
) -> None:
    def work(tx: Transaction) -> None:
        for number in range(12):
            about = reviewed_order(tx, alba, order(f"S-{number}", email=f"{number}@mail.example"))
            write(tx, about, rating=number % 3 + 1, text=f"About {number}.", now=NOW + number)
        write(tx, reviewed_order(tx, bruno, order("S-1")), rating=3)

    database.write_now(work)
    found: list[Review] = []
    stars, behind = (3, 1), None
    while True:
        asked = {"stars": stars, "behind": behind, "most": 3}
        page = database.read_now(lambda tx, a=asked: reviews_by_stars(tx, alba.shop.id, SITE, live=True, **a))
        if not page:
            break
        found += page
        last = page[-1]
        stars, behind = (3, 1) if last.rating == 3 else (1,), Cursor(last.published_at or 0, last.id)
    assert [review.text for review in found] == [f"About {n}." for n in (11, 8, 5, 2, 9, 6, 3, 0)]


STATES: tuple[ReviewState, ...] = ("waiting", "published", "rejected", "withdrawn", "erased")


def of_all_kinds(tx: Transaction, alba: Member) -> list[Review]:
    """Reviews of three scopes in five states, written in no order; some changed since."""
    chance = random.Random(4)
    made = []
    for number in range(45):
        state, line = STATES[number % 5], number % 3
        look = (lambda text: ("link",)) if state == "waiting" else (lambda text: ())
        at = NOW + chance.randrange(20)
        one = review(tx, alba, f"{number}", line, now=at, look=look)
        if state == "rejected":
            one = reject(tx, one, "abuse", SIGNER, at)
        elif state == "withdrawn":
            one = withdraw(tx, one, SIGNER, at)
        elif state == "erased":
            one = erase(tx, one, SIGNER, at)
        elif number % 4 == 0:
            one = answer(tx, one, "Thank you!", SIGNER, NOW + 100)
        made.append(one)
    return made


def test_whatever_is_selected_is_exactly_that_and_is_counted_so(
    database: EngineDatabase, alba: Member, bruno: Member
) -> None:
    made = database.write_now(lambda tx: of_all_kinds(tx, alba))
    database.write_now(lambda tx: review(tx, bruno, "other shop"))
    database.write_now(lambda tx: review(tx, alba, "test", live=False))
    for scope in (None, SITE, PRODUCTS, "100", "300"):
        for states in (LISTED, ("waiting",), ("published",), ("rejected", "withdrawn")):
            for since in (None, NOW + 10, NOW + 100, NOW + 1_000):
                expected = [
                    one
                    for one in sorted(made, key=lambda one: (one.written_at, one.id))
                    if one.state in states
                    and (scope in (None, one.scope) or (scope == PRODUCTS and one.scope != SITE))
                    and (since is None or one.changed_at >= since)
                ]
                for newest_first in (False, True):
                    asked = Selection(alba.shop.id, True, scope, states, since, newest_first)
                    if newest_first:
                        expected.reverse()
                    check_selected(database, asked, expected)


def test_a_moment_since_which_everything_has_changed_need_not_be_looked_at(
    database: EngineDatabase, alba: Member, bruno: Member
) -> None:
    database.write_now(lambda tx: review(tx, alba, "A-1", now=NOW))
    database.write_now(lambda tx: review(tx, bruno, "B-1", now=NOW - 100))
    asked = Selection(alba.shop.id, True, changed_from=NOW)
    assert database.read_now(lambda tx: simplified(tx, asked)) == asked._replace(changed_from=None)
    later = asked._replace(changed_from=NOW + 1)
    assert database.read_now(lambda tx: simplified(tx, later)) == later


def check_selected(database: EngineDatabase, asked: Selection, expected: list[Review]) -> None:
    def read(tx: Transaction) -> tuple[int, list[Cursor], list[Cursor], list[Review]]:
        all_places = cursors_of(tx, asked, behind=asked.start, most=1_000)
        some = cursors_of(tx, asked, behind=asked.start, most=3, skipped=2)
        found = [one for one, _ in reviews_at(tx, asked.shop_id, some)]
        return count_selected(tx, asked), all_places, some, found

    total, places, some, found = database.read_now(read)
    assert places == [Cursor(one.written_at, one.id) for one in expected], asked
    assert total == len(expected) and some == places[2:5], asked
    assert found == expected[2:5], asked


# What it costs.

MANY = """
INSERT INTO reviews (shop_id, review_id, order_id, live, scope, state, version, rating, text, author, lang,
                     experience_date, salt, written_at, changed_at, published_at, flags, wants_reply, text_hash,
                     address_hash)
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000)
SELECT n - n / 2 * 2, n * 1024, n, 1, CASE WHEN n - n / 4 * 4 < 2 THEN 'site' ELSE '100' END,
       CASE WHEN n - n / 20 * 20 = 1 THEN 'waiting' WHEN n - n / 20 * 20 = 3 THEN 'rejected' ELSE 'published' END,
       1, 1 + n - n / 5 * 5, 'Words ' || n, 'Clara N.', 'en', '2026-01-01', '', n, n, n, '', 0, '', ''
FROM numbers
"""
"""Of two shops in turn, a second apart; of twenty one waits and one is rejected."""

IN_THE_ORDER_OF = {
    "newest_reviews": "reviews_newest",
    "oldest_reviews": "reviews_newest",
    "shown_reviews": "reviews_newest",
    "reviews_of_rating": "reviews_by_rating",
    "waiting_reviews": "reviews_waiting",
    "changed_reviews": "reviews_changed",
    "places_newest": "reviews_dated",
    "places_oldest": "reviews_dated",
    "places_of_scope_newest": "reviews_dated_of_scope",
    "places_of_scope_oldest": "reviews_dated_of_scope",
    "places_unpublished_newest": "reviews_unpublished",
    "places_unpublished_oldest": "reviews_unpublished",
}
"""The index that gives a query its reviews in their order, so that no more are read than are given."""

FROM_AN_INDEX_ALONE = {
    name: index for name, index in IN_THE_ORDER_OF.items() if name.startswith("places")
} | {
    "places_changed_newest": "reviews_changed",
    "places_changed_oldest": "reviews_changed",
    "count_changed": "reviews_changed",
    "longest_unchanged": "reviews_changed",
}
"""What passes over reviews without reading their rows."""

VALUES = {
    "shop_id": 1,
    "live": 1,
    "scope": "100",
    "left_out": "",
    "rating": 3,
    "state": None,
    "one": "rejected",
    "two": "waiting",
    "three": "published",
    "four": "withdrawn",
    "published_at": 10_000,
    "written_at": 10_000,
    "changed_at": 10_000,
    "changed_from": 19_000,
    "review_id": 10_000 * 1024,
    "most": 10,
    "skipped": 50,
}


@pytest.fixture
def plan_of(database: EngineDatabase, engine: str) -> Callable[[str], str]:
    """How the engine would answer a query, when there is much and it knows how much."""
    how = "EXPLAIN QUERY PLAN" if engine == "sqlite" else "EXPLAIN"
    database.write_now(lambda tx: tx.run(MANY))
    database.read_now(lambda tx: tx.run("ANALYZE" if engine == "sqlite" else "VACUUM ANALYZE reviews"))

    def plan_of(name: str) -> str:
        rows = database.read_now(lambda tx: tx.rows(f"{how} {query(name)}", VALUES))
        return "\n".join(str(row[-1]) for row in rows)

    return plan_of


def test_reviews_are_read_in_their_order_without_sorting(plan_of: Callable[[str], str]) -> None:
    for name, index in IN_THE_ORDER_OF.items():
        plan = plan_of(name)
        assert not any(word in plan for word in ("TEMP B-TREE", "Sort", "Seq Scan", "Bitmap")), (name, plan)
        assert f"{index} " in plan, (name, plan)


def test_reviews_are_passed_over_in_an_index_alone(plan_of: Callable[[str], str]) -> None:
    for name, index in FROM_AN_INDEX_ALONE.items():
        plan = plan_of(name)
        assert f"COVERING INDEX {index} " in plan or ("Index Only Scan" in plan and f"{index} " in plan), (
            name,
            plan,
        )
