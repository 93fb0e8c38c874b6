"""The trace of refused orders: bounded, without personal data, and gone after thirty days."""

from afterword.domain.orders.batch import RefusedOrder
from afterword.domain.orders.order import FieldError
from afterword.store.refused import (
    KEPT_FOR,
    MOST_A_DAY,
    MOST_ERRORS,
    Refusal,
    are_any_old,
    count_refused,
    forget_old,
    keep_refused,
    list_refused,
)
from tests.store.cast import NOW, Member

DAY = 86_400
NO_NAME = [FieldError("lastname", None)]


def orders(count: int, errors: list[FieldError] = NO_NAME) -> list[RefusedOrder]:
    return [RefusedOrder(n, f"A-{n}", None, errors) for n in range(count)]


def refuses(member: Member, count: int, at: float = NOW, *, live: bool = True) -> None:
    member.acts(keep_refused, [Refusal(member.shop, live, at, orders(count))])


def listed(member: Member, now: float = NOW, most: int = 5_000) -> list[str | None]:
    return [row.id_order for row in member.asks(list_refused, member.shop, now, most=most)]


def test_what_was_refused_is_listed_newest_first_for_its_shop_alone(alba: Member, bruno: Member) -> None:
    errors = [FieldError("email", "not an e-mail address"), FieldError("products[3].name", None)]
    first = Refusal(alba.shop, True, NOW + 0.7, [RefusedOrder(2, "A-1", "R-1", errors)])
    later = Refusal(alba.shop, False, NOW + 9, [RefusedOrder(0, None, None, NO_NAME)])
    alba.acts(keep_refused, [later, first])
    rows = alba.asks(list_refused, alba.shop, NOW + 10, most=10)
    assert [tuple(row) for row in rows] == [
        (int(NOW) + 9, False, None, None, NO_NAME),
        (int(NOW), True, "A-1", "R-1", errors),
    ]
    assert listed(bruno) == []
    assert listed(alba, most=1) == [None]


def test_of_a_day_a_thousand_are_kept_and_all_are_counted(alba: Member) -> None:
    refuses(alba, MOST_A_DAY - 1)
    refuses(alba, 3)
    refuses(alba, 2)
    refuses(alba, 1, live=False)
    refuses(alba, 1, NOW + DAY)
    assert len(listed(alba)) == MOST_A_DAY + 2
    by_day = [(day.live, day.amount) for day in alba.asks(count_refused, alba.shop, NOW + DAY)]
    assert by_day == [(True, 1), (True, MOST_A_DAY + 4), (False, 1)]


def test_of_an_order_with_very_many_errors_the_first_are_kept(alba: Member) -> None:
    errors = [FieldError(f"products[{n}].id", None) for n in range(1_000)]
    alba.acts(keep_refused, [Refusal(alba.shop, True, NOW, orders(1, errors))])
    [row] = alba.asks(list_refused, alba.shop, NOW, most=1)
    assert row.errors == errors[:MOST_ERRORS]


def test_after_thirty_days_nothing_of_it_is_left(alba: Member, bruno: Member) -> None:
    refuses(alba, 2)
    refuses(bruno, 1)
    refuses(alba, 1, NOW + DAY)
    last = NOW + (KEPT_FOR - 1) * DAY
    assert not alba.asks(are_any_old, last)
    assert len(listed(alba, last)) == 3
    assert len(listed(alba, last + DAY)) == len(alba.asks(count_refused, alba.shop, last + DAY)) == 1
    assert alba.asks(are_any_old, last + DAY)
    assert alba.acts(forget_old, last + DAY) == 2
    assert not alba.asks(are_any_old, last + DAY)
    assert [len(alba.rows(f"SELECT * FROM {name}")) for name in ("refused_orders", "refused_counts")] == [
        1,
        1,
    ]
