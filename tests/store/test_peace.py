"""How often an author gets e-mails about what is done with the link of an order."""

import json
from typing import Any

from afterword.domain.messages import MessageKind, Queue
from afterword.store.messages.enqueue import PEACE_OF_AUTHOR
from tests.store.cast import DUE, Customer, Member
from tests.store.kinds import claims, claims_one


def waiting_for_clara(alba: Member, kind: MessageKind) -> list[tuple[int, Any]]:
    """When each of a kind that waits is due, and its details."""
    asked = "SELECT due_at, payload FROM messages WHERE kind = :kind AND state = 'scheduled'"
    return [(due_at, json.loads(payload)) for due_at, payload in alba.rows(asked, {"kind": kind})]


def test_an_order_gets_one_receipt_an_hour_of_all_that_was_written(alba: Member, clara: Customer) -> None:
    """Whoever holds a link must not have the server send e-mails without end."""
    about, other = alba.order(), alba.order("A-2")
    clara.reviews(about, 1, text="Good.", now=DUE)
    clara.reviews(about, 2, text="Good rolls.", now=DUE)
    first = claims_one("receipt", alba)
    assert len(first.message.details["receipts"]) == len(first.message.reviews) == 2
    clara.reviews(about, 1, text="Better.", seen=1, now=DUE + 1)
    assert [due_at for due_at, _ in waiting_for_clara(alba, "receipt")] == [DUE + 1 + PEACE_OF_AUTHOR]
    alba.delivers(first, DUE + 2)
    best = clara.reviews(about, 1, text="Best.", seen=2, now=DUE + 3)
    shop = clara.reviews(about, 0, text="Kind people.", now=DUE + 4)
    [(due_at, details)] = waiting_for_clara(alba, "receipt")
    assert due_at == DUE + 1 + PEACE_OF_AUTHOR and claims("receipt", alba, due_at - 1) == []
    assert [(each["review"], each["salt"]) for each in details["receipts"]] == [
        (best.id, best.salt),
        (shop.id, shop.salt),
    ]
    clara.reviews(other, 1, text="Another order.", now=DUE + 5)
    assert claims_one("receipt", alba, DUE + 5).message.reviews[0].text == "Another order."
    alba.delivers(claims_one("receipt", alba, due_at), due_at)
    clara.reviews(about, 2, text="Good rolls!", seen=1, now=due_at + 60)
    assert [due_at for due_at, _ in waiting_for_clara(alba, "receipt")] == [due_at + PEACE_OF_AUTHOR]
    clara.reviews(about, 2, text="Good rolls?", seen=2, now=due_at + 9_999)
    [(again, details)] = waiting_for_clara(alba, "receipt")
    assert again == due_at + PEACE_OF_AUTHOR and len(details["receipts"]) == 1


def test_withdrawals_are_told_once_an_hour(alba: Member, clara: Customer) -> None:
    about = alba.order()
    gone = [clara.reviews(about, line, text=f"Line {line}.", now=DUE) for line in range(3)]
    clara.withdraws(gone[0], DUE + 1)
    first = claims_one("withdrawal", alba, DUE + 1)
    assert [review.id for review in first.message.reviews] == [gone[0].id]
    alba.delivers(first, DUE + 2)
    for review in gone[1:]:
        clara.withdraws(review, DUE + 3)
    clara.reviews(about, 1, text="Here again.", seen=1, now=DUE + 4)
    [(due_at, _)] = waiting_for_clara(alba, "withdrawal")
    assert due_at == DUE + 2 + PEACE_OF_AUTHOR
    assert [one.id for one in claims_one("withdrawal", alba, due_at).message.reviews] == [gone[2].id]


def test_an_unsubscribed_author_is_not_told_of_a_withdrawal(alba: Member, clara: Customer) -> None:
    review = clara.reviews(alba.order(), now=DUE)
    alba.suppresses("clara@nunez.example", now=DUE)
    clara.withdraws(review, DUE + 1)
    assert alba.claims(DUE + 1, queue=Queue.MAIL) == [] and waiting_for_clara(alba, "withdrawal") == []
