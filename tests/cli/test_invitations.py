"""What a shop sees of its invitations, and does to them by its own hand."""

import time
from typing import Any

import pytest

from afterword.domain.messages import Outcome
from afterword.store.engine.database import Transaction
from tests.cli.command import Command
from tests.store.cast import (
    NOW,
    Member,
    add_member,
    claim,
    import_batch,
    import_one,
    mark_sending,
    order,
    record_outcome,
)

FIELDS = ["id", "shop_id", "id_order", "live", "state", "due_at", "sent_at", "tries", "reason"]


@pytest.fixture
def alba(afterword: Command) -> Member:
    """Alba's bakery, with Clara's order A-1 of NOW."""
    database = afterword.database()
    member = database.write_now(lambda tx: add_member(tx, "Alba's bakery"))
    database.write_now(lambda tx: import_one(tx, member, order("A-1", reference="R-1")))
    database.close_now()
    return member


def settle(afterword: Command, member: Member, outcome: Outcome | None) -> None:
    """Claims and marks what is due, and records what the courier said, if it said anything."""

    def work(tx: Transaction) -> None:
        for each in claim(tx, member, NOW + 11 * 86_400):
            assert mark_sending(tx, each, now=NOW, lease_until=2**40)
            if outcome:
                record_outcome(tx, each, outcome, now=NOW + 11 * 86_400, next_try_at=None)

    database = afterword.database()
    database.write_now(work)
    database.close_now()


def only(afterword: Command) -> dict[str, Any]:
    [row] = afterword.json("invitation", "list", "Alba's bakery")
    return row  # type: ignore[no-any-return]


def test_a_list_has_exactly_the_promised_fields(afterword: Command, alba: Member) -> None:
    row = only(afterword)
    assert list(row) == FIELDS
    assert row == {
        "id": row["id"],
        "shop_id": alba.shop.id,
        "id_order": "A-1",
        "live": True,
        "state": "scheduled",
        "due_at": "2026-03-11T14:12:06Z",
        "sent_at": None,
        "tries": 0,
        "reason": None,
    }


def test_a_list_goes_through_all_pages_the_newest_first_and_by_state(
    afterword: Command, alba: Member
) -> None:
    database = afterword.database()
    database.write_now(lambda tx: import_batch(tx, alba, *(order(f"B-{i}") for i in range(2_500))))
    database.close_now()
    listed = [row["id_order"] for row in afterword.json("invitation", "list", "1")]
    assert listed == [f"B-{i}" for i in reversed(range(2_500))] + ["A-1"]
    assert len(afterword.say("invitation", "list", "1", "--state", "scheduled").splitlines()) == 2_502
    assert afterword.json("invitation", "list", "1", "--state", "sent") == []
    assert "is not one of" in afterword.run("invitation", "list", "1", "--state", "lost").usage


def test_one_shop_does_not_see_anothers_invitations(afterword: Command, alba: Member) -> None:
    afterword.json("shop", "add", "Bruno's books")
    assert afterword.json("invitation", "list", "Bruno's books") == []


def test_one_invitation_is_shown_with_its_order_and_its_message_id(afterword: Command, alba: Member) -> None:
    row = only(afterword)
    shown = afterword.json("invitation", "show", str(row["id"]), AFTERWORD_URL="https://reviews.alba.example")
    assert {name: shown[name] for name in FIELDS} == row
    assert (shown["reference"], shown["email"], shown["shop"]) == (
        "R-1",
        "clara@nunez.example",
        "Alba's bakery",
    )
    assert shown["message_id"].endswith("@reviews.alba.example>")
    assert "clara@nunez.example" in afterword.say("invitation", "show", str(row["id"]))
    assert afterword.run("invitation", "show", "99").sentence == "there is no invitation 99"


def test_signs_that_could_steer_a_terminal_are_escaped_for_people(afterword: Command, alba: Member) -> None:
    database = afterword.database()
    database.write_now(lambda tx: import_one(tx, alba, order("\N{RIGHT-TO-LEFT OVERRIDE}1-A\x9b2J")))
    database.close_now()
    assert r"\u202e1-A\x9b2J" in afterword.say("invitation", "list", "1")


def test_one_is_cancelled_with_the_reason_and_only_once(afterword: Command, alba: Member) -> None:
    number = str(only(afterword)["id"])
    assert "Missing option '--reason'" in afterword.run("invitation", "cancel", number).usage
    row = afterword.json("invitation", "cancel", number, "--reason", "the order was returned")
    assert (row["state"], row["reason"]) == ("cancelled", "the order was returned")
    refused = afterword.run("invitation", "cancel", number, "--reason", "again").sentence
    assert refused == f"invitation {number} is cancelled and cannot be cancelled"


@pytest.mark.parametrize(
    ("to", "due"),
    [
        ("2030-03-01T14:05:26Z", "2030-03-01T14:05:26Z"),
        ("2030-03-01 14:05:26.2+01:00", "2030-03-01T13:05:27Z"),
    ],
)
def test_one_is_moved_to_a_moment_never_earlier_than_said(
    afterword: Command, alba: Member, to: str, due: str
) -> None:
    number = str(only(afterword)["id"])
    assert (
        afterword.say("invitation", "move", number, "--to", to) == f"Invitation {number} is due at {due}.\n"
    )
    assert only(afterword)["due_at"] == due


def test_one_is_moved_to_so_long_from_now(afterword: Command, alba: Member) -> None:
    before = time.time()
    row = afterword.json("invitation", "move", str(only(afterword)["id"]), "--to", "+2d")
    due = time.strptime(row["due_at"], "%Y-%m-%dT%H:%M:%SZ")
    assert before + 2 * 86_400 <= time.mktime(due) - time.timezone <= time.time() + 2 * 86_400 + 1


@pytest.mark.parametrize(
    "to", ["2030-03-01", "2030-03-01T14:05:26", "tomorrow", "+2", "1969-01-01T00:00:00Z"]
)
def test_a_moment_without_its_offset_is_a_usage_error(afterword: Command, alba: Member, to: str) -> None:
    assert repr(to.lstrip("+")) in afterword.run("invitation", "move", "1", "--to", to).usage


def test_one_in_doubt_is_sent_by_a_persons_word(afterword: Command, alba: Member) -> None:
    settle(afterword, alba, Outcome("in_doubt", "the connection broke"))
    row = only(afterword)
    assert (row["state"], row["reason"]) == ("in_doubt", "the connection broke")
    assert "cannot be moved" in afterword.run("invitation", "move", str(row["id"]), "--to", "+1d").sentence
    assert afterword.json("invitation", "send", str(row["id"]))["state"] == "scheduled"


def test_one_that_was_sent_is_never_sent_again(afterword: Command, alba: Member) -> None:
    settle(afterword, alba, Outcome("sent", "250 ok"))
    row = only(afterword)
    assert (row["state"], row["tries"], row["sent_at"]) == ("sent", 1, "2026-03-12T14:12:06Z")
    refused = afterword.run("invitation", "send", str(row["id"])).sentence
    assert refused == f"invitation {row['id']} is sent and cannot be sent again"


def test_one_in_a_couriers_hands_is_left_there(afterword: Command, alba: Member) -> None:
    settle(afterword, alba, None)
    number = str(only(afterword)["id"])
    for words in (("send",), ("move", "--to", "+1d"), ("cancel", "--reason", "late")):
        assert "is sending and cannot be" in afterword.run("invitation", *words, number).sentence
