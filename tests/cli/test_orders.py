import time

import pytest

from afterword.domain.orders.batch import RefusedOrder
from afterword.domain.orders.order import FieldError
from afterword.domain.values import utc_text
from afterword.store.refused import Refusal, keep_refused
from tests.cli.command import Command
from tests.store.cast import DUE, Customer, Member


def test_refused_orders_are_listed_with_what_was_wrong(afterword: Command, alba: Member) -> None:
    assert afterword.say("order", "refused", "1") == "No orders were refused.\n"
    now = int(time.time())
    errors = [FieldError("email", "not an e-mail address"), FieldError("lastname", None)]
    refused = [
        RefusedOrder(0, "A-1", "R-1", errors),
        RefusedOrder(1, None, None, [FieldError("", "not an object")]),
    ]
    alba.acts(keep_refused, [Refusal(alba.shop, True, now, refused)])
    said = afterword.say("order", "refused", "Alba's bakery").splitlines()
    assert said[0].split() == ["refused", "mode", "order", "reference", "errors"]
    assert said[1].endswith("order (not an object)")
    assert said[2].endswith("A-1    R-1        email (not an e-mail address), lastname (missing)")
    assert "2 orders refused in the last 30 days" in afterword.say("order", "refused", "1", "--limit", "1")
    found = afterword.json("order", "refused", "1", "--limit", "1")
    assert found["orders"] == [
        {
            "refused_at": utc_text(now),
            "live": True,
            "id_order": None,
            "reference": None,
            "errors": [{"field": "", "message": "not an object"}],
        }
    ]
    assert [(day["live"], day["orders"]) for day in found["days"]] == [(True, 2)]


def test_an_order_is_shown_with_its_email_and_reviews(
    afterword: Command, alba: Member, clara: Customer
) -> None:
    about = alba.order("A-1", reference="R-1")
    said = afterword.say("order", "show", "Alba's bakery", "A-1")
    assert "id_order:    A-1" in said and "clara@nunez.example" in said
    assert "E-mail: not sent yet; due 2026-03-11 15:12:06 (Europe/Paris)" in said
    assert said.endswith("No reviews yet.\n")
    assert afterword.json("order", "show", "1", "R-1") == afterword.json("order", "show", "1", "A-1")
    alba.sends_due()
    assert "E-mail: sent 2026-03-11" in afterword.say("order", "show", "1", "R-1")
    clara.reviews(about, line=1)
    said = afterword.say("order", "show", "1", "R-1")
    assert "(Europe/Paris), and answered by a review" in said
    assert f"Review of {about.lines[0].name}: published, written 2026-03-01 15:12:06 (Europe/Paris)" in said
    found = afterword.json("order", "show", "1", "A-1")
    assert (found["invitation"]["state"], found["reviews"][0]["state"]) == ("answered", "published")
    assert [line["name"] for line in found["products"]] == [line.name for line in about.lines]
    assert found["suppressed"] is None and found["received_at"] == "2026-03-01T14:12:06Z"


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        (("failed", "550 no such user"), "could not be delivered: 550 no such user"),
        (("deferred", "452 mailbox full"), "after 1 try: 452 mailbox full"),
        (("in_doubt", "the line broke"), "may have arrived or not (the line broke)"),
    ],
)
def test_what_happened_to_an_email_is_said(
    afterword: Command, alba: Member, outcome: tuple[str, str], says: str
) -> None:
    alba.sends("A-1")
    claim = alba.claims_one()
    assert "being sent just now" in afterword.say("order", "show", "1", "A-1")
    assert alba.marks(claim)
    alba.records(claim, *outcome, again=int(DUE) + 300 if outcome[0] == "deferred" else None)
    assert says in afterword.say("order", "show", "1", "A-1")


def test_an_order_that_is_not_there_is_one_sentence(afterword: Command, alba: Member) -> None:
    alba.sends("A-1", live=False)
    assert afterword.run("order", "show", "1", "A-2").sentence == "this shop has no live order 'A-2'"
    said = afterword.run("order", "show", "1", "A-1").sentence
    assert said == "this shop has no live order 'A-1'; there is a test order of that name"
    assert afterword.json("order", "show", "1", "A-1", "--test")["live"] is False


def test_an_id_order_is_meant_before_a_reference(afterword: Command, alba: Member, bruno: Member) -> None:
    alba.sends("A-1", reference="A-2")
    alba.sends("A-2", reference="A-3")
    bruno.sends("B-1", reference="A-1")
    found = [afterword.json("order", "show", "1", name)["id_order"] for name in ("A-1", "A-2", "A-3")]
    assert found == ["A-1", "A-2", "A-2"]


def test_a_suppressed_address_and_an_unsent_email_are_named(
    afterword: Command, alba: Member, clara: Customer
) -> None:
    about = alba.order("A-1")
    alba.suppresses("clara@nunez.example")
    said = afterword.say("order", "show", "1", "A-1")
    assert "No e-mail is sent to this address: unsubscribed" in said
    clara.reviews(about)
    assert "Another e-mail, receipt: scheduled." in afterword.say("order", "show", "1", "A-1")
    assert [each["kind"] for each in afterword.json("order", "show", "1", "A-1")["unsent"]] == ["receipt"]
