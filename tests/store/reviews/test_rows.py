"""Reviews in pages: none is skipped or shown twice while others come."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from afterword.domain.reviews.review import PRODUCTS, SITE, Review, ReviewState
from afterword.store.engine.database import Transaction
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
    shown_reviews,
    waiting_reviews,
)
from afterword.store.shops import cache_key_of
from tests.store.cast import NOW, Customer, Member, link_found, nothing_found

Page = Callable[[Transaction, Cursor], list[Review]]


def review(member: Member, id_order: str, line: int = 0, *, live: bool = True, **said: Any) -> Review:
    about = member.order(id_order, live=live, email=f"{id_order}@mail.example")
    return Customer(member.store).reviews(about, line, **{"text": f"About {id_order}.", **said})


# What is shown.


def test_what_is_shown_is_what_is_published_of_one_scope_newest_first(alba: Member, bruno: Member) -> None:
    ids = [review(alba, f"A-{n}", now=NOW + n).id for n in range(4)]
    review(alba, "product", 1)
    review(alba, "test", live=False)
    review(alba, "waits", look=link_found)
    review(bruno, "other shop")
    shown = alba.asks(shown_reviews, alba.shop.id, SITE, live=True, most=1_000)
    assert [each.id for each in shown] == ids[::-1]
    assert (shown[0].author, shown[0].published_at, shown[0].reply) == ("Clara N.", NOW + 3, None)
    assert alba.asks(shown_reviews, alba.shop.id, SITE, live=True, most=3) == shown[:3]


def test_the_cache_key_changes_with_whatever_becomes_of_a_review(alba: Member, clara: Customer) -> None:
    look = partial(alba.asks, cache_key_of, alba.shop.id, alba.shown.public_key)
    seen = [look()]
    made = review(alba, "A-1")
    seen.append(look())
    replied = alba.replies(made)
    seen.append(look())
    clara.withdraws(replied)
    seen.append(look())
    assert len(set(seen)) == 4
    review(alba, "A-1", live=False)
    assert look() == seen[-1], "reviews of the other mode have no part in it"


# Pages.


def by_publication(found: Review) -> Cursor:
    return Cursor(found.published_at or 0, found.id)


def by_words(found: Review) -> Cursor:
    return Cursor(found.written_at, found.id)


def by_change(found: Review) -> Cursor:
    return Cursor(found.changed_at, found.id)


def listed(shop_id: int, newest_first: bool) -> Page:
    selection = Selection(shop_id, True, newest_first=newest_first)

    def read(tx: Transaction, behind: Cursor) -> list[Review]:
        places = cursors_of(tx, selection, behind=behind, most=2)
        return [found for found, _ in reviews_at(tx, shop_id, places)]

    return read


def published(shop_id: int, order: Any, **more: Any) -> Page:
    return lambda tx, behind: published_reviews(
        tx, shop_id, SITE, live=True, order=order, behind=behind, most=2, **more
    )


def of_shop(read: Callable[..., list[Review]], shop_id: int) -> Page:
    return lambda tx, behind: read(tx, shop_id, live=True, behind=behind, most=2)


WAYS: dict[str, tuple[Callable[[int], Page], Cursor, Callable[[Review], Cursor]]] = {
    "newest": (partial(published, order="newest"), NEWEST_START, by_publication),
    "oldest": (partial(published, order="oldest"), OLDEST_START, by_publication),
    "of rating": (partial(published, order="newest", stars=(5,)), NEWEST_START, by_publication),
    "waiting": (partial(of_shop, waiting_reviews), OLDEST_START, by_words),
    "changed": (partial(of_shop, changed_reviews), NEWEST_START, by_change),
    "listed, newest": (partial(listed, newest_first=True), NEWEST_START, by_words),
    "listed, oldest": (partial(listed, newest_first=False), OLDEST_START, by_words),
}
"""Each way of reading in pages of two: how, where it begins, and where a review is in it."""


@pytest.mark.parametrize("way", WAYS)
def test_paging_neither_skips_nor_repeats_while_others_come(alba: Member, way: str) -> None:
    page_of, behind, place_of = WAYS[way]
    look = link_found if way == "waiting" else nothing_found

    def more(name: str, many: int, now: int) -> list[int]:
        """Those of the same second by their ids, as they come in pages."""
        moments = [now + n // 3 for n in range(many)]
        ids = [review(alba, f"{name}-{n}", now=at, look=look).id for n, at in enumerate(moments)]
        return [each for _, each in sorted(zip(moments, ids, strict=True))]

    there = more("first", 8, NOW)
    seen: list[int] = []
    while found := alba.asks(page_of(alba.shop.id), behind):
        behind = place_of(found[-1])
        seen += [each.id for each in found]
        if len(seen) < 8:
            more(f"at-{len(seen)}", 2, NOW + 100 * len(seen))
    from_the_front = way in ("oldest", "waiting", "listed, oldest")
    assert len(set(seen)) == len(seen)
    assert seen[:8] == (there if from_the_front else there[::-1])
    assert len(seen) == (14 if from_the_front else 8)


def test_the_pages_of_some_stars_go_on_behind_the_last_review(alba: Member, bruno: Member) -> None:
    for number in range(12):
        review(alba, f"{number}", rating=number % 3 + 1, now=NOW + number)
    review(bruno, "other shop", rating=3)
    found: list[Review] = []
    asked: dict[str, Any] = {"stars": (3, 1), "behind": None}
    while page := alba.asks(published_reviews, alba.shop.id, SITE, live=True, most=3, **asked):
        found += page
        asked = {"stars": (3, 1) if page[-1].rating == 3 else (1,), "behind": by_publication(page[-1])}
    assert [review.text for review in found] == [f"About {n}." for n in (11, 8, 5, 2, 9, 6, 3, 0)]


STATES: tuple[ReviewState, ...] = ("waiting", "published", "rejected", "withdrawn", "erased")


def of_all_kinds(alba: Member, clara: Customer) -> list[Review]:
    """Reviews of three scopes in five states, written in no order; some changed since."""
    chance = random.Random(4)
    become = {"rejected": alba.rejects, "withdrawn": clara.withdraws, "erased": alba.erases}
    made = []
    for number in range(45):
        state, at = STATES[number % 5], NOW + chance.randrange(20)
        look = link_found if state == "waiting" else nothing_found
        one = review(alba, f"{number}", number % 3, now=at, look=look)
        if state in become:
            one = become[state](one, now=at)
        elif number % 4 == 0:
            one = alba.replies(one, now=NOW + 100)
        made.append(one)
    return made


def test_whatever_is_selected_is_exactly_that_and_is_counted_so(alba: Member, bruno: Member) -> None:
    made = alba.acts(lambda tx: of_all_kinds(alba.within(tx), Customer(alba.within(tx).store)))
    review(bruno, "other shop")
    review(alba, "test", live=False)
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
                    alba.asks(check_selected, asked, expected)


def check_selected(tx: Transaction, asked: Selection, expected: list[Review]) -> None:
    everything = cursors_of(tx, asked, behind=asked.start, most=1_000)
    assert everything == [by_words(one) for one in expected], asked
    assert count_selected(tx, asked) == len(expected), asked
    some = cursors_of(tx, asked, behind=asked.start, most=3, skipped=2)
    assert some == everything[2:5], asked
    assert [one for one, _ in reviews_at(tx, asked.shop_id, some)] == expected[2:5], asked


def test_a_moment_since_which_all_has_changed_need_not_be_looked_at(alba: Member, bruno: Member) -> None:
    review(alba, "A-1", now=NOW)
    review(bruno, "B-1", now=NOW - 100)
    asked = Selection(alba.shop.id, True, changed_from=NOW)
    assert alba.asks(simplified, asked) == asked._replace(changed_from=None)
    later = asked._replace(changed_from=NOW + 1)
    assert alba.asks(simplified, later) == later
