"""What happens is counted on its day, in the transaction in which it happens."""

import asyncio
from datetime import UTC, datetime

import pytest

from afterword.base.errors import Refused
from afterword.domain.figures import CANCELLED, FIGURES, GIVEN, day_of
from afterword.store.engine.database import Database, Transaction
from afterword.store.figures import figures_of, sums_of
from afterword.store.messages.doubts import settle_doubt
from afterword.store.messages.invitations import cancel_invitation, open_invitation, send_invitation
from afterword.store.orders import Arrival, import_orders
from tests.store.cast import DUE, NOW, Customer, Member, link_found, order, phone_number_found

DAY = day_of("Europe/Paris", NOW)
EVER = {"first": 0, "last": 10**6}


def counted(member: Member, *, live: bool = True) -> dict[str, int]:
    """All figures of a shop that are not zero."""
    found = member.asks(sums_of, member.shop, [*FIGURES, *GIVEN, *CANCELLED], live=live, **EVER)
    return {name: amount for name, amount in found.items() if amount}


def days(member: Member, name: str) -> dict[int, int]:
    return member.asks(figures_of, member.shop, [name], live=True, **EVER)[name]


@pytest.mark.parametrize(
    ("zone", "moment", "day"),
    [
        ("UTC", "2026-03-01T23:59:59", "2026-03-01"),
        ("Europe/Paris", "2026-03-01T23:00:00", "2026-03-02"),
        ("Europe/Paris", "2026-03-29T21:59:59", "2026-03-29"),  # summer time began that night
        ("Europe/Paris", "2026-03-29T22:00:00", "2026-03-30"),
        ("Asia/Kathmandu", "2026-03-01T18:14:59", "2026-03-01"),
        ("Asia/Kathmandu", "2026-03-01T18:15:00", "2026-03-02"),
        ("America/Los_Angeles", "2026-03-02T07:59:59", "2026-03-01"),
        ("Pacific/Kiritimati", "2026-03-01T10:00:00", "2026-03-02"),
    ],
)
def test_a_day_begins_at_midnight_in_the_shops_time_zone(zone: str, moment: str, day: str) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()
    assert day_of(zone, at) == (datetime.fromisoformat(day) - datetime(1970, 1, 1)).days


def test_new_orders_are_counted_and_repeated_ones_are_not(alba: Member) -> None:
    alba.sends_batch(order("A-1"), order("A-2"), order("A-1"))
    alba.sends_batch(order("A-1"), order("A-3"), at=NOW + 86_400)
    alba.sends("T-1", live=False)
    assert days(alba, "orders") == {DAY: 2, DAY + 1: 1}
    assert counted(alba, live=False) == {"orders": 1}


def test_what_failed_is_not_counted(alba: Member) -> None:
    with pytest.raises(ZeroDivisionError):
        alba.acts(_import_and_fail, alba)
    assert counted(alba) == {}


def _import_and_fail(tx: Transaction, alba: Member) -> None:
    import_orders(tx, [Arrival(alba.shop, alba.live, [(0, order("A-1"))], NOW)])
    raise ZeroDivisionError


def test_writes_that_share_a_transaction_are_counted_together(database: Database, alba: Member) -> None:
    async def import_all() -> None:
        arrivals = [Arrival(alba.shop, alba.live, [(0, order(f"A-{number}"))], NOW) for number in range(5)]
        await asyncio.gather(
            *[database.write_together(import_orders, each, alba.shop.id) for each in arrivals]
        )

    asyncio.run(import_all())
    assert counted(alba) == {"orders": 5}


def test_invitations_are_counted_as_they_end(alba: Member) -> None:
    sent, bounced, doubtful = alba.sends("A-1"), alba.sends("A-2"), alba.sends("A-3")
    for claim, kind in zip(alba.claims_each(), ("sent", "failed", "in_doubt"), strict=True):
        assert alba.marks(claim)
        alba.records(claim, kind, "550 no such mailbox")
    assert alba.states(sent, bounced, doubtful) == ["sent", "failed", "in_doubt"]
    assert counted(alba) == {"orders": 3, "sent": 1, "bounced": 1}
    assert days(alba, "sent") == {day_of("Europe/Paris", DUE): 1}
    assert alba.acts(settle_doubt, alba.shop, doubtful.number, arrived=True, now=DUE)
    assert counted(alba)["sent"] == 2


def test_a_review_of_one_in_doubt_says_that_it_was_sent(alba: Member, clara: Customer) -> None:
    about = alba.order()
    claim = alba.claims_one()
    alba.marks(claim)
    alba.records(claim, "in_doubt")
    clara.reviews(about, now=DUE)
    clara.reviews(about, 1, now=DUE)
    assert alba.state(about.order_id) == "answered"
    assert (counted(alba)["sent"], counted(alba)["opened"], counted(alba)["reviewed"]) == (1, 1, 1)


def test_a_form_is_opened_once(alba: Member, clara: Customer) -> None:
    about = alba.order()
    for _ in range(3):
        alba.acts(open_invitation, about, NOW)
    assert counted(alba) == {"orders": 1, "opened": 1}
    clara.reviews(about)
    assert counted(alba)["opened"] == 1


def test_cancelling_is_counted_by_its_reason_until_it_is_sent_after_all(alba: Member) -> None:
    first, second = (alba.sees(alba.sends(name)).id for name in ("A-1", "A-2"))
    alba.acts(cancel_invitation, first, "refunded", NOW)
    alba.acts(cancel_invitation, second, "they moved away", NOW)
    with pytest.raises(Refused):
        alba.acts(cancel_invitation, second, "refunded", NOW)
    assert counted(alba) == {"orders": 2, "cancelled:refunded": 1, "cancelled:other": 1}
    alba.acts(send_invitation, second, NOW)
    assert counted(alba) == {"orders": 2, "cancelled:refunded": 1}


def test_unsubscribing_is_no_cancelling_by_the_shop(alba: Member) -> None:
    invitation = alba.sends()
    alba.suppresses("clara@nunez.example")
    assert alba.claims() == []
    assert alba.state(invitation) == "cancelled"
    alba.allows("clara@nunez.example")
    alba.acts(send_invitation, alba.sees(invitation).id, DUE)
    assert counted(alba) == {"orders": 1}


def test_reviews_are_counted_by_stars_and_by_what_becomes_of_them(alba: Member, clara: Customer) -> None:
    first, second = alba.order("A-1"), alba.order("A-2")
    shown = clara.reviews(first, rating=4)
    clara.reviews(first, 1, rating=2)
    waiting = clara.reviews(second, rating=1, text="Call 0171", look=phone_number_found)
    alba.rejects(waiting)
    assert counted(alba) == {
        "orders": 2,
        "opened": 2,
        "reviewed": 2,
        "reviews": 3,
        "published": 2,
        "rejected": 1,
        "reviews:1": 1,
        "reviews:2": 1,
        "reviews:4": 1,
        "scored": 1,
        "stars": 4,
    }
    clara.reviews(first, rating=5, text="Better than I said.", seen=1)
    assert (counted(alba)["reviews"], counted(alba)["scored"], counted(alba)["stars"]) == (3, 1, 5)
    clara.withdraws(alba.finds(shown))
    assert "scored" not in counted(alba)
    assert "stars" not in counted(alba)


def test_a_new_version_that_waits_leaves_the_score(alba: Member, clara: Customer) -> None:
    about = alba.order()
    clara.reviews(about, rating=3)
    waiting = clara.reviews(about, rating=5, text="See my page.", seen=1, look=link_found)
    assert "scored" not in counted(alba)
    alba.publishes(waiting)
    assert (counted(alba)["published"], counted(alba)["scored"], counted(alba)["stars"]) == (2, 1, 5)
